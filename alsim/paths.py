"""Paths that the user names: whether a folder, a file or nothing is there."""

from pathlib import Path
from stat import S_ISDIR
from typing import Literal

from alsim.errors import UsageError


def place(path: Path, flag: str = "") -> Literal["folder", "file"] | None:
    """Return what is at a path, None for nothing; anything but a folder counts as a file.

    Args:
        path: Relative or absolute.
        flag: The option that named it, for messages.

    Raises:
        UsageError: If the system refuses to look, as for a name that is too long or in a folder
            without permission.
    """
    try:
        return "folder" if S_ISDIR(path.stat().st_mode) else "file"
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last: a null character
        return None
    except OSError as error:
        what, mend = f"cannot look there: {error.strerror}", "name a path that you can access"
        raise UsageError(what, f"{flag} {path}".lstrip(), mend) from None
