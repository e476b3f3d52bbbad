"""A command typed again: the same run in `runs/`, finished or begun before."""

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from alsim.errors import StoreError
from alsim.store.layout import MANIFEST
from alsim.store.lock import holder
from alsim.store.manifest import FolderKind, open_folder
from alsim.store.opening import read_bytes
from alsim.store.runs import run_folders
from alsim.store.version import SCHEMA_VERSION
from alsim.studies.same_again import changed_options, changes_since, further_seeds
from alsim.studies.watch import Watch

_ANOTHER = "for another: --new"


class _Manifest(msgspec.Struct):
    """What tells the manifest of another run at a glance; the rest of it is not decoded."""

    status: str
    options: dict[str, Any]
    versions: dict[str, Any]
    schema: int = 0
    kind: str = "curves"
    arguments: dict[str, Any] | None = None

    def pool(self) -> object:
        """Return where the pool was; False if it was in memory."""
        return False if self.arguments is None else self.arguments.get("pool")


_decoder = msgspec.json.Decoder(_Manifest)


def find_earlier(
    kind: FolderKind,
    options: Mapping[str, Any],
    arguments: Mapping[str, Any] | None,
    content: Callable[[], Mapping[str, Any]],
    watch: Watch,
) -> Path | None:
    """Return the latest folder in `runs/` that holds this run, if no other process works on it.

    It has the same kind, options, pool and version of alsim. `content` is only called if there is
    such a folder: it returns what its manifest would record today of the pool, files and machine,
    which must be the same too.
    """
    now: Mapping[str, Any] | None = None
    advice = ""
    pool = False if arguments is None else arguments.get("pool")
    for folder, glance in _glances(kind):
        if glance.pool() != pool:
            continue
        others = changed_options(glance.options, options)
        if others == ["seeds"]:
            advice = advice or _on_seeds(folder, glance, options)
            continue
        if others:
            continue
        try:
            _, past = open_folder(folder)
        except StoreError:
            continue
        held_by = holder(folder)
        if held_by is not None and not held_by.is_dead:  # of a dead one the workers end soon
            watch.note(f"another process works on this run in {folder}: this is another one")
            continue
        now = content() if now is None else now
        if changed := changes_since(past, now):
            watch.note(f"{folder} holds this run, begun with something else ({changed[0]})")
            continue
        if past["status"] == "complete":
            watch.note(f"{folder} holds this run, finished; {_ANOTHER}")
        else:
            watch.note(f"{folder} holds this run, unfinished: going on with it; {_ANOTHER}")
        return folder
    if advice:
        watch.note(advice)
    return None


def _glances(kind: FolderKind) -> Iterator[tuple[Path, _Manifest]]:
    """Yield the runs of a kind that this version of alsim could go on with."""
    for folder in run_folders():
        try:
            found = _decoder.decode(read_bytes(folder / MANIFEST))
        except (OSError, ValueError, RecursionError):  # older, damaged or gone
            continue
        is_ours = (found.kind, found.versions.get("alsim")) == (kind, version("alsim"))
        if is_ours and found.schema == SCHEMA_VERSION:
            yield folder, found


def _on_seeds(folder: Path, glance: _Manifest, options: Mapping[str, Any]) -> str:
    """Return how seeds that a finished run has not used are judged by themselves."""
    further = further_seeds(glance.options.get("seeds"), options.get("seeds"))
    if glance.status != "complete" or not further:
        return ""
    return (
        f"{folder} holds this run with other seeds; if you have seen what those show, judge the "
        f"unused ones by themselves: --seeds {further}"
    )
