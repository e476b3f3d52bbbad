"""`alsim.train`: the Python twin of the command, with the same names and the same defaults."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pyarrow as pa

from alsim.options.experts import EstimatorName, ExpertKind, GateInput
from alsim.options.faults import Faults
from alsim.options.model import BlockKind, FusionKind
from alsim.options.pool import LabelKind, Standardise
from alsim.options.texts import parse_names, parse_seeds
from alsim.options.training import BatchRule, LossWeighting, OptimiserName, TaskWeighting
from alsim.store import TrainingStudy
from alsim.studies.arguments import (
    check_out,
    model_options,
    plain_arguments,
    pool_options,
    read_types,
    training_options,
)
from alsim.studies.curves.run import open_pool
from alsim.studies.dependencies import depending
from alsim.studies.machine import choose_device
from alsim.studies.start.check import Device, EngineOptions
from alsim.studies.training.check import TrainOptions, examine_train, parse_fractions
from alsim.studies.training.study import run_training
from alsim.studies.watch import Watch


def train(  # noqa: D417 -- the arguments are the command's options, documented there
    pool: str | Path | pa.Table | None = None,
    *,
    model: str | Sequence[str] = ("shared-bottom", "mmoe"),
    fractions: str | float | Sequence[float] = 1.0,
    seeds: str | int | Sequence[int] | None = None,
    match_parameters: bool = False,
    queries: str | Path | None = None,
    export_task: str | Sequence[str] = (),
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
    evaluation: str | Sequence[str] = "task-k",
    optimiser: OptimiserName = "adam",
    learning_rate: float = 1e-3,
    gate_learning_rate: float = 5e-2,
    batch_size: int = 512,
    batch_rule: BatchRule = "adaptive",
    max_epochs: int = 500,
    patience: int = 10,
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
) -> TrainingStudy:
    """Train models on a pool's labels, or on those that a run queried, and return the study.

    Each model is trained for each fraction of the labels and each seed, with early stopping on
    validation alone, and then measured on every task. Labels are drawn at random; of one seed
    those of a smaller fraction are the first of a larger one's. Given a run's `queries`, they are
    those that each of its strategies asked for with each of its seeds, in that order.

    Where `out` holds this very study unfinished, it goes on; finished, it is returned as it is.

    Every argument is the option of `alsim train` of the same name, documented there; texts are
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
        options = read_train(train, given, faults)
        faults.raise_all("options cannot be used", "alsim train")
        assert options is not None
        return run_training(
            open_pool(pool),
            options,
            None if out is None else Path(out),
            watch or Watch(),
            all_seeds=seeds is None,
            arguments=plain_arguments(given),
            files=files,
            force=force,
        )


def read_train(
    function: Callable[..., Any], given: Mapping[str, Any], faults: Faults
) -> TrainOptions | None:
    """Return what arguments of `alsim.train` mean; add all that is wrong to the faults.

    Where a type is wrong, nothing more can be told, and None is returned.

    Args:
        function: `alsim.train`, for its defaults and types.
        given: Some of its arguments, by name.
        faults: Those found so far.
    """
    a = read_types(function, given, faults)
    if a is None:
        return None
    ask, standard = faults.attempt, TrainOptions()
    evaluations = parse_names(a.evaluation) or standard.evaluations
    # A model's options know one of them, by which its training is stopped.
    one = SimpleNamespace(**{**vars(a), "model": "auto", "evaluation": evaluations[0]})
    options = TrainOptions(
        models=parse_names(a.model),
        fractions=ask(standard.fractions, parse_fractions, a.fractions),
        seeds=standard.seeds if a.seeds is None else ask(standard.seeds, parse_seeds, a.seeds),
        match_parameters=a.match_parameters,
        evaluations=evaluations,
        queries=None if a.queries is None else Path(a.queries),
        exports=parse_names(a.export_task),
        model=model_options(one, faults),
        training=training_options(a, faults),
        pool=replace(pool_options(a, faults), task=a.task, rows_kept="any"),
        engine=EngineOptions(device=a.device, workers=a.workers, replicas=a.replicas),
    )
    ask("", choose_device, options.engine)
    ask(None, check_out, a.out)
    examine_train(options, faults)
    return options
