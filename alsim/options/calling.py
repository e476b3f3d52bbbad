"""Python functions whose arguments are a group of options."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from alsim.options.option import options_of

Done = TypeVar("Done")
P = ParamSpec("P")


def takes(
    options: Callable[P, Any], arguments: str = ""
) -> Callable[[Callable[[dict[str, Any]], Done]], Callable[P, Done]]:
    """Let a function of the arguments given, by name, be called with the options of a group.

    Its docstring ends with `arguments`.
    """
    group: Any = options

    def decorate(function: Callable[[dict[str, Any]], Done]) -> Callable[P, Done]:
        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> Done:
            return function({**_by_name(group, args, kwargs), **kwargs})

        documented: Any = called  # help() shows the options
        documented.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n\n{arguments}".rstrip()
        documented.__signature__ = _signature(group)
        return called

    return decorate


def _signature(group: type) -> inspect.Signature:
    """Return the arguments as a user may write them, those without a name first."""
    made, options = inspect.signature(group).parameters, options_of(group)
    order = dict.fromkeys([*_positional(group), *options, *made])
    return inspect.Signature(
        [
            made[name].replace(annotation=options[name].hint) if name in options else made[name]
            for name in order
        ]
    )


def _positional(group: Any) -> list[str]:
    return [field.name for field in fields(group) if not field.kw_only]


def _by_name(
    group: type, args: Sequence[object], kwargs: Mapping[str, object]
) -> dict[str, object]:
    """Return positional arguments by name.

    Raises:
        TypeError: As Python does for too many of them, or for one that is given by name too.
    """
    names = _positional(group)
    found = dict(zip(names, args, strict=False))
    if len(args) > len(names):
        rest = "all other arguments are given by name"
        raise TypeError(f"{len(args)} positional arguments, not {len(names)} at most: {rest}")
    if twice := found.keys() & kwargs.keys():
        raise TypeError(f"several values for the argument {twice.pop()!r}")
    return found
