"""Objects that others bring: from a file, `path/to/file.py:name`, or an installed package."""

import importlib.util
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from alsim.errors import UsageError


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
        return getattr(_module(Path(path)), name)
    except FileNotFoundError:
        raise UsageError(f"no such file: {where}", flag, "give path/to/file.py:name") from None
    except Exception as error:  # someone else's code may raise anything as it is imported
        raise UsageError(
            f"{where} cannot be loaded: {type(error).__name__}: {error}", flag, "mend the plug-in"
        ) from error


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
