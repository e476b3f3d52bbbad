"""The names of what lies in a run's folder."""

from pathlib import Path

MANIFEST = "run.json"
JOURNALS = "journal"  # one file a learning curve, until the tables are written
CHECKPOINTS = "checkpoints"
WORK = "work"  # what only the processes of a run need: the mapped pool
LOCK = "lock"


def run_of(path: Path) -> Path:
    """Return the run's folder, given a file that lies in it, in its journals or checkpoints."""
    parent = path.parent
    return parent.parent if parent.name in {JOURNALS, CHECKPOINTS} else parent
