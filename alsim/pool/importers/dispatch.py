"""From a path to the importer that reads it."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pyarrow as pa

from alsim.errors import PoolError, UsageError
from alsim.paths import place
from alsim.pool.importers.arrays import import_npy, import_npz
from alsim.pool.importers.census import import_census
from alsim.pool.importers.cifar import import_cifar100
from alsim.pool.importers.finishing import finish
from alsim.pool.importers.idx import import_idx
from alsim.pool.importers.options import Format, ImportOptions
from alsim.pool.importers.tables import import_csv, import_parquet

NAMED: dict[str, Format] = {"census": "census", "cifar100": "cifar100"}
SUFFIXES: dict[str, Format] = {
    ".npz": "npz",
    ".npy": "npy",
    ".csv": "csv",
    ".parquet": "parquet",
}


def guess_format(path: Path) -> Format:
    """Return the format of a file or folder by its name, or by those inside.

    Raises:
        PoolError: If there is nothing at `path`.
        UsageError: If the name does not tell.
    """
    if path.suffix in SUFFIXES:
        return SUFFIXES[path.suffix]
    if place(path) is None:
        raise PoolError("no such file", str(path), "check the path")
    names = [file.name for file in path.iterdir()] if path.is_dir() else [path.name]
    if any("idx" in name and "ubyte" in name for name in names):
        return "idx"
    if any(name.startswith("census-income.") for name in names):
        return "census"
    if {"train.bin", "test.bin"} <= set(names) or {"train", "test", "meta"} <= set(names):
        return "cifar100"  # the latter are its pickles, of which the importer tells more
    if path.is_dir() and any(path.rglob("*.parquet")):
        return "parquet"
    mend = f"say it: --format {'|'.join(get_args(Format))}"
    raise UsageError("the format cannot be guessed from the name", str(path), mend)


def import_pool(
    paths: Sequence[Path], options: ImportOptions, format_: Format | None = None
) -> pa.Table:
    """Return the pool of `paths`, with its roles in the metadata: one that `check` passes.

    Args:
        paths: One file or folder; several for `.npy` (a modality each), idx and Census files. The
            first may be the name of a format, such as `census`, rather than a path.
        options: Columns by their part.
        format_: None to guess it from the first path.

    Raises:
        PoolError: If the files cannot be read, or do not hold a pool.
        UsageError: If `options` name something that is not there.
    """
    where = ", ".join(map(str, paths))
    return finish(_read(paths, options, format_), options, where)


def _read(paths: Sequence[Path], options: ImportOptions, format_: Format | None) -> pa.Table:
    if format_ is None and len(paths) > 1 and str(paths[0]) in NAMED:
        format_, paths = NAMED[str(paths[0])], paths[1:]
    format_ = format_ or guess_format(paths[0])
    if format_ != "census" and (options.group or options.only):
        flag = "--group" if options.group else "--only"
        raise UsageError(f"{flag} is for Census-Income", str(paths[0]), f"leave out {flag}")
    for path in paths:
        if place(path) is None and format_ != "parquet":
            raise PoolError("no such file", str(path), "check the path")
    if format_ == "npy":
        return import_npy(paths, options)
    if format_ == "idx":
        return import_idx(paths)
    if format_ == "census":
        return import_census(paths, options)
    if len(paths) > 1:
        what = f"{len(paths)} inputs, where {format_} takes one"
        raise UsageError(what, str(paths[1]), "give one file, folder or glob")
    if format_ == "cifar100":
        return import_cifar100(paths[0])
    readers = {"npz": import_npz, "csv": import_csv, "parquet": import_parquet}
    return readers[format_](paths[0], options)
