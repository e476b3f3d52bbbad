"""Hides pandas from commands that run no code of others.

PyArrow imports pandas, in half a second, only to see whether a value is one of its objects. It
looks once, so pandas must be there from the start if a plug-in might use it.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from typing import Any, NoReturn

_NEVER = ("compare", "gates", "plot", "pool")  # these load no plug-in
_IF_NAMED = ("correlate", "run", "train")  # these load those that are named


class _Hidden:
    """Finds pandas, so that others may ask whether there is one, and does not load it."""

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        loader: Any = self  # without the base class, which takes 20 ms to import
        return ModuleSpec(name, loader) if name == "pandas" else None

    def exec_module(self, module: object) -> None:
        """Say, by being there, that this is a loader."""

    def create_module(self, spec: ModuleSpec) -> NoReturn:
        raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name)


def hide_pandas(arguments: Sequence[str]) -> None:
    """Let `import pandas` fail in this process and its forks if the command loads no plug-in."""
    command = arguments[0] if arguments else ""
    if command in _NEVER or (command in _IF_NAMED and not _may_name_plugins(arguments)):
        sys.meta_path.insert(0, _Hidden())


def _may_name_plugins(arguments: Sequence[str]) -> bool:
    from importlib.metadata import entry_points

    of_alsim = any(group.startswith("alsim.") for group in entry_points().groups)
    return of_alsim or any(".py" in argument for argument in arguments)
