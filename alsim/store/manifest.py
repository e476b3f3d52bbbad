"""A run's manifest, `run.json`: what kind of run a folder holds, its status, how it was made."""

import json
import reprlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, cast

from alsim.analysis.manifest import list_at, value_at
from alsim.errors import StoreError
from alsim.escaping import visible
from alsim.store.atomic import replacing
from alsim.store.layout import MANIFEST
from alsim.store.lock import holder
from alsim.store.opening import read_bytes
from alsim.store.version import SCHEMA_VERSION, check_version

Value = TypeVar("Value", str, int)

STATUSES = ("running", "complete", "interrupted", "failed")
FolderKind = Literal["curves", "correlation", "training"]
KIND = "kind"  # in a manifest; that of learning curves has none
# Settings that were called otherwise before options had the names of their flags.
_RENAMED: Mapping[str, Mapping[str, str]] = {
    "pool": {
        "labels": "label", "modalities": "modality", "masks": "mask_modality", "id": "id_column",
    },
    "training": {"head_weights": "head_weight"},
}  # fmt: skip
_NAMED = 5  # strategies or models that a representation names
_DEEPEST = 50  # levels of a manifest
# What each kind holds, the command that makes it, and what shows it beside `alsim resume`.
_KINDS: Mapping[FolderKind, tuple[str, str, str]] = {
    "curves": ("learning curves", "alsim run", "alsim plot {}"),
    "correlation": ("a correlation study", "alsim correlate", "alsim plot {} --kind scatter"),
    "training": ("passive training", "alsim train", "alsim plot {} --kind losses"),
}


# eq=False: what is derived holds tables, which compare elementwise.
@dataclass(frozen=True, slots=True, eq=False)
class StudyFolder:
    """What was read from a folder, of whatever kind of study: its manifest records which."""

    folder: Path
    manifest: Mapping[str, object]

    def __repr__(self) -> str:
        """Return the folder, its status, what was compared, and over how many seeds."""
        names, n = self._compared(), len(list_at(self.manifest, "configuration", "seeds"))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        parts = [f"{', '.join(names[:_NAMED])}{more}"] * bool(names)
        parts += [f"{n} seed{'s' * (n > 1)}"] * bool(n)
        what = visible(f"{str(self.folder)!r}: {'; '.join([self.status, *parts])}")
        return f"{type(self).__name__}({what})"

    def _compared(self) -> Sequence[str]:
        """Return the names of what the study compares."""
        return list_at(self.manifest, "configuration", "strategies")

    @property
    def name(self) -> str:
        """Return the folder's own name."""
        return self.folder.resolve().name

    @property
    def status(self) -> str:
        """Return "running", "complete", "interrupted", "failed", or "killed", see `status_of`."""
        return status_of(self.folder, self.manifest)

    @property
    def evaluation_split(self) -> str:
        """Return the split that accuracies are measured on."""
        return self.recorded(str, "evaluation_split")

    @property
    def n_evaluated(self) -> int:
        """Return how many rows accuracies are measured on."""
        return self.recorded(int, "n_evaluated")

    def recorded(self, kind: type[Value], *path: str) -> Value:
        """Return a value of the manifest, which anyone may have changed.

        Raises:
            StoreError: If it is missing or of another type than `kind`.
        """
        value = value_at(self.manifest, *path)
        if type(value) is kind:
            return value
        name = ".".join(path)
        what = f"{name} is missing" if value is None else f"{name} cannot be {value!r}"
        mend = mend_of(self.folder, self.manifest)
        raise StoreError(what, str(self.folder / MANIFEST), mend)


def write_manifest(folder: Path, manifest: Mapping[str, object]) -> None:
    """Write `run.json`, atomically. `schema` is added where the manifest has none.

    Raises:
        StoreError: If the system cannot write there.
        ValueError: If `status` is none of the four, or a number is not finite.
    """
    if manifest.get("status") not in STATUSES:
        raise ValueError(f"status {manifest.get('status')!r} is none of {STATUSES}")
    full = {"schema": SCHEMA_VERSION, **manifest}
    text = json.dumps(full, indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(folder / MANIFEST) as file:
        file.write(text.encode() + b"\n")


def open_folder(folder: str | Path) -> tuple[Path, Mapping[str, object]]:
    """Return the folder of a run of any kind, given it or its `run.json`, and its manifest.

    Raises:
        StoreError: If there is no such folder, no `run.json` in it, or if that is not JSON or
            of a schema version or a kind that this alsim does not know.
    """
    folder = Path(folder)
    try:
        if folder.name == MANIFEST and folder.is_file():
            folder = folder.parent
        is_folder = folder.is_dir()
    except OSError as error:  # no permission to look, or a name too long for the system
        mend = "name the folder of a run"
        raise StoreError(f"cannot read: {error.strerror}", str(folder), mend) from error
    if not is_folder:
        raise StoreError("no such run", str(folder), _siblings(folder.parent))
    manifest = read_manifest(folder)
    check_version(manifest.get("schema"), folder / MANIFEST)
    if manifest.get("status") not in STATUSES:
        raise StoreError(
            f"unknown status {reprlib.repr(manifest.get('status'))}",
            str(folder / MANIFEST),
            f"a run is one of: {', '.join(STATUSES)}",
        )
    if manifest.get(KIND, "curves") not in list(_KINDS):  # which asks for no hash
        raise StoreError(
            f"unknown kind of run {reprlib.repr(manifest.get(KIND))}",
            str(folder / MANIFEST),
            f"a run is one of: {', '.join(_KINDS)}",
        )
    return folder, manifest


def read_manifest(folder: Path) -> Mapping[str, object]:
    """Return what a folder's `run.json` holds, of whatever version and kind.

    Raises:
        StoreError: If there is none, or it is no JSON object that alsim could have written.
    """
    path = folder / MANIFEST
    again = "restore it from a copy, or run again: alsim run --out FOLDER"
    try:
        manifest = json.loads(read_bytes(path).decode())
    except FileNotFoundError:
        raise StoreError(
            f"no run here: {MANIFEST} is missing", str(path), _siblings(folder)
        ) from None
    except OSError as error:
        raise StoreError(f"cannot read: {error.strerror}", str(path), again) from error
    except (ValueError, RecursionError) as error:  # the latter for brackets within brackets
        raise StoreError(f"not valid JSON: {error}", str(path), again) from error
    if not isinstance(manifest, dict):
        raise StoreError("not a JSON object", str(path), again)
    if (odd := _odd_part(manifest)) is not None:
        raise StoreError(f"not what alsim writes: {odd}", str(path), again)
    return _renamed(cast("dict[str, object]", manifest))


def _renamed(manifest: Mapping[str, object]) -> Mapping[str, object]:
    """Return a manifest whose settings have the names of today, whichever alsim wrote it."""
    configuration = manifest.get("configuration")
    if not isinstance(configuration, Mapping):
        return manifest
    settings: dict[str, object] = dict(configuration)
    for part, names in _RENAMED.items():
        values = settings.get(part)
        if isinstance(values, Mapping):
            settings[part] = {names.get(str(key), key): value for key, value in values.items()}
    return {**manifest, "configuration": settings}


def _odd_part(manifest: object) -> str | None:
    """Return a part of a manifest that no run writes and that breaks arithmetic, or None."""
    level = [manifest]
    for _ in range(_DEEPEST):
        for value in level:
            if isinstance(value, int | float) and not abs(value) <= sys.float_info.max:
                return f"the number {reprlib.repr(value)}"
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return "nested too deeply" if level else None


def kind_of(manifest: Mapping[str, object]) -> FolderKind:
    """Return the kind of run that a manifest is of."""
    return cast("FolderKind", manifest.get(KIND, "curves"))


def command_of(manifest: Mapping[str, object]) -> str:
    """Return the command that makes a run like the one that a manifest is of."""
    return _KINDS[kind_of(manifest)][1]


def is_complete(folder: Path) -> bool:
    """Return whether a folder's `run.json` is now marked complete.

    Raises:
        StoreError: As `read_manifest`.
    """
    return read_manifest(folder).get("status") == "complete"


def status_of(folder: Path, manifest: Mapping[str, object]) -> str:
    """Return "running", "complete", "interrupted", "failed", or "killed".

    Killed is a run that is marked running while no process holds its lock.
    """
    status = str(manifest["status"])
    return "killed" if status == "running" and holder(folder) is None else status


def mend_of(folder: Path, manifest: Mapping[str, object]) -> str:
    """Return what to do about a run of which something is missing or broken."""
    status = status_of(folder, manifest)
    if status == "complete":
        return f"run it again into another folder: {command_of(manifest)} --out FOLDER"
    return f"the run is marked {status}; go on with it: alsim resume {folder}"


def refuse_other_kind(
    folder: Path, manifest: Mapping[str, object], kind: FolderKind, mend: str | None = None
) -> None:
    """Raise a StoreError unless the folder holds a run of this kind.

    `mend` is the advice, by default how to see the run, and how to make one of this kind.
    """
    found = kind_of(manifest)
    if found == kind:
        return
    shown_by = [_KINDS[found][2].format(folder)] * bool(_KINDS[found][2])
    see = ", or ".join([*shown_by, f"alsim resume {folder}"])
    raise StoreError(
        f"the folder holds {_KINDS[found][0]}, not {_KINDS[kind][0]}",
        str(folder),
        mend or f"to see it: {see}; to make {_KINDS[kind][0]}: {_KINDS[kind][1]} --out FOLDER",
    )


def refuse_older(folder: Path, manifest: Mapping[str, object]) -> None:
    """Raise a StoreError unless an unfinished run is of this schema version.

    An older one cannot go on: what it recorded lacks what would be recorded now, and its steps
    would not come out again as they were.
    """
    version = manifest.get("schema")
    if version == SCHEMA_VERSION:
        return
    raise StoreError(
        f"the run was begun in schema version {version}, and this alsim writes version "
        f"{SCHEMA_VERSION}: it can be read, but cannot go on",
        str(folder),
        f"go on with the version of alsim that began it; or start anew: {command_of(manifest)} … "
        f"--out {folder} --force, which moves this run aside",
    )


def _siblings(folder: Path) -> str:
    """Return advice that lists the runs lying directly in `folder`, if there are any."""
    try:
        runs = sorted(str(path.parent) for path in folder.glob(f"*/{MANIFEST}"))
    except OSError:
        runs = []
    if not runs:
        return "name the folder of a run, such as runs/posts; alsim run makes one"
    more = f" and {len(runs) - 5} more" if len(runs) > 5 else ""
    return f"name the folder of a run: {', '.join(runs[:5])}{more}"
