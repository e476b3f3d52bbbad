"""Which files a path means, and what folders and names state about the rows in them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import unquote

from alsim.errors import PoolError
from alsim.pool.splits import SYNONYMS
from alsim.pool.wording import count, listed

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
SPLIT = "split"  # the column that names of files make
NAMED = 3  # files that a note names

# Tables of other programs, and how each is written out as Parquet.
DELTA = (
    "Delta table",
    'pyarrow.parquet.write_table(deltalake.DeltaTable("{}").to_pyarrow_table(), "pool.parquet")',
)
ICEBERG = (
    "Iceberg table",
    "pyarrow.parquet.write_table("
    'pyiceberg.table.StaticTable.from_metadata("METADATA.json").scan().to_arrow(), "pool.parquet")',
)
HUDI = ("Hudi table", 'spark.read.format("hudi").load("{}").write.parquet("pool")')
LANCE = (
    "Lance data set",
    'pyarrow.parquet.write_table(lance.dataset("{}").to_table(), "pool.parquet")',
)
SAVED = (
    "data set of Hugging Face's save_to_disk",
    'datasets.load_from_disk("{}").to_parquet("pool.parquet"), each split by itself',
)
# The files that they are known by: those that hold Parquet files, and those that hold none.
TABLES = {"_delta_log": DELTA, "metadata/*.metadata.json": ICEBERG, ".hoodie": HUDI}
OTHERS = {"_versions": LANCE, "state.json": SAVED, "dataset_dict.json": SAVED}


@dataclass(frozen=True, slots=True)
class Found:
    """The files of a pool, in order, with notes and warnings."""

    files: tuple[Path, ...]
    root: Path  # folders below it may state columns
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def find_files(path: Path) -> Found:
    """Return the Parquet files of a file, a folder (searched deeply) or a glob, sorted.

    Files and folders whose names begin with `.` or `_` are skipped, unless `path` itself spells
    such a name.

    Raises:
        PoolError: If there are none.
    """
    try:
        return _find_files(path)
    except (OSError, ValueError) as error:  # a name too long, a folder that is closed, a lone **
        what = f"this path cannot be searched ({getattr(error, 'strerror', None) or error})"
        raise PoolError(what, str(path), "check the path, and that you may read it") from None


def _find_files(path: Path) -> Found:
    if path.is_file():
        return Found((path,), path.parent)
    if path.is_dir():
        # Spark names folders of files like files.
        return _visible(path, path, path.rglob("*.parquet"), ())
    wild = [any(character in part for character in "*?[") for part in path.parts]
    if any(wild):
        first = wild.index(True)
        root, pattern = Path(*path.parts[:first]), path.parts[first:]
        return _visible(path, root, root.glob(str(Path(*pattern))), pattern)
    beside = sorted(path.parent.glob("*.parquet")) if path.parent.is_dir() else []
    names = ", ".join(file.name for file in beside[:5])
    mend = f"beside it there is: {names}" if names else "check the path"
    raise PoolError("no such file", str(path), mend)


def _visible(path: Path, root: Path, matches: Iterable[Path], pattern: Sequence[str]) -> Found:
    everything = sorted(file for file in matches if file.is_file())
    files = [file for file in everything if not _is_hidden(file.relative_to(root), pattern)]
    if not files:
        raise _nothing(path, root, everything, is_folder=not pattern)
    for folder in dict.fromkeys([root, *(file.parent for file in files)]):
        if kind := _kind_of(folder, TABLES):
            warning = (
                f"this is the folder of a {kind[0]}, read as plain Parquet: rows that were deleted "
                "or replaced there may be among them; write it out: " + kind[1].format(folder)
            )
            # The hidden files belong to the table: no note on those.
            return Found(tuple(files), root, (), (warning,))
    hidden = sorted({file.name for file in everything} - {file.name for file in files})
    note = f"{count(len(hidden), 'file')} skipped, with . or _ at the start of a name: "
    return Found(tuple(files), root, (note + listed(hidden, NAMED),) if hidden else ())


def _is_hidden(below: Path, pattern: Sequence[str]) -> bool:
    """Return whether a part of a path begins with `.` or `_` that the pattern does not spell."""
    spelled = [part for part in pattern if part[0] in "._"]
    return any(
        part[0] in "._" and "=" not in part and not any(fnmatch(part, each) for each in spelled)
        for part in below.parts
    )


def _kind_of(folder: Path, marks: Mapping[str, tuple[str, str]]) -> tuple[str, str] | None:
    return next((kind for mark, kind in marks.items() if any(folder.glob(mark))), None)


def _nothing(path: Path, root: Path, everything: Sequence[Path], *, is_folder: bool) -> PoolError:
    kind = _kind_of(root, {**TABLES, **OTHERS})
    if everything and kind is None:
        what = f"all {len(everything)} files here have a name or folder that begins with . or _"
        return PoolError(what, str(path), f"name one: {everything[0]}")
    if kind is not None:
        return PoolError(f"this is a {kind[0]}", str(path), f"write it out: {kind[1].format(path)}")
    if is_folder:
        mend = "their names end in .parquet; other formats are converted by: alsim pool import"
        return PoolError("no Parquet files in this folder", str(path), mend)
    return PoolError("no file matches this pattern", str(path), "quote it, and check the path")


def path_columns(found: Found) -> dict[str, tuple[str | None, ...]]:
    """Return the columns that the paths of files state, with a value for each file.

    Folders such as `label=cat` state one each, as Hive and Spark write them. Where the names of
    all files, or of their folders, state splits, at least two, such as `train-00000-of-00002` and
    `test`, there is a column `split`.
    """
    below = [file.relative_to(found.root).parts for file in found.files]
    stated = [
        dict(part.split("=", 1) for part in parts[:-1] if part.find("=") > 0) for parts in below
    ]
    columns: dict[str, tuple[str | None, ...]] = {
        name: tuple(
            None if (value := each.get(name, HIVE_NULL)) == HIVE_NULL else unquote(value)
            for each in stated
        )
        for name in dict.fromkeys(name for each in stated for name in each)
    }
    splits = tuple(_split_of(parts) for parts in below)
    if SPLIT not in columns and None not in splits and len(set(splits)) > 1:
        columns[SPLIT] = splits
    return columns


def half_named(found: Found) -> tuple[str, ...]:
    """Return a warning if names of files state several splits, but not of all files."""
    splits = [_split_of(file.relative_to(found.root).parts) for file in found.files]
    known = sorted({split for split in splits if split is not None})
    if len(known) < 2 or None not in splits:
        return ()
    return (
        f"names of files state a split ({', '.join(known)}), but not those of all files, so none "
        f"is read from them: {found.files[splits.index(None)].name}; leave such files out, or "
        "write a split column",
    )


def _split_of(parts: Sequence[str]) -> str | None:
    """Return the split that the name of a file states, else the nearest folder's."""
    for part in reversed(parts):
        if "=" in part:  # it states a column instead
            continue
        stem = part.removesuffix(".parquet")
        words = {SYNONYMS[word] for word in re.split("[^a-z]+", stem.lower()) if word in SYNONYMS}
        if words:
            return words.pop() if len(words) == 1 else None
    return None
