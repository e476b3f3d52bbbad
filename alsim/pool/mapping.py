"""A decoded pool in a folder, which worker processes map instead of decoding it again."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alsim.errors import PoolError, StoreError
from alsim.pool.pool import SPLITS, Pool, Split, Task

if TYPE_CHECKING:
    import pyarrow as pa

    from alsim.pool.labels import Answers

LAYOUT_VERSION = 3
LAYOUT = "pool.json"
ROWS = "rows.arrow"  # ids, labels and presence: small, so they are read rather than mapped


def modality_file(folder: Path, index: int) -> Path:
    """Return the raw float32 file of one modality."""
    return folder / f"modality-{index}.f32"


@contextmanager
def writing_decoded(folder: Path) -> Generator[None]:
    """Turn what the system refuses while the block writes to `folder` into a StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the decoded pool cannot be written: {error.strerror or error}",
            str(folder),
            "see that there is space, and that it can be written; or name another: --out FOLDER",
        ) from error


def write_layout(
    folder: Path,
    name: str,
    widths: Mapping[str, int],
    rows: pa.Table,
    answers: Sequence[Answers],
    splits: Mapping[Split, range],
    pictures: Sequence[str],
) -> None:
    """Write what makes raw modality files in `folder` a pool.

    Args:
        folder: Holds a raw file of each modality already.
        name: The pool's name.
        widths: The modalities in order.
        rows: Columns `id`, `present:NAME` for each modality and `label:NAME` for each task.
        answers: Of each task, for its name, kind and classes.
        splits: The rows of each split.
        pictures: The modalities that show pictures.

    Raises:
        StoreError: If the system cannot write there.
    """
    import pyarrow as pa

    layout = {
        "version": LAYOUT_VERSION,
        "name": name,
        "n": rows.num_rows,
        "modalities": [[modality, width] for modality, width in widths.items()],
        "tasks": [[answer.name, answer.kind, list(answer.classes)] for answer in answers],
        "splits": {split: [rows_.start, rows_.stop] for split, rows_ in splits.items()},
        "pictures": list(pictures),
    }
    with writing_decoded(folder):
        with pa.OSFile(str(folder / ROWS), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as to:
            to.write_table(rows)
        # Written last and renamed: a folder with a layout is whole.
        partial = folder / (LAYOUT + ".partial")
        partial.write_text(json.dumps(layout), encoding="utf-8")
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
        layout = json.loads((folder / LAYOUT).read_text(encoding="utf-8"))
        if layout["version"] != LAYOUT_VERSION:
            what = f"the decoded pool has layout version {layout['version']}"
            raise PoolError(what, str(folder), mend)
        with pa.OSFile(str(folder / ROWS), "rb") as file:
            rows = pa.ipc.open_file(file).read_all()
        n = int(layout["n"])
        modalities: dict[str, torch.Tensor] = {}
        for index, (name, width) in enumerate(layout["modalities"]):
            raw = np.memmap(modality_file(folder, index), np.float32, "c", shape=(n, int(width)))
            modalities[name] = torch.from_numpy(raw)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise PoolError(f"no whole decoded pool ({error})", str(folder), mend) from None
    columns = [_numpy(rows, f"present:{name}") for name in modalities]
    return Pool(
        name=layout["name"],
        modalities=modalities,
        present=torch.from_numpy(np.stack(columns, 1)),
        tasks={
            name: Task(name, tuple(classes), torch.from_numpy(_numpy(rows, f"label:{name}")), kind)
            for name, kind, classes in layout["tasks"]
        },
        splits={split: range(*layout["splits"][split]) for split in SPLITS},
        ids=rows.column("id").combine_chunks(),
        pictures=tuple(layout["pictures"]),
    )


def _numpy(rows: pa.Table, column: str) -> np.ndarray:
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
