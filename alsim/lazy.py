"""Names that are imported when they are first used, since importing torch takes seconds."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, homes: Mapping[str, Iterable[str]]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package, which imports a name's module when it is asked for.

    `homes` are the package's modules and the names that each defines.
    """
    modules = {name: module for module, names in homes.items() for name in names}

    def __getattr__(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return import_object(f"{modules[name]}:{name}", package)

    return __getattr__


def import_object(home: str, package: str) -> Any:
    """Return the object that `module:name` refers to, of a module within a package."""
    module, _, name = home.partition(":")
    return getattr(import_module(f"{package}.{module}"), name)
