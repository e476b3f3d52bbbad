"""A decoded pool in a folder, which worker processes map instead of decoding it again."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from alsim.errors import PoolError, StoreError
from alsim.options.pool import LabelKind
from alsim.pool.pool import SPLITS, Pool, Split, Task

if TYPE_CHECKING:
    import pyarrow as pa

LAYOUT_VERSION = 3
LAYOUT = "pool.json"
ROWS = "rows.arrow"  # ids, labels and presence: small, so they are read rather than mapped


def modality_file(folder: Path, index: int) -> Path:
    """Return the raw float32 file of one modality."""
    return folder / f"modality-{index}.f32"


@contextmanager
def writing_decoded(folder: Path) -> Generator[None]:
    """Raise a StoreError for an OSError while the block writes to `folder`."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the decoded pool cannot be written: {error.strerror or error}",
            str(folder),
            "check the space and your rights there, or name another folder: --out FOLDER",
        ) from error


class Layout(msgspec.Struct):
    """What makes raw modality files in a folder a pool."""

    name: str
    n: int
    modalities: list[tuple[str, int]]  # names and widths
    tasks: list[tuple[str, LabelKind, tuple[str, ...]]]  # names, kinds and classes
    splits: dict[Split, tuple[int, int]]
    pictures: tuple[str, ...]
    version: int = LAYOUT_VERSION


def write_layout(folder: Path, layout: Layout, rows: "pa.Table") -> None:
    """Write a layout to `folder`, which holds the modality files already.

    Args:
        folder: Where to.
        layout: See `Layout`.
        rows: Columns `id`, `present:NAME` for each modality and `label:NAME` for each task.

    Raises:
        StoreError: If the system cannot write there.
    """
    import pyarrow as pa

    with writing_decoded(folder):
        with pa.OSFile(str(folder / ROWS), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as to:
            to.write_table(rows)
        # Written last and renamed: a folder with a layout is whole.
        partial = folder / (LAYOUT + ".partial")
        partial.write_bytes(msgspec.json.encode(layout))
        partial.replace(folder / LAYOUT)


def open_mapped(folder: Path) -> Pool:
    """Return the pool that `load_pool` left in `folder`, its modalities mapped copy-on-write.

    Processes that open one folder share its pages; what one writes reaches neither the file nor
    the others.

    Raises:
        PoolError: If the folder holds no whole pool.
    """
    import pyarrow as pa
    import torch

    mend = "decode the pool again"
    try:
        layout = msgspec.json.decode((folder / LAYOUT).read_bytes(), type=Layout)
        if layout.version != LAYOUT_VERSION:
            what = f"the decoded pool has layout version {layout.version}"
            raise PoolError(what, str(folder), mend)
        with pa.OSFile(str(folder / ROWS), "rb") as file:
            rows = pa.ipc.open_file(file).read_all()
        modalities: dict[str, torch.Tensor] = {}
        for index, (name, width) in enumerate(layout.modalities):
            file = modality_file(folder, index)
            raw = np.memmap(file, np.float32, "c", shape=(layout.n, width))
            modalities[name] = torch.from_numpy(raw)
    except (OSError, ValueError, msgspec.MsgspecError, pa.ArrowException) as error:
        raise PoolError(f"no whole decoded pool ({error})", str(folder), mend) from None
    columns = [_numpy(rows, f"present:{name}") for name in modalities]
    return Pool(
        name=layout.name,
        modalities=modalities,
        present=torch.from_numpy(np.stack(columns, 1)),
        tasks={
            name: Task(name, classes, torch.from_numpy(_numpy(rows, f"label:{name}")), kind)
            for name, kind, classes in layout.tasks
        },
        splits={split: range(*layout.splits[split]) for split in SPLITS},
        ids=rows.column("id").combine_chunks(),
        pictures=layout.pictures,
    )


def _numpy(rows: "pa.Table", column: str) -> np.ndarray:
    """Return a column without nulls; not by Arrow's `to_numpy`, which imports pandas."""
    import pyarrow as pa

    values: Any = rows.column(column).combine_chunks()
    kind = values.type.to_pandas_dtype()
    if kind is np.bool_:  # bits in Arrow
        values = values.cast(pa.uint8())
    buffer, start = values.buffers()[1], values.offset
    plain = np.uint8 if kind is np.bool_ else kind
    # A copy, since Arrow's memory is read-only and torch warns of that.
    return np.frombuffer(buffer, plain)[start : start + len(values)].astype(kind)
