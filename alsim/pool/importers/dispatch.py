"""From a path to the importer that reads it."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import pyarrow as pa

from alsim.errors import PoolError, UsageError
from alsim.options.option import options_of
from alsim.paths import place
from alsim.pool.importers.finishing import finish
from alsim.pool.importers.table import IMPORTERS, ImportOptions


def guess_format(path: Path) -> str:
    """Return the format of a file or folder by its name, or by those inside.

    Raises:
        PoolError: If there is nothing at `path`.
        UsageError: If the name does not show it.
    """
    for name, row in IMPORTERS.items():
        if row.suffix and path.suffix == row.suffix:
            return name
    if place(path) is None:
        raise PoolError("no such file", str(path), "check the path")
    for name, row in IMPORTERS.items():
        if any(all(_matches(path, pattern) for pattern in patterns) for patterns in row.files):
            return name
    mend = f"name it: --format {'|'.join(IMPORTERS)}"
    raise UsageError("the format cannot be guessed from the name", str(path), mend)


def _matches(path: Path, pattern: str) -> bool:
    if path.is_dir():
        return any(True for _ in path.glob(pattern))
    return fnmatchcase(path.name, pattern)


def import_pool(
    paths: Sequence[Path], options: ImportOptions, format_: str | None = None
) -> pa.Table:
    """Return the pool of `paths`, with its roles in the metadata: one that `check` passes.

    The paths are one file or folder, or several for `.npy` (a modality each), idx and Census files;
    the first may be the name of a format, such as `census`. Without a format it is guessed.

    Raises:
        PoolError: If the files cannot be read, or do not hold a pool.
        UsageError: If `options` name something that is not there.
    """
    where = ", ".join(map(str, paths))
    return finish(_read(paths, options, format_), options, where)


def _read(paths: Sequence[Path], options: ImportOptions, format_: str | None) -> pa.Table:
    first = IMPORTERS.get(str(paths[0]))
    if format_ is None and len(paths) > 1 and first is not None and first.by_name:
        format_, paths = str(paths[0]), paths[1:]
    format_ = format_ or guess_format(paths[0])
    importer = IMPORTERS[format_]
    for other in IMPORTERS.values():
        own = {} if other is importer or other.options is None else options_of(other.options)
        for name, each in own.items():
            if getattr(options, name) != each.default:
                what, mend = f"{each.flag} is for {each.heading}", f"leave out {each.flag}"
                raise UsageError(what, str(paths[0]), mend)
    for path in paths:
        if place(path) is None and format_ != "parquet":
            raise PoolError("no such file", str(path), "check the path")
    if not importer.takes_several and len(paths) > 1:
        what = f"{len(paths)} inputs, where {format_} takes one"
        raise UsageError(what, str(paths[1]), "give one file, folder or glob")
    return importer.read()(paths if importer.takes_several else paths[0], options)
