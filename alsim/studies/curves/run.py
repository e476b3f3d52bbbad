"""`alsim.run`: the Python twin of the command, with the same names and the same defaults."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pyarrow as pa

from alsim.options.curves import Combination, Members, Unit
from alsim.options.experts import EstimatorName, ExpertKind, GateInput
from alsim.options.model import BlockKind, FusionKind
from alsim.options.oracle import OracleKind
from alsim.options.pool import LabelKind, Standardise
from alsim.options.training import BatchRule, LossWeighting, OptimiserName, TaskWeighting
from alsim.pool.source import Source, open_source
from alsim.pool.synthetic import VkOptions, vk_pool
from alsim.store import Run
from alsim.studies.arguments import make_options, plain_arguments
from alsim.studies.curves.study import run_study
from alsim.studies.dependencies import depending
from alsim.studies.start.check import Device
from alsim.studies.watch import Watch

# Small enough for a first result within a minute on two cores.
EMBEDDED = VkOptions(n_rows=6000, picture_width=64, text_width=32)
EMBEDDED_STEPS = 50


def run(  # noqa: D417 -- the arguments are the command's options, documented there
    pool: str | Path | pa.Table | None = None,
    *,
    strategy: str | Sequence[str] = ("random", "margin"),
    seeds: str | int | Sequence[int] = 5,
    initial_size: int | None = None,
    initial_ids: str | Path | Sequence[str | int] | None = None,
    query_size: str | int | None = None,
    steps: int | None = None,
    until: str | None = None,
    candidates: int | None = None,
    unit: Unit | None = None,
    combine: Combination | None = None,
    committee: Members | None = None,
    oracle: OracleKind = "perfect",
    noise: str | float | Sequence[float] | None = None,
    confusion: str | Path | None = None,
    answers: int | None = None,
    groups: str | Path | None = None,
    max_questions: int | None = None,
    price: float = 1.0,
    task_price: Sequence[str] = (),
    read_price: float | None = None,
    label: str | Sequence[str] | None = None,
    task: str | None = None,
    modality: Sequence[str] = (),
    features: str | Sequence[str] = (),
    split: str | None = None,
    id_column: str | None = None,
    label_type: LabelKind | None = None,
    unknown: str | Sequence[str] = (),
    mask_modality: Sequence[str] = (),
    standardise: Standardise = "auto",
    split_seed: int = 0,
    model: str = "auto",
    width: int = 256,
    depth: int = 1,
    dropout: float = 0.5,
    blocks: BlockKind = "dense",
    fusion: FusionKind = "concat",
    heads: Literal["all", "mixed"] = "all",
    encoder: Sequence[str] | None = None,
    experts: int | None = None,
    expert_width: str | int | Sequence[int] | None = None,
    expert: ExpertKind = "mlp",
    tower_width: str | int | Sequence[int] | None = None,
    gate: GateInput = "input",
    expert_heads: Literal["mixed", "all"] = "mixed",
    task_experts: int = 2,
    levels: int = 1,
    reads: str | Sequence[str] | None = None,
    image_shape: str | Sequence[int] | None = None,
    image_layout: Literal["hwc", "chw"] = "hwc",
    estimator: EstimatorName = "leave-one-out",
    gate_samples: int = 4,
    density: float = 0.1,
    evaluation: str = "task-k",
    optimiser: OptimiserName = "adam",
    learning_rate: float = 1e-3,
    gate_learning_rate: float = 5e-2,
    batch_size: int = 512,
    batch_rule: BatchRule = "adaptive",
    epochs: int = 1,
    max_epochs: int = 500,
    patience: int = 10,
    retrain: bool = False,
    batch_norm: Literal["train", "frozen"] = "train",
    loss: LossWeighting = "uncertainty",
    head_weight: Sequence[str] = (),
    task_weighting: TaskWeighting = "equal",
    class_weights: Literal["none", "balanced"] = "none",
    precision: Literal["float32", "float64"] = "float32",
    device: Device = "auto",
    workers: int | None = None,
    replicas: Literal["auto", "direct", "lockstep"] = "auto",
    out: str | Path | None = None,
    force: bool = False,
    watch: Watch | None = None,
) -> Run:
    """Replay labelling on a pool whose labels are known, and return the run.

    Where `out` holds this very run unfinished, it goes on; finished, it is returned as it is.

    Every argument is the option of `alsim run` of the same name, documented there; texts such as
    `query_size="20:200"`, `seeds="3..7"`, `until="accuracy=0.9"` or `mask_modality=["text=0.2"]`
    are understood as on the command line.

    Args:
        pool: A Parquet file, folder or glob, or an Arrow table; None makes a small VK-like pool.
        out: The run's folder, absent, empty, or of this run; None takes a free one below `runs/`.
        force: Whether another run in `out` is moved aside for this one.
        watch: Hears of the progress.

    Raises:
        AlsimError: For anything the user can mend.
    """
    given = locals()
    with depending(given) as files:
        options = make_options(run, given)
        if pool is None and steps is None and options.schedule.until.kind == "steps":
            options = replace(options, schedule=replace(options.schedule, steps=EMBEDDED_STEPS))
        arguments = plain_arguments(given)
        return run_study(
            open_pool(pool),
            options,
            None if out is None else Path(out),
            watch or Watch(),
            arguments=arguments,
            files=files,
            force=force,
        )


def open_pool(pool: str | Path | pa.Table | None) -> Source:
    """Return where a pool's rows come from; None makes the small VK-like pool.

    Raises:
        PoolError: If it cannot be read.
    """
    return open_source(vk_pool(EMBEDDED), name="vk") if pool is None else open_source(pool)
