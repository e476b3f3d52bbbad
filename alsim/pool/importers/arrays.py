"""NumPy's `.npz` and `.npy`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alsim.errors import PoolError, UsageError
from alsim.pool.importers.build import build_pool, embedding_column, known_columns, label_column
from alsim.pool.importers.label_files import FORMATS, ID_NAMES, LABEL_NAMES, join_labels
from alsim.pool.importers.numpy_files import load_npy, load_npz
from alsim.pool.importers.table import ImportOptions
from alsim.pool.roles import Roles
from alsim.pool.splits import SYNONYMS


def import_npz(path: Path, options: ImportOptions) -> pa.Table:
    """Return the pool of a `.npz`: arrays of two or more axes are modalities.

    One-dimensional arrays are kept as columns; the label is the one named so (`label`, `labels`,
    `y`, `target`). Arrays named in pairs, such as `x_train`, `y_train`, `x_test`, `y_test`, are
    joined, and give the split.
    """
    where = str(path)
    arrays, split = _join_splits(load_npz(path), where)
    wide = [name for name, array in arrays.items() if array.ndim > 1 and array.shape[-1] > 1]
    modalities = options.modalities or tuple(name for name in wide if name not in options.labels)
    known_columns(modalities, arrays, "--modality", where)
    labels = options.labels or tuple(name for name in arrays if name in LABEL_NAMES)[:1]
    if options.labels_file is not None:
        labels = ()
    if not (labels or options.labels_file) or not modalities:
        lacking, flag = ("embeddings", "--modality") if not modalities else ("labels", "--label")
        listed = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        what = f"no array of {lacking}"
        raise PoolError(what, where, f"name it: {flag} NAME; there is: {listed}")
    known_columns(labels, arrays, "--label", where)
    columns: dict[str, Any] = {}
    for name, array in arrays.items():
        if name in modalities:
            columns[name] = embedding_column(array, name, where)
        elif name in labels or array.ndim == 1:
            columns[name] = label_column(array, name, where)
    if split is not None:
        columns["split"] = pa.array(split)
    return _build(columns, modalities, labels, options, where)


def import_npy(paths: Sequence[Path], options: ImportOptions) -> pa.Table:
    """Return the pool of `.npy` files, a modality each, with the labels of a further file.

    A file `id.npy` or `ids.npy` of one axis names the rows.
    """
    where = ", ".join(map(str, paths))
    if options.labels_file is None:
        what, mend = "a .npy file has no labels", f"name their file: --labels FILE; {FORMATS}"
        raise UsageError(what, where, mend)
    columns: dict[str, Any] = {}
    modalities: list[str] = []
    for path in paths:
        array, name = load_npy(path), path.stem
        if name in ID_NAMES and array.ndim == 1:
            columns[name] = label_column(array, name, str(path))
        else:
            columns[name] = embedding_column(array, name, str(path))
            modalities.append(name)
    return _build(columns, tuple(modalities), (), options, where)


def _build(
    columns: dict[str, Any],
    modalities: tuple[str, ...],
    labels: tuple[str, ...],
    options: ImportOptions,
    where: str,
) -> pa.Table:
    """Return the pool of columns, with those of the labels file, if there is one."""
    id_, notes = options.id or next((name for name in ID_NAMES if name in columns), None), []
    if options.labels_file is None:
        known_columns([id_] if id_ else [], columns, "--id", where)
    else:
        named = [name for name in columns if name not in modalities]
        columns, labels, id_, notes = join_labels(columns, named, options, where)
    known_columns([options.split] if options.split else [], columns, "--split", where)
    roles = Roles(
        modalities=modalities,
        labels=dict.fromkeys(labels, options.label_type),
        split=options.split or ("split" if "split" in columns else None),
        id=id_,
    )
    return build_pool(columns, roles, where, notes)


def _join_splits(
    arrays: dict[str, NDArray[Any]], where: str
) -> tuple[dict[str, NDArray[Any]], list[str] | None]:
    """Return arrays joined over splits where every name ends in one, and each row's split."""
    parts = {name: name.rpartition("_") for name in arrays}
    if not arrays or any(not base or tail not in SYNONYMS for base, _, tail in parts.values()):
        return arrays, None
    names = list(dict.fromkeys(base for base, _, _ in parts.values()))
    tails = list(dict.fromkeys(tail for _, _, tail in parts.values()))
    joined: dict[str, NDArray[Any]] = {}
    for base in names:
        missing = [f"{base}_{tail}" for tail in tails if f"{base}_{tail}" not in arrays]
        if missing:
            raise PoolError(f"there is no array {missing[0]!r}", where, "give a full set")
        try:
            joined[base] = np.concatenate([arrays[f"{base}_{tail}"] for tail in tails])
        except ValueError:
            what = f"the arrays {base}_{{{', '.join(tails)}}} differ in shape"
            raise PoolError(what, where, "give all splits one width") from None
    split = [tail for tail in tails for _ in range(len(arrays[f"{names[0]}_{tail}"]))]
    return joined, [str(SYNONYMS[tail]) for tail in split]
