"""`alsim.resume`: go on with a run, from its folder alone."""

import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alsim.errors import PoolError, StoreError
from alsim.options.calling import takes
from alsim.options.faults import Faults
from alsim.options.option import options_of, read
from alsim.options.resume import ResumeOptions
from alsim.pool.finding import find_files
from alsim.store.layout import MANIFEST
from alsim.store.manifest import (
    FolderKind,
    command_of,
    kind_of,
    open_folder,
    refuse_older,
    status_of,
)
from alsim.studies.claiming import tidy
from alsim.studies.dependencies import Used, files_used
from alsim.studies.kinds import KINDS, Done
from alsim.studies.same_again import refuse_other_version
from alsim.studies.twins import NOT_KEPT
from alsim.studies.watch import Watch


@takes(ResumeOptions)
def resume(given: dict[str, Any]) -> Done:
    """Go on with a run that was interrupted, killed or failed, to the same numbers to the bit.

    `folder` is that of learning curves, a correlation study or passive training. Every other
    argument is the option of the command of the same name, see `docs/reference.md`.

    What followed the last checkpoint is computed again and compared with what was recorded. A
    finished run is returned unchanged.

    Raises:
        AlsimError: If anything that the numbers depend on has changed, or for anything else that
            the user can mend.
    """
    faults = Faults()
    options = read(ResumeOptions, given, faults)
    faults.raise_all("options cannot be used", "alsim resume")
    watch: Watch = options.watch or Watch()
    found, manifest = open_folder(Path(options.folder))
    kind = kind_of(manifest)
    if manifest["status"] == "complete":
        done = KINDS[kind].read(found)
        watch.note("the run is finished: nothing is left to do")
        tidy(found)
        return done
    arguments = _arguments(found, manifest)
    # Kept when the run began, whatever became of the file that named them.
    kept = manifest.get("options")
    if not isinstance(kept, Mapping):
        raise _tampered(found, f"options of the wrong type: {reprlib.repr(kept)}")
    if arguments.get("initial_ids") is not None:
        arguments["initial_ids"] = kept.get("initial_ids")
    _refuse_other_types(found, kind, arguments)
    if options.pool is None:
        _refuse_missing_pool(arguments.get("pool"), found)
    for file in files_used(arguments):
        if file.flag != "--initial-ids":  # the ids are kept
            _refuse_missing(file, found)
        if file.is_code:
            _refuse_own_code(file, found, trust=options.trust)
            watch.note(f"{file.flag} {file.name}: runs the code in {file.path.absolute()}")
    changed = {"pool": options.pool, "workers": options.workers}
    arguments |= {name: value for name, value in changed.items() if value is not None}
    return KINDS[kind].make(**arguments, out=found, watch=watch)


def _arguments(folder: Path, manifest: Mapping[str, object]) -> dict[str, Any]:
    """Return the arguments that a run was begun with.

    Raises:
        StoreError: If its folder does not hold them, or is of another version of alsim.
    """
    where, command = str(folder), command_of(manifest)
    refuse_older(folder, manifest)
    if "arguments" not in manifest:
        raise StoreError(
            f"the run ({status_of(folder, manifest)}) is of an earlier alsim, which kept no "
            "journals: it cannot go on",
            where,
            "run it again into another folder: alsim run … --out FOLDER",
        )
    arguments = manifest["arguments"]
    if not isinstance(arguments, dict):
        raise StoreError(
            "the run's pool was a table in memory, which its folder does not hold",
            where,
            "call what began it once more, with the same table: "
            f"{command.replace(' ', '.')}(table, …, out={where!r}); or the recipe, with the same "
            "--out",
        )
    refuse_other_version(folder, manifest)
    if added := sorted(NOT_KEPT & arguments.keys()):
        raise _tampered(folder, f"arguments that alsim does not keep: {', '.join(added)}")
    if unknown := sorted(set(arguments) - set(options_of(KINDS[kind_of(manifest)].options))):
        raise _tampered(folder, f"arguments that alsim does not know: {', '.join(unknown)}")
    return dict(arguments)


def _refuse_other_types(folder: Path, kind: FolderKind, arguments: Mapping[str, Any]) -> None:
    faults = Faults()
    read(KINDS[kind].options, arguments, faults)
    if faults.kept:
        listed = "; ".join(str(fault.args[0]) for fault in faults.kept)
        raise _tampered(folder, f"arguments of other types: {listed}")


def _tampered(folder: Path, what: str) -> StoreError:
    return StoreError(
        f"the file holds {what}",
        str(folder / MANIFEST),
        "restore it from a copy; or begin the run again into another folder: --out FOLDER",
    )


def _refuse_missing_pool(pool: object, folder: Path) -> None:
    if not isinstance(pool, str):
        return
    try:
        find_files(Path(pool))
    except PoolError as error:
        raise PoolError(
            f"the run's pool is not where it was: {error.args[0]}",
            str(error.args[1]),
            f"put it back, or name it where it is now: alsim resume {folder} --pool PATH",
        ) from error


def _refuse_missing(file: Used, folder: Path) -> None:
    if not file.path.is_file():
        raise StoreError(
            f"the file that {file.flag} named is gone",
            str(file.path.absolute()),
            f"put it back as it was; then: alsim resume {folder}",
        )


def _refuse_own_code(file: Used, folder: Path, *, trust: bool) -> None:
    """Raise a StoreError if a run brings its own code along, unless the user trusts it."""
    ends = (file.path.resolve(), file.path.parent.resolve())
    if any(end.is_relative_to(folder.resolve()) for end in ends) and not trust:
        raise StoreError(
            f"the run's folder brings code of its own, which {file.flag} would run",
            str(file.path.absolute()),
            f"read it; if you trust whoever wrote it: alsim resume {folder} --trust",
        )
