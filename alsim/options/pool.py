"""What can be chosen about a pool."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from alsim.options.option import Option, Range, option, parsed
from alsim.options.texts import one_or_more, parse_names, parse_shares
from alsim.options.types import Tabular

LabelKind = Literal["class", "target"]
RowsKept = Literal["first", "any"]
Standardise = Literal["auto", "all", "none"]

_masks = partial(parse_shares, flag="--mask-modality", below=1.0)


@dataclass(frozen=True)
class SourceOptions:
    """Where the rows come from."""

    heading: ClassVar = "Pool"

    pool: str | Path | Tabular | None = option(
        None,
        "Parquet file, folder or glob.",
        otherwise="a small VK-like pool, made in memory",
        often=True,
    )


@dataclass(frozen=True, kw_only=True)
class ColumnOptions:
    """Columns and treatment of a pool; what is left empty comes from metadata or defaults."""

    heading: ClassVar = "Pool"

    label: Option[str | Sequence[str] | None, tuple[str, ...]] = parsed(
        None,
        one_or_more,
        "Label column; repeat it for several tasks, which are trained together.",
        otherwise="label",
        repeat=True,
        often=True,
    )
    modality: Option[Sequence[str], tuple[str, ...]] = parsed(
        (), tuple, "Embedding column; repeat it for several.", otherwise="all", repeat=True,
        often=True,
    )  # fmt: skip
    features: Option[str | Sequence[str], tuple[str, ...]] = parsed(
        (),
        parse_names,
        "Columns of numbers and categories to encode as inputs, comma-separated.",
        repeat=True,
    )
    split: str | None = option(None, "Split column.", otherwise="split")
    id_column: str | None = option(
        None, "Column with the id of each row.", flag="--id", otherwise="id"
    )
    label_type: LabelKind | None = option(None, "Meaning of a label column of whole floats.")
    unknown: Option[str | Sequence[str], tuple[str, ...]] = parsed(
        (),
        one_or_more,
        "Label that stands for unknown, such as -1 or nan; repeat it for several.",
        repeat=True,
    )
    mask_modality: Option[Sequence[str] | Mapping[str, float], Mapping[str, float]] = parsed(
        (),
        _masks,
        "Share of a modality's rows to hide, test rows included: image_emb=0.2.",
        repeat=True,
    )
    standardise: Standardise = option(
        "auto",
        "Scaling of inputs. auto: an embedding is centred and divided by one number, a column of a "
        "table by its own; all: each column of an embedding by its own too; none: as in the file.",
    )
    split_seed: int = option(0, "Seed of the splits that a pool lacks.", within=Range(least=0))


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """How several tasks lie in a pool's columns."""

    heading: ClassVar = "Pool"

    task: str | None = option(
        None, "Column with the task of each row, where a label belongs to one task only."
    )


# What matters once a net is trained, and not to `alsim pool info` and `check`.
OF_STUDIES = ("mask_modality", "standardise", "split_seed")


@dataclass(frozen=True, kw_only=True)
class PoolOptions(ColumnOptions, TaskOptions):
    """How a pool is read: what was chosen, and what the kind of study needs."""

    holdout: float = 0.2  # the share of test rows where the file has no split column
    rows_kept: RowsKept = "first"  # rows whose first label is known, or any of their labels
