"""The folder that a command takes where none is named: the latest in `runs/` that suits."""

import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from alsim.errors import UsageError
from alsim.escaping import visible
from alsim.store.manifest import FolderKind, kind_of, status_of
from alsim.store.runs import RUNS, latest_run, run_folders

Manifest = Mapping[str, object]
_MAKE: Mapping[FolderKind, str] = {
    "curves": "alsim run", "correlation": "alsim correlate", "training": "alsim train"
}  # fmt: skip


def latest_to_show(kinds: Collection[FolderKind], command: str) -> Path:
    """Return the latest folder of one of these kinds that holds something, and print which.

    Raises:
        UsageError: If there is none.
    """

    def suits(folder: Path, manifest: Manifest) -> bool:
        kind = kind_of(manifest)
        return kind in kinds and (manifest["status"] == "complete" or _n_rows(folder, kind) > 0)

    makers = " or ".join(make for kind, make in _MAKE.items() if kind in kinds)
    mend = f"make one: {makers}; or name a folder that lies elsewhere: {command} FOLDER"
    return _found(latest_run(suits), f"no run to show in {RUNS}/", command, mend)


def latest_with_gates() -> Path:
    """Return the latest training study whose gates were recorded, and print which.

    Raises:
        UsageError: If there is none.
    """

    def suits(folder: Path, manifest: Manifest) -> bool:
        from alsim.store.training import read_training

        return kind_of(manifest) == "training" and read_training(folder).gates.num_rows > 0

    mend = "train a model with gates: alsim train --pool FILE --model mmoe"
    return _found(latest_run(suits), f"no study with gates in {RUNS}/", "alsim gates", mend)


def latest_unfinished() -> Path:
    """Return the latest folder that no process works on and that is not finished, and print which.

    Raises:
        UsageError: If there is none.
    """

    def suits(folder: Path, manifest: Manifest) -> bool:
        return status_of(folder, manifest) not in ("complete", "running")

    mend = "see all: alsim runs; or name a folder that lies elsewhere: alsim resume FOLDER"
    what = f"every run in {RUNS}/ is finished, or another process works on it"
    what = what if run_folders() else f"no run in {RUNS}/"
    return _found(latest_run(suits), what, "alsim resume", mend)


def _found(folder: Path | None, what: str, command: str, mend: str) -> Path:
    if folder is None:
        raise UsageError(what, command, mend)
    sys.stderr.write(f"{visible(str(folder))}, the latest\n")
    sys.stderr.flush()
    return folder


def _n_rows(folder: Path, kind: FolderKind) -> int:
    """Return how much an unfinished run has recorded."""
    from alsim.store.correlation import read_correlation
    from alsim.store.curves import read_run
    from alsim.store.training import read_training

    rows: Mapping[FolderKind, Callable[[], int]] = {
        "curves": lambda: read_run(folder).steps.num_rows,
        "correlation": lambda: read_correlation(folder).groups.num_rows,
        "training": lambda: read_training(folder).fits.num_rows,
    }
    return rows[kind]()
