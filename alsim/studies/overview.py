"""A run's folder in a line: when, on what pool, of what kind, how far, and what it found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alsim.analysis.curves.runs import settings_that_differ
from alsim.analysis.manifest import list_at, value_at
from alsim.errors import StoreError
from alsim.store.layout import MANIFEST
from alsim.store.manifest import FolderKind, StudyFolder, kind_of, open_folder, status_of
from alsim.studies.answers import answer_of

# Where a manifest names what was compared, once its pool was read, and the option before that.
_COMPARED: Mapping[FolderKind, tuple[str, str]] = {
    "curves": ("strategies", "strategy"),
    "correlation": ("metrics", "metric"),
    "training": ("models", "model"),
}
_BUILT_IN = "made up"  # the pool of a run without one


@dataclass(frozen=True, slots=True)
class Overview:
    """What `alsim runs` shows of a folder."""

    run: str  # its path
    date: str  # local time at which its `run.json` was last written, to the minute
    state: str  # "complete", "running", "interrupted", "failed", "killed" or "unreadable"
    answer: str  # what it found, empty until it is complete
    compared: tuple[str, ...]  # strategies, metrics or models
    seeds: tuple[int, ...]
    pool: str
    kind: FolderKind | None


def overview(folder: Path) -> Overview:
    """Return a run in a line, one that cannot be read too.

    Raises:
        StoreError: If there is no such run.
    """
    try:
        folder, manifest = open_folder(folder)
    except StoreError:
        if not (date := _written(folder)):
            raise
        return Overview(str(folder), date, "unreadable", "", (), (), "", None)
    kind = kind_of(manifest)
    name, option = _COMPARED[kind]
    compared = value_at(manifest, "configuration", name)
    if not isinstance(compared, list | Mapping):
        compared = list_at(manifest, "options", option)
    seeds = list_at(manifest, "configuration", "seeds") or list_at(manifest, "options", "seeds")
    return Overview(
        run=str(folder),
        date=_written(folder),
        state=status_of(folder, manifest),
        answer=answer_of(folder, manifest),
        compared=tuple(map(str, compared)),
        seeds=tuple(seed for seed in seeds if isinstance(seed, int)),
        pool=_pool_of(manifest),
        kind=kind,
    )


def differences(folders: list[Path]) -> dict[str, tuple[str, ...]]:
    """Return in what runs differ: their kind, pool, what they compare, seeds, settings, versions.

    Those of other kinds share no settings, so of these only the former are compared.

    Raises:
        StoreError: If a folder holds no run.
    """
    opened = [open_folder(folder) for folder in folders]
    lines = [overview(folder) for folder, _ in opened]
    prints = [str(value_at(manifest, "pool", "fingerprint"))[:12] for _, manifest in opened]
    facts = {
        "kind": [str(line.kind) for line in lines],
        "pool": [f"{line.pool} ({each})" for line, each in zip(lines, prints, strict=True)],
        "compares": [", ".join(line.compared) for line in lines],
        "seeds": [in_words(line.seeds) for line in lines],
    }
    found = {name: tuple(each) for name, each in facts.items() if len(set(each)) > 1}
    if "kind" in found:
        return found
    found |= settings_that_differ([StudyFolder(*each) for each in opened])
    versions = [
        StudyFolder(folder, {"configuration": {"version": value_at(manifest, "versions")}})
        for folder, manifest in opened
    ]
    return found | settings_that_differ(versions)


def in_words(seeds: tuple[int, ...]) -> str:
    """Return seeds as `--seeds` takes them: "5", "3..7" or "1,4"."""
    if seeds == tuple(range(len(seeds))):
        return str(len(seeds))
    is_range = seeds == tuple(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]}..{seeds[-1]}" if is_range else ",".join(map(str, seeds))


def _written(folder: Path) -> str:
    """Return when a run's manifest was last written; "" if there is none."""
    try:
        return f"{datetime.fromtimestamp((folder / MANIFEST).stat().st_mtime):%Y-%m-%d %H:%M}"
    except OSError:
        return ""


def _pool_of(manifest: Mapping[str, object]) -> str:
    """Return the name of a run's pool, or before it was read the one that its path has."""
    path = value_at(manifest, "arguments", "pool")
    name = value_at(manifest, "pool", "name")
    if isinstance(name, str):
        return name
    return Path(path).stem if isinstance(path, str) else _BUILT_IN
