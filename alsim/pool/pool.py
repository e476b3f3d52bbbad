"""A pool in memory: one tensor a modality, a presence mask, one label tensor a task."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from alsim.errors import PoolError
from alsim.options.pool import LabelKind

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Tensor

Split = Literal["train", "validation", "test"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One label column, or the part of it that belongs to one task: an answer for each row.

    Targets are as in the file; training scales them.
    """

    name: str
    classes: tuple[str, ...]  # sorted values over all splits; an output exists for each
    labels: "Tensor"  # (n,) int64 in [0, c), -1 where unknown; of a target float32, NaN there
    kind: LabelKind = "class"


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Embedded objects, ready to train on. Rows are ordered by split, then by id.

    So the rows of a split are contiguous, and no number depends on the order of the file.
    """

    name: str
    modalities: "Mapping[str, Tensor]"  # name -> (n, d) float32; zeros where absent
    present: "Tensor"  # (n, modalities) bool, in the order of `modalities`
    tasks: Mapping[str, Task]
    splits: Mapping[Split, range]  # always all three; an absent split is an empty range
    ids: "pa.Array[Any]"  # (n,) the stable name of each row
    pictures: tuple[str, ...] = ()  # modalities that show pictures

    @property
    def n(self) -> int:
        """Return the number of rows, over all splits."""
        return self.present.shape[0]

    @property
    def widths(self) -> dict[str, int]:
        """Return the width of each modality."""
        return {name: tensor.shape[1] for name, tensor in self.modalities.items()}

    def ids_of(self, rows: Sequence[int]) -> list[str | int]:
        """Return the ids of rows, in their order."""
        return [self.ids[row].as_py() for row in rows]

    def rows_of(self, ids: Iterable[str], split: Split) -> list[int]:
        """Return the rows of a split that bear the given ids, in their order.

        Raises:
            PoolError: If no row of the split has one of the ids.
        """
        rows = self.splits[split]
        named = {str(id_): row for row, id_ in zip(rows, self.ids_of(rows), strict=True)}
        ids = list(ids)
        missing = [id_ for id_ in ids if id_ not in named]
        if missing:
            raise PoolError(
                f"no {split} row has the id {missing[0]!r}"
                + (f", nor {len(missing) - 1} others" if len(missing) > 1 else ""),
                self.name,
                "alsim pool info shows the id column; if the row was set aside for validation or "
                "test, give the pool a split column that keeps it in train",
            )
        return [named[id_] for id_ in ids]
