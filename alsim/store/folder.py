"""A run's folder: made once, cleared of what killed writes left, moved aside for another."""

import re
from contextlib import suppress
from pathlib import Path

from alsim.errors import StoreError
from alsim.store.atomic import cannot_write, is_partial
from alsim.store.layout import FOLDERS, LOCK, MANIFEST
from alsim.store.manifest import open_folder, status_of
from alsim.store.opening import opened

_LONGEST = 100  # bytes of a folder's name; no file system takes more than 255


def create_run(folder: Path) -> Path:
    """Make the folder of a new run, with its parents, and return it.

    Raises:
        StoreError: If it holds more than a killed process leaves before there is a run, is a file,
            or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = all(path.name == LOCK or is_partial(path.name) for path in folder.iterdir())
    except (FileExistsError, NotADirectoryError):
        raise StoreError(
            "a file is in the way of the run's folder", str(folder), "name another: --out FOLDER"
        ) from None
    except OSError as error:
        raise cannot_write(folder, error) from error
    if not is_empty:
        raise _occupied(folder)
    return folder


def free_folder(base: Path, name: str) -> Path:
    """Make and return the first of base/NAME, base/NAME-2, base/NAME-3 … that does not exist.

    It is made at once, so that two runs started together do not get the same one. Characters
    that would be awkward in a path, or in a list separated by commas, become hyphens.

    Raises:
        StoreError: If no folder can be made in `base`.
    """
    stem = re.sub(r"[^\w.+-]+", "-", name).strip(".-")
    stem = stem.encode()[:_LONGEST].decode(errors="ignore").rstrip(".-") or "run"
    number = 1
    while True:
        folder = base / (stem if number == 1 else f"{stem}-{number}")
        try:
            base.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError:
            if not base.is_dir():
                raise StoreError(
                    "a file is in the way of the folder for runs",
                    str(base),
                    "move it, or name a folder: --out FOLDER",
                ) from None
            number += 1
        except OSError as error:
            raise cannot_write(folder, error) from error
        else:
            return folder


def remove_partials(folder: Path) -> None:
    """Remove what writes that were killed left; only for who holds the run's lock."""
    for place in (folder, *(folder / name for name in sorted(FOLDERS))):
        # It does no harm where it cannot be removed.
        with suppress(OSError, StoreError), opened(place) as there:
            for name in filter(is_partial, there.names()):
                there.remove(name)


def move_aside(folder: Path) -> Path:
    """Rename a run's folder to the first of FOLDER.old, FOLDER.old-2 … that is free; return that.

    Raises:
        StoreError: If the system cannot.
    """
    folder = folder.absolute()  # "." has no name
    number = 1
    while True:
        target = folder.with_name(f"{folder.name}.old" + (f"-{number}" if number > 1 else ""))
        if not target.exists() and not target.is_symlink():
            break
        number += 1
    try:
        return folder.rename(target)
    except OSError as error:
        raise StoreError(
            f"cannot move the folder aside: {error.strerror}",
            str(folder),
            "move it yourself, or name another: --out FOLDER",
        ) from error


def _occupied(folder: Path) -> StoreError:
    """Return the error for a new run's folder that already holds something."""
    where = str(folder)
    if not (folder / MANIFEST).exists():
        return StoreError(
            "the folder is not empty", where, "name a folder that is empty or new: --out FOLDER"
        )
    try:
        status = status_of(*open_folder(folder))
    except StoreError:
        status = "unreadable"
    mend = "name another with --out; or add --force, which moves the old run aside"
    if status not in ("complete", "unreadable"):
        mend = f"go on with it: alsim resume {where}; or {mend}"
    return StoreError(f"the folder already holds a run ({status})", where, mend)
