"""The names of what lies in a run's folder."""

from contextlib import suppress
from pathlib import Path

MANIFEST = "run.json"
JOURNALS = "journal"  # one file a learning curve, until the tables are written
CHECKPOINTS = "checkpoints"
WORK = "work"  # what only the processes of a run need: the mapped pool
EXPORTS = "exports"  # nets of single tasks
LOCK = "lock"
FOLDERS = frozenset({JOURNALS, CHECKPOINTS, WORK, EXPORTS})


def run_of(path: Path) -> Path:
    """Return the run's folder, given a file that lies in it, or in one of its folders."""
    parent = path.parent
    return parent.parent if parent.name in FOLDERS else parent


def again(path: Path) -> str:
    """Return how to go on with the run that a file belongs to, once that is mended."""
    with suppress(OSError):
        if (run_of(path) / MANIFEST).is_file():
            return f"go on: alsim resume {run_of(path)}"
    return "run it again"
