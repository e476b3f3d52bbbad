"""Plug-ins: objects from a file, `path/to/file.py:name`, or from an installed package.

A run reads each file once, before the first import, and all of its processes import this text: so
an edit during the run cannot give it two versions of a strategy. Modules that the file itself
imports are not covered.
"""

import importlib.util
import os
import sys
import traceback
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any

from alsim.errors import UsageError, nearest

# Parts of the paths of frames that are not the plug-in's own.
_NOT_THEIRS = (str(Path(__file__).parent), "importlib", f"{os.sep}torch{os.sep}")
# The texts of plug-in files, by their resolved paths.
_texts: ContextVar[Mapping[str, bytes]] = ContextVar("texts", default=MappingProxyType({}))


@contextmanager
def importing(texts: Mapping[str, bytes]) -> Generator[None]:
    """Import these texts, by resolved path, instead of the files' contents while the block runs."""
    token = _texts.set(texts)
    try:
        yield
    finally:
        _texts.reset(token)


def imported_texts() -> Mapping[str, bytes]:
    """Return the texts of the current `importing` block."""
    return dict(_texts.get())


def file_of(name: str, group: str) -> Path | None:
    """Return the file of a plug-in without importing anything; None if there is none.

    The name is `path.py:name`, or that of an entry point of the group.
    """
    if ".py:" in name:
        return Path(name.rpartition(":")[0])
    point = next((point for point in entry_points(group=group) if point.name == name), None)
    try:
        return None if point is None else _file_of_module(point.module)
    except (ImportError, ValueError, AttributeError):  # importing it will report the error
        return None


def find_plugin(name: str, group: str, flag: str, known: Collection[str]) -> tuple[Any, str]:
    """Return the object that a plug-in's name refers to, and its file or package.

    The name is `path.py:name`, or that of an entry point of the group. Messages name the `flag`,
    and suggest `known` built-in names.

    Raises:
        UsageError: If there is no such plug-in, or it cannot be loaded.
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
    """Return the names that installed packages add to the `known` ones."""
    return [point.name for point in entry_points(group=group) if point.name not in known]


def load_object(reference: str | EntryPoint, flag: str) -> Any:
    """Return the object that `path.py:name` or an entry point refers to.

    The code runs with the user's rights, as any import does.

    Raises:
        UsageError: If it cannot be imported or has no such name.
    """
    where = reference.value if isinstance(reference, EntryPoint) else reference
    try:
        if isinstance(reference, EntryPoint):
            found = reference.load()
            _refuse_edited(_file_of_module(reference.module), where, flag)
            return found
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
    except (Exception, SystemExit) as error:  # a plug-in may raise anything
        what = f"{where} cannot be loaded: {describe_error(error)}"
        raise UsageError(what, flag, "mend the plug-in") from error


def describe_error(error: BaseException) -> str:
    """Return a plug-in's error in one line, with the plug-in's line that failed."""
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
    if spec is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module
    text = _texts.get().get(str(path))
    exec(compile(path.read_bytes() if text is None else text, path, "exec"), vars(module))
    return module


def _file_of_module(module: str) -> Path | None:
    """Return a module's file, found without running the packages that contain it."""
    first, *inner = module.split(".")
    spec = importlib.util.find_spec(first)
    for part in inner:
        places = spec and spec.submodule_search_locations
        spec = spec and PathFinder.find_spec(f"{spec.name}.{part}", places or [])
    return Path(spec.origin) if spec and spec.origin and spec.has_location else None


def _refuse_edited(path: Path | None, where: str, flag: str) -> None:
    """Raise a UsageError if the file of an installed plug-in changed since the run began."""
    text = None if path is None else _texts.get().get(str(path.resolve()))
    if path is not None and text is not None and path.read_bytes() != text:
        what = f"{where} has changed: {path} differs from when the run began"
        raise UsageError(what, flag, "restore the file, or start the run again: --force")
