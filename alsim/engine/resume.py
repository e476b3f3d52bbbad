"""`alsim.resume`: go on with a run from nothing but its folder."""

import inspect
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from alsim.engine.claiming import tidy
from alsim.engine.run import run
from alsim.engine.watch import Watch
from alsim.errors import PoolError, StoreError
from alsim.pool.source import find_files
from alsim.store import Run, read_run


def resume(
    folder: str | Path,
    *,
    pool: str | Path | None = None,
    workers: int | None = None,
    watch: Watch | None = None,
) -> Run:
    """Go on with a run that was interrupted, killed or failed, to the same numbers to the bit.

    What followed the last checkpoint is computed again and compared with what was recorded. A
    finished run is returned as it is.

    Args:
        folder: The run's folder.
        pool: Where the pool is now, if not where it was; its content must be the same.
        workers: Processes, if not as many as before.
        watch: Hears of the progress.

    Raises:
        AlsimError: If anything that the numbers depend on is not as it was, or for anything else
            that the user can mend.
    """
    watch = watch or Watch()
    found = read_run(Path(folder))
    if found.status == "complete":
        watch.note("the run is finished: nothing is left to do")
        tidy(found.folder)
        return found
    arguments = _arguments(found)
    # Kept when the run was begun, whatever became of a file that named them.
    options = found.manifest.get("options")
    if isinstance(options, Mapping) and arguments.get("initial_ids") is not None:
        arguments["initial_ids"] = options.get("initial_ids")
    if pool is None:
        _refuse_missing_pool(arguments.get("pool"), found.folder)
    _refuse_missing_files(arguments, found.folder)
    changed = {"pool": pool, "workers": workers}
    arguments |= {name: value for name, value in changed.items() if value is not None}
    return run(**arguments, out=found.folder, watch=watch)


def _arguments(found: Run) -> dict[str, Any]:
    """Return the arguments that a run was begun with.

    Raises:
        StoreError: If its folder does not tell them, or this alsim is another.
    """
    manifest, where = found.manifest, str(found.folder)
    if "arguments" not in manifest:
        raise StoreError(
            f"the run ({found.status}) is of an earlier alsim, which kept no journals: it cannot "
            "go on",
            where,
            "run it again into another folder: alsim run … --out FOLDER",
        )
    arguments = manifest["arguments"]
    if not isinstance(arguments, dict):
        raise StoreError(
            "the run's pool was a table in memory, which its folder does not hold",
            where,
            f"call what began it once more, with the same table: alsim.run(table, …, out={where!r})"
            "; or the recipe, with the same --out",
        )
    versions, mine = manifest.get("versions"), version("alsim")
    theirs = versions.get("alsim") if isinstance(versions, Mapping) else None
    unknown = sorted(set(arguments) - set(inspect.signature(run).parameters))
    if theirs != mine or unknown:
        lacks = f", which does not know {', '.join(unknown)}" if unknown else ""
        raise StoreError(
            f"the run was begun by alsim {theirs}, and this is alsim {mine}{lacks}: its numbers "
            "might be others",
            where,
            f"go on with alsim {theirs}; or start anew: alsim run … --out {where} --force, which "
            "moves this run aside",
        )
    return dict(arguments)


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


def _refuse_missing_files(arguments: Mapping[str, Any], folder: Path) -> None:
    for name in ("confusion", "groups"):
        path = arguments.get(name)
        if isinstance(path, str) and not Path(path).is_file():
            raise StoreError(
                f"the file that --{name} named is gone",
                path,
                f"put it back as it was; then: alsim resume {folder}",
            )
