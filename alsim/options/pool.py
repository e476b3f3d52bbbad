"""What a user may say about a pool beside the file itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

LabelKind = Literal["class", "target"]
RowsKept = Literal["first", "any"]
Standardise = Literal["auto", "all", "none"]


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Columns and treatment of a pool; what is left empty comes from metadata or defaults."""

    labels: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    task: str | None = None
    split: str | None = None
    id: str | None = None
    label_type: LabelKind | None = None
    masks: Mapping[str, float] = field(default_factory=dict)  # share of present rows masked
    standardise: Standardise = "auto"  # auto: an embedding by one scale, a table by columns
    split_seed: int = 0
    holdout: float = 0.2  # the share of test rows where the file has no split column
    rows_kept: RowsKept = "first"  # rows whose first label is known, or any of their labels
    unknown: tuple[str, ...] = ()  # labels that stand for unknown, as they are printed
    features: tuple[str, ...] = ()  # numbers and categories, encoded into one modality
