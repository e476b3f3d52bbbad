"""The folders of runs that lie in `runs/`, the latest first."""

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from alsim.errors import StoreError
from alsim.store.layout import MANIFEST
from alsim.store.manifest import open_folder

RUNS = Path("runs")  # below the working folder; where a run lies unless a folder is named
_ASIDE = re.compile(r".+\.old(-\d+)?")  # as `move_aside` calls them


def run_folders(base: Path = RUNS) -> list[Path]:
    """Return the folders that hold a `run.json`, the one that was written last first.

    Those that were moved aside are left out.
    """
    written: list[tuple[int, Path]] = []
    with suppress(OSError), os.scandir(base) as entries:
        for entry in entries:
            with suppress(OSError):  # no run, or gone meanwhile
                path = Path(entry.path)
                written.append(((path / MANIFEST).stat().st_mtime_ns, path))
    written.sort(key=lambda each: (-each[0], each[1]))
    return [path for _, path in written if not _ASIDE.fullmatch(path.name)]


def latest_run(suits: Callable[[Path, Mapping[str, object]], bool]) -> Path | None:
    """Return the latest folder in `runs/` that suits, by its path and manifest; None without one.

    One of which something that `suits` reads is missing or damaged does not suit.
    """
    for folder in run_folders():
        with suppress(StoreError):
            if suits(*open_folder(folder)):
                return folder
    return None
