"""`alsim.run`: the Python twin of the command, with the same names and the same defaults."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa

from alsim.engine.options import Device, EngineOptions, StudyOptions
from alsim.engine.parsing import (
    parse_names,
    parse_query_size,
    parse_rates,
    parse_seeds,
    parse_shares,
    parse_until,
)
from alsim.engine.study import run_study
from alsim.engine.watch import Watch
from alsim.errors import UsageError
from alsim.experiments.schedule import ScheduleOptions
from alsim.models import ModelOptions
from alsim.models.blocks import BlockKind
from alsim.models.fusion import FusionKind
from alsim.oracle import OracleKind, OracleOptions
from alsim.pool.options import LabelKind, PoolOptions, Standardise
from alsim.pool.source import open_source
from alsim.pool.synthetic import VkOptions, vk_pool
from alsim.store import Run
from alsim.training.batching import BatchRule
from alsim.training.optimisers import OptimiserName
from alsim.training.options import LossWeighting, TrainingOptions

# Small enough for a first result within a minute on two cores.
EMBEDDED = VkOptions(n_rows=6000, picture_width=64, text_width=32)


def run(  # noqa: D417 -- the arguments are the command's options, documented there
    pool: str | Path | pa.Table | None = None,
    *,
    strategy: str | Sequence[str] = ("random", "margin"),
    seeds: str | int | Sequence[int] = 5,
    initial_size: int | None = None,
    initial_ids: Path | Sequence[str] | None = None,
    query_size: str | int | None = None,
    steps: int | None = None,
    until: str | None = None,
    candidates: int | None = None,
    oracle: OracleKind = "perfect",
    noise: str | float | Sequence[float] | None = None,
    confusion: str | Path | None = None,
    answers: int | None = None,
    groups: str | Path | None = None,
    max_questions: int | None = None,
    price: float = 1.0,
    label: str | None = None,
    modality: Sequence[str] = (),
    split: str | None = None,
    id_column: str | None = None,
    label_type: LabelKind | None = None,
    mask_modality: Sequence[str] = (),
    standardise: Standardise = "auto",
    split_seed: int = 0,
    model: str = "auto",
    width: int | None = None,
    depth: int = 1,
    dropout: float = 0.5,
    blocks: BlockKind = "dense",
    fusion: FusionKind = "concat",
    heads: Literal["all", "mixed"] = "all",
    encoder: Sequence[str] | None = None,
    optimiser: OptimiserName = "adam",
    learning_rate: float = 1e-3,
    batch_size: int = 512,
    batch_rule: BatchRule = "adaptive",
    epochs: int = 1,
    max_epochs: int = 100,
    patience: int = 10,
    retrain: bool = False,
    batch_norm: Literal["train", "frozen"] = "train",
    loss: LossWeighting = "uncertainty",
    head_weight: Sequence[str] = (),
    class_weights: Literal["none", "balanced"] = "none",
    precision: Literal["float32", "float64"] = "float32",
    device: Device = "auto",
    workers: int | None = None,
    replicas: Literal["auto", "direct", "lockstep"] = "auto",
    out: str | Path | None = None,
    watch: Watch | None = None,
) -> Run:
    """Replay labelling on a pool whose labels are known, and return the run.

    Every argument is the option of `alsim run` of the same name, documented there; texts such as
    `query_size="20:200"`, `seeds="3..7"`, `until="accuracy=0.9"` or `mask_modality=["text=0.2"]`
    are understood as on the command line.

    Args:
        pool: A Parquet file, folder or glob, or an Arrow table; None makes a small VK-like pool.
        out: The run's folder, absent or empty; None takes a free one below `runs/`.
        watch: Hears of the progress.

    Raises:
        AlsimError: For anything the user can mend.
    """
    options = StudyOptions(
        strategies=parse_names(strategy),
        seeds=parse_seeds(seeds),
        schedule=ScheduleOptions(
            initial_size=initial_size,
            query_size=None if query_size is None else parse_query_size(query_size),
            steps=steps,
            until=parse_until(until),
        ),
        model=ModelOptions(
            name=model,
            width=width,
            depth=depth,
            dropout=dropout,
            blocks=blocks,
            fusion=fusion,
            heads=heads,
            encoders=None if encoder is None else tuple(encoder),
        ),
        training=TrainingOptions(
            optimiser=optimiser,
            learning_rate=learning_rate,
            batch_size=batch_size,
            batch_rule=batch_rule,
            max_epochs=max_epochs,
            patience=patience,
            epochs=epochs,
            retrain=retrain,
            batch_norm=batch_norm,
            loss=loss,
            head_weights=parse_shares(head_weight, "--head-weight"),
            class_weights=class_weights,
            precision=precision,
        ),
        pool=PoolOptions(
            labels=() if label is None else (label,),
            modalities=tuple(modality),
            split=split,
            id=id_column,
            label_type=label_type,
            masks=parse_shares(mask_modality, "--mask-modality"),
            standardise=standardise,
            split_seed=split_seed,
        ),
        engine=EngineOptions(device=device, workers=workers, replicas=replicas),
        oracle=OracleOptions(
            kind=oracle,
            noise=parse_rates(noise),
            confusion=None if confusion is None else Path(confusion),
            answers=answers,
            groups=None if groups is None else Path(groups),
            max_questions=max_questions,
            price=price,
        ),
        candidates=candidates,
        initial_ids=_read_ids(initial_ids),
    )
    source = open_source(vk_pool(EMBEDDED), name="vk") if pool is None else open_source(pool)
    return run_study(source, options, None if out is None else Path(out), watch or Watch())


def _read_ids(ids: Path | Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the ids in a text file, one a line, or those given."""
    if ids is None or not isinstance(ids, str | Path):
        return None if ids is None else tuple(str(id_) for id_ in ids)
    path = Path(ids)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the ids cannot be read: {error}", str(path), "give a text file with one id a line"
        ) from error
    found = tuple(line.strip() for line in lines if line.strip())
    if not found:
        raise UsageError("no ids in the file", str(path), "give one id a line")
    return found
