"""How files are imported."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alsim.options.pool import LabelKind

Format = Literal["npz", "npy", "idx", "csv", "parquet", "census", "cifar100"]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Columns (or arrays) by their part; what is left empty is guessed, and said so in errors."""

    labels: tuple[str, ...] = ()
    labels_file: Path | None = None  # labels in a file of their own
    label_type: LabelKind | None = None  # what whole floats are
    unknown: tuple[str, ...] = ()  # labels that stand for unknown, as they are printed
    unique_labels: bool = False  # whether nearly every row may be a class of its own
    modalities: tuple[str, ...] = ()  # Parquet: list columns; .npz: arrays; empty: all
    pictures: tuple[str, ...] = ()  # modalities that show pictures
    features: tuple[str, ...] = ()  # CSV: columns to encode; empty: the numeric without a part
    split: str | None = None
    id: str | None = None
    group: Literal[1, 2] | None = None  # Census: which pair of tasks
    only: str | None = None  # Census: use the rows of this split alone, and split them anew
