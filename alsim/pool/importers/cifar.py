"""CIFAR-100, binary version: <https://www.cs.toronto.edu/~kriz/cifar.html>."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alsim.errors import PoolError
from alsim.pool.importers.build import build_pool, embedding_column
from alsim.pool.importers.files import read_unpacked
from alsim.pool.importers.table import ImportOptions
from alsim.pool.roles import Roles

SIDE = 32
CHANNELS = 3
RECORD = 2 + CHANNELS * SIDE * SIDE  # a byte for the superclass, one for the class, the pixels
N_CLASSES = 100
N_SUPERCLASSES = 20
PER_SUPERCLASS = N_CLASSES // N_SUPERCLASSES
MEND = (
    "give the folder of the binary version, cifar-100-binary.tar.gz unpacked, with train.bin "
    "and test.bin"
)


def import_cifar100(folder: Path, options: ImportOptions) -> pa.Table:
    """Return the pool of the folder with `train.bin` and `test.bin`.

    `image` holds 32·32·3 uint8, row by row, RGB (in the files it is channel by channel). `label`
    and `superclass` are names where the folder has `fine_label_names.txt` and
    `coarse_label_names.txt`, else numbers. `local_label` is the rank of the class, by its number,
    among the five of its superclass; not the class modulo 5, which repeats within a superclass.
    `label` has the role of the label; `--task superclass` makes twenty tasks of five classes.

    Raises:
        PoolError: With what is wrong with the files; also if a superclass has not five classes.
    """
    del options  # the files need none
    where = str(folder)
    names = {file.name for file in folder.iterdir()} if folder.is_dir() else set[str]()
    if not {"train.bin", "test.bin"} <= names:
        is_python = {"train", "test", "meta"} <= names or folder.name.startswith("cifar-100-python")
        what = "these are Python's pickles, which could run anything: they are not opened"
        raise PoolError(what if is_python else "no train.bin and test.bin", where, MEND)
    parts = {split: _read(folder / f"{split}.bin") for split in ("train", "test")}
    records = np.concatenate(list(parts.values()))
    coarse, fine = records[:, 0], records[:, 1]
    rank = rank_within(coarse, fine, where)
    pixels = records[:, 2:].reshape(-1, CHANNELS, SIDE * SIDE).transpose(0, 2, 1)
    fine_names = _names(folder / "fine_label_names.txt", N_CLASSES)
    coarse_names = _names(folder / "coarse_label_names.txt", N_SUPERCLASSES)
    columns: dict[str, Any] = {
        "id": pa.array(np.arange(len(records))),
        "image": embedding_column(pixels, "image", where),
        "label": _labels(fine, fine_names),
        "superclass": _labels(coarse, coarse_names),
        "local_label": pa.array(rank[fine]),
        "split": pa.array(
            [split for split, part in parts.items() for _ in range(len(part))]
        ).dictionary_encode(),
    }
    roles = Roles(("image",), {"label": "class"}, None, "split", "id", pictures=("image",))
    note = (
        f"{N_CLASSES} classes, five in each of {N_SUPERCLASSES} superclasses; as "
        f"{N_SUPERCLASSES} tasks: --task superclass"
    )
    return build_pool(columns, roles, where, [note])


def rank_within(coarse: NDArray[np.uint8], fine: NDArray[np.uint8], where: str) -> NDArray[np.int8]:
    """Return for each class, `(100,)`, its rank from 0 to 4 among those of its superclass.

    Raises:
        PoolError: Unless each of 20 superclasses has five classes, and each class one superclass.
    """
    pairs = np.unique(np.stack([coarse, fine], 1), axis=0)
    twice = np.flatnonzero(np.bincount(pairs[:, 1], minlength=N_CLASSES) != 1)
    counts = np.bincount(pairs[:, 0], minlength=N_SUPERCLASSES)
    odd = np.flatnonzero(counts != PER_SUPERCLASS)
    what = ""
    if pairs[:, 0].max() >= N_SUPERCLASSES or pairs[:, 1].max() >= N_CLASSES:
        what = f"there are classes beyond {N_CLASSES - 1}, or superclasses beyond 19"
    elif twice.size:
        what = f"{twice.size} classes have not one superclass each; the first is {twice[0]}"
    elif odd.size:
        what = f"superclass {odd[0]} has {counts[odd[0]]} classes, not {PER_SUPERCLASS}"
    if what:
        raise PoolError(what, where, MEND)
    # Pairs are sorted by superclass, then by class, five of each.
    rank = np.empty(N_CLASSES, np.int8)
    rank[pairs[:, 1]] = np.arange(N_CLASSES) % PER_SUPERCLASS
    return rank


def _read(path: Path) -> NDArray[np.uint8]:
    data = read_unpacked(path, MEND)
    if not data or len(data) % RECORD:
        what = f"the file has {len(data):,} bytes, not a multiple of {RECORD:,}"
        raise PoolError(what, str(path), MEND)
    return np.frombuffer(data, np.uint8).reshape(-1, RECORD)


def _names(path: Path, n: int) -> list[str] | None:
    if not path.exists():
        return None
    try:
        names = read_unpacked(path, MEND).decode().split()
    except UnicodeDecodeError:
        names = []
    if len(set(names)) != n:
        what = f"the file holds {len(set(names))} names, not {n}"
        raise PoolError(what, str(path), f"{MEND}, or leave this file out")
    return names


def _labels(codes: NDArray[np.uint8], names: list[str] | None) -> "pa.Array[Any]":
    if names is None:
        return pa.array(codes.astype(np.int8))
    return pa.DictionaryArray.from_arrays(codes.astype(np.int32), pa.array(names))
