"""`alsim.correlate`: the Python twin of the command, with the same names and the same defaults."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pyarrow as pa

from alsim.options.experts import EstimatorName, ExpertKind, GateInput
from alsim.options.faults import Faults
from alsim.options.model import BlockKind, FusionKind
from alsim.options.oracle import OracleKind
from alsim.options.pool import LabelKind, Standardise
from alsim.options.texts import parse_names
from alsim.options.training import BatchRule, LossWeighting, OptimiserName, TaskWeighting
from alsim.store import CorrelationStudy
from alsim.studies.arguments import build_options, plain_arguments, read_types
from alsim.studies.correlation.sizes import SizeOptions
from alsim.studies.correlation.study import (
    FLAG,
    CorrelateOptions,
    examine_correlate,
    metric_names,
    run_correlation,
)
from alsim.studies.curves.run import open_pool
from alsim.studies.dependencies import depending
from alsim.studies.expert_arguments import refuse_idle_flags
from alsim.studies.start.check import Device
from alsim.studies.watch import Watch

METRICS = ("loss", "margin", "entropy", "least-confident", "bald", "predicted-loss")
# What learning curves have beside: nothing is queried here.
_NOT_HERE: Mapping[str, Any] = {
    "query_size": None, "steps": None, "until": None, "candidates": None, "retrain": False,
    "price": 1.0, "read_price": None, "task_price": (), "task": None, "unit": None,
    "combine": None, "committee": None,
}  # fmt: skip


def correlate(  # noqa: D417 -- the arguments are the command's options, documented there
    pool: str | Path | pa.Table | None = None,
    *,
    metric: str | Sequence[str] = METRICS,
    seeds: str | int | Sequence[int] = 5,
    initial_size: int | None = None,
    initial_ids: str | Path | Sequence[str | int] | None = None,
    sample_size: int | None = None,
    group_size: int | None = None,
    oracle: OracleKind = "perfect",
    noise: str | float | Sequence[float] | None = None,
    confusion: str | Path | None = None,
    answers: int | None = None,
    groups: str | Path | None = None,
    max_questions: int | None = None,
    label: str | None = None,
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
) -> CorrelationStudy:
    """Correlate what a group of rows scores with what it teaches, and return the study.

    From the net of the passive phase, one copy is trained on each group of rows sorted by a
    metric; ρ is Spearman's, between the mean score of a group and the accuracy of its copy (VK
    2020, Tables 1 and 2). Groups at random, the metric "random", are always among them.

    Where `out` holds this very study unfinished, it goes on; finished, it is returned as it is.

    Every argument is the option of `alsim correlate` of the same name, documented there; texts are
    understood as on the command line.

    Args:
        pool: A Parquet file, folder or glob, or an Arrow table; None makes a small VK-like pool.
        out: The study's folder, absent, empty, or of this study; None takes a free one below
            `runs/`.
        force: Whether another run in `out` is moved aside for this one.
        watch: Hears of the progress.

    Raises:
        AlsimError: For anything the user can mend.
    """
    given = locals()
    with depending(given) as files:
        faults = Faults()
        options = read_correlate(correlate, given, faults)
        faults.raise_all("options cannot be used", "alsim correlate")
        assert options is not None
        return run_correlation(
            open_pool(pool),
            options,
            None if out is None else Path(out),
            watch or Watch(),
            arguments=plain_arguments(given),
            files=files,
            force=force,
        )


def read_correlate(
    function: Callable[..., Any], given: Mapping[str, Any], faults: Faults
) -> CorrelateOptions | None:
    """Return what arguments of `alsim.correlate` mean; add all that is wrong to the faults.

    Where a type is wrong, nothing more can be told, and None is returned.

    Args:
        function: `alsim.correlate`, for its defaults and types.
        given: Some of its arguments, by name.
        faults: Those found so far.
    """
    a = read_types(function, given, faults)
    if a is None:
        return None
    names = parse_names(a.metric)
    if not names:
        faults.add("no metric is named", FLAG, "name at least one, such as margin")
    given_too = {**_NOT_HERE, "strategy": metric_names(names)}
    study = build_options(SimpleNamespace(**vars(a), **given_too), faults)
    refuse_idle_flags((study.model.name,), study.model.experts, faults)
    options = CorrelateOptions(study, SizeOptions(a.sample_size, a.group_size))
    examine_correlate(options, faults)
    return options
