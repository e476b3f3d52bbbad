"""Small pools and files that stand for those that the pages of docs/ name."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from census import write_files as write_census
from numpy.typing import NDArray

from alsim.options.synthetic import VkOptions
from alsim.pool.importers.dispatch import import_pool
from alsim.pool.importers.table import ImportOptions
from alsim.pool.synthetic import vk_pool

RNG = np.random.default_rng(0)
N = 160
LABELS = np.arange(N) % 4
SPLITS = np.array(["train"] * 6 + ["validation", "test"])[np.arange(N) // 4 % 8]


def write_stand_ins(folder: Path) -> None:
    """Write every file that a page names, with its columns, and hardly any rows."""
    _write(folder / "posts.parquet", {**_embeddings("picture", "text"), **_columns("label")})
    _write(
        folder / "clinc150.parquet",
        {**_embeddings("text_emb"), **_columns("label"), "domain": _words("domain", LABELS // 2)},
    )
    tasks = ("label", "sub_category", "gender", "base_colour", "season", "usage")
    _write(folder / "fashion.parquet", {**_embeddings("image_emb", "text_emb"), **_columns(*tasks)})
    pixels = pa.array(list(_near(LABELS, 16)), pa.list_(pa.float32(), 16)).cast(
        pa.list_(pa.float32())
    )
    _write(folder / "mnist.parquet", {"image": pixels, **_columns("label")})
    write_census(folder / "census", n=120)
    census = import_pool([folder / "census"], ImportOptions(group=1))
    pq.write_table(census, folder / "census.parquet")
    (folder / "datasets").mkdir()
    made = vk_pool(VkOptions(n_rows=240, picture_width=4, text_width=4, n_classes=3))
    pq.write_table(made, folder / "datasets" / "vk_small.parquet")
    _write_raw(folder)
    _write_idx(folder / "mnist")


def _embeddings(*names: str) -> dict[str, pa.Array]:
    """Return embeddings by which the classes come apart; some are absent but in the last one."""
    found: dict[str, pa.Array] = {}
    for name in names:
        rows: list[NDArray[np.float32] | None] = list(_near(LABELS, 6))
        if name != names[-1]:
            rows = [None if row % 9 == 0 else values for row, values in enumerate(rows)]
        found[name] = pa.array(rows, pa.list_(pa.float32()))
    return found


def _near(labels: NDArray[np.int64], width: int) -> NDArray[np.float32]:
    centres = 4 * np.eye(4, width)
    return (centres[labels] + RNG.normal(size=(len(labels), width))).astype(np.float32)


def _words(name: str, numbers: NDArray[np.int64]) -> pa.Array:
    return pa.array([f"{name}-{number}" for number in numbers])


def _columns(*labels: str) -> dict[str, pa.Array]:
    return {
        **{name: _words(name, LABELS % (4 - place % 3)) for place, name in enumerate(labels)},
        "id": pa.array(range(N)),
        "split": pa.array(SPLITS),
    }


def _write(path: Path, columns: dict[str, pa.Array]) -> None:
    pq.write_table(pa.table(columns), path)


def _write_raw(folder: Path) -> None:
    (folder / "raw").mkdir()
    table = pa.table({**_columns("label"), "text": _words("text", np.arange(N))})
    vectors = _near(LABELS, 6)
    for place in (folder, folder / "raw"):
        pc.write_csv(table, place / "texts.csv")
        np.save(place / "text.npy", vectors)
    np.save(folder / "picture.npy", _near(LABELS, 5))
    (folder / "labels.txt").write_text("".join(f"label-{label}\n" for label in LABELS))
    np.savez(folder / "pool.npz", x=vectors, y=LABELS)
    pc.write_csv(
        table.append_column("age", pa.array(RNG.integers(18, 90, N))), folder / "table.csv"
    )
    (folder / "ids.txt").write_text("".join(f"{row}\n" for row in range(24)))


def _write_idx(folder: Path) -> None:
    folder.mkdir()
    for split, n in (("train", 60), ("t10k", 20)):
        images = RNG.integers(0, 256, (n, 4, 4)).astype(np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", np.arange(n) % 3)):
            sizes = struct.pack(f">{array.ndim}I", *array.shape)
            data = struct.pack(">BBBB", 0, 0, 8, array.ndim) + sizes + array.astype("u1").tobytes()
            (folder / f"{split}-{kind}-ubyte.gz").write_bytes(gzip.compress(data))
