"""What is at a path that a user has named."""

from pathlib import Path
from stat import S_ISDIR
from typing import Literal

from alsim.errors import UsageError


def place(path: Path) -> Literal["folder", "file"] | None:
    """Return what is at a path, None for nothing; whatever is no folder counts as a file.

    Raises:
        UsageError: If the system does not say, as for a name that is too long or below a folder
            that may not be entered.
    """
    try:
        return "folder" if S_ISDIR(path.stat().st_mode) else "file"
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        what, mend = f"cannot look there: {error.strerror}", "name a path that you may enter"
        raise UsageError(what, str(path), mend) from None
    except ValueError as error:  # such as a null character
        raise UsageError(f"no path: {error}", str(path), "name another") from None
