"""Objects that others bring: from a file, `path/to/file.py:name`, or an installed package."""

import importlib.util
import os
import sys
import traceback
from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from alsim.errors import UsageError, nearest

# Of a traceback's frames, those between the code of others and where its error is caught.
_NOT_THEIRS = (str(Path(__file__).parent), "importlib", f"{os.sep}torch{os.sep}")


def find_plugin(name: str, group: str, flag: str, known: Collection[str]) -> tuple[Any, str]:
    """Return what a plug-in's name refers to, and where it comes from: a file or a package.

    Args:
        name: `path.py:name`, or that of an entry point.
        group: Of the entry points.
        flag: Where the user wrote it.
        known: Names of what is built in, to suggest.

    Raises:
        UsageError: If there is none, or it cannot be loaded.
    """
    if ".py:" in name:
        return load_object(name, flag), name.rpartition(":")[0]
    installed = {point.name: point for point in entry_points(group=group)}
    if name not in installed:
        what = flag.removeprefix("--")
        raise UsageError(f"no {what} {name!r}", flag, nearest(name, [*known, *installed]))
    point = installed[name]
    return load_object(point, flag), point.dist.name if point.dist else ""


def installed_names(group: str, known: Collection[str]) -> list[str]:
    """Return the names that installed packages add to those that are built in."""
    return [point.name for point in entry_points(group=group) if point.name not in known]


def load_object(reference: str | EntryPoint, flag: str) -> Any:
    """Return what `path.py:name` or an entry point refers to.

    The code runs with the user's rights, as any import does.

    Raises:
        UsageError: If it cannot be imported or has no such name; it tells what went wrong.
    """
    where = reference.value if isinstance(reference, EntryPoint) else reference
    try:
        if isinstance(reference, EntryPoint):
            return reference.load()
        path, _, name = reference.rpartition(":")
        if not Path(path).exists():
            raise UsageError(f"no such file: {where}", flag, "give path/to/file.py:name")
        module = _module(Path(path))
        if not hasattr(module, name):
            public = [name for name in vars(module) if not name.startswith("_")]
            raise UsageError(f"{path} has no {name!r}", flag, nearest(name, public))
        return getattr(module, name)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:  # someone else's code may raise anything
        what = f"{where} cannot be loaded: {told(error)}"
        raise UsageError(what, flag, "mend the plug-in") from error


def told(error: BaseException) -> str:
    """Return an error of someone else's code in one line, with the line of theirs that failed."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not any(part in frame.filename for part in _NOT_THEIRS)]
    what = f"{type(error).__name__}: {error}".removesuffix(": ")
    if not theirs:
        return what
    last = [frame for frame in theirs if frame.filename == theirs[0].filename][-1]
    return f"{what} ({Path(last.filename).name}, line {last.lineno})"


def _module(path: Path) -> Any:
    path = path.resolve(strict=True)
    name = f"alsim_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
