"""Names that are imported when they are first used, since importing torch takes seconds."""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` of a package, which imports a name's module when asked for the name.

    Also its `__dir__`, which lists the public names. `homes` are the package's modules and the
    names that each defines.
    """
    modules = {name: module for module, names in homes.items() for name in names}

    def __getattr__(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return import_object(f"{modules[name]}:{name}", package)

    def __dir__() -> list[str]:
        return sorted(sys.modules[package].__all__)

    return __getattr__, __dir__


def import_object(home: str, package: str) -> Any:
    """Return the object that `module:name` refers to, of a module within a package."""
    module, _, name = home.partition(":")
    return getattr(import_module(f"{package}.{module}"), name)
