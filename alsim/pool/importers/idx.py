"""MNIST's idx files, gzipped or not: <http://yann.lecun.com/exdb/mnist/>."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alsim.errors import PoolError
from alsim.pool.importers.build import build_pool, embedding_column
from alsim.pool.importers.files import read_unpacked
from alsim.pool.importers.table import ImportOptions
from alsim.pool.pool import Split
from alsim.pool.roles import Roles

UINT8 = 0x08  # the only type of values that MNIST and its relatives use


def import_idx(paths: Sequence[Path], options: ImportOptions) -> pa.Table:
    """Return the pool of idx files: images, and labels, of train and (by their name) of test.

    The paths are files, or one folder that holds them. What a file holds is read from its header:
    one axis is labels, more are images. Names with `t10k` or `test` are test.
    """
    del options  # the files need none
    where = ", ".join(map(str, paths))
    files: list[Path] = []
    for path in paths:
        is_folder = path.is_dir()
        files += [f for f in sorted(path.iterdir()) if "idx" in f.name] if is_folder else [path]
    images: dict[Split, NDArray[np.uint8]] = {}
    labels: dict[Split, NDArray[np.uint8]] = {}
    for file in files:
        values = read_idx(file)
        split: Split = "test" if "t10k" in file.name or "test" in file.name else "train"
        kind = labels if values.ndim == 1 else images
        if split in kind:
            what = f"a second file of {split} {'labels' if kind is labels else 'images'}"
            raise PoolError(what, str(file), "give each once, gzipped or not")
        kind[split] = values
    splits: list[Split] = [split for split in ("train", "test") if split in images]
    for split in ("train", "test"):
        if (split in images) != (split in labels):
            lacking = "labels" if split in images else "images"
            raise PoolError(f"there is no file of {split} {lacking}", where, "give both")
        if split in images and len(images[split]) != len(labels[split]):
            what = f"{split} has {len(images[split])} images and {len(labels[split])} labels"
            raise PoolError(what, where, "give files that belong together")
    if not splits:
        raise PoolError("no idx files", where, "give the folder with train-images-idx3-ubyte.gz")
    if len({images[split].shape[1:] for split in splits}) > 1:
        raise PoolError("images of train and test differ in size", where, "give one size")
    pixels = np.concatenate([images[split] for split in splits])
    columns: dict[str, Any] = {
        "id": pa.array(np.arange(len(pixels))),
        "image": embedding_column(pixels, "image", where),
        "label": pa.array(np.concatenate([labels[split] for split in splits])),
        "split": pa.array([split for split in splits for _ in range(len(images[split]))]),
    }
    roles = Roles(("image",), {"label": "class"}, None, "split", "id", pictures=("image",))
    return build_pool(columns, roles, where)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array of one idx file.

    The header is two zero bytes, the type, the number of axes, and a big-endian 32-bit length
    for each axis.

    Raises:
        PoolError: If the file is not idx of unsigned bytes, or not whole.
    """
    mend = "download it again; idx files are named like train-images-idx3-ubyte.gz"
    data = read_unpacked(path, mend)
    if len(data) < 8 or data[:2] != b"\0\0" or data[2] != UINT8 or not data[3]:
        raise PoolError("this is not an idx file of bytes", str(path), mend)
    header = 4 + 4 * data[3]
    if len(data) < header:
        raise PoolError("the idx file ends early", str(path), mend)
    shape = tuple(int(length) for length in np.frombuffer(data, ">u4", data[3], 4))
    size = int(np.prod(shape, dtype=np.int64))
    if len(data) != header + size:
        what = f"the idx file has {len(data) - header} values where its header says {size}"
        raise PoolError(what, str(path), mend)
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
