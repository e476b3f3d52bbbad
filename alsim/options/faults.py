"""Faults collected as they are found, so that all are reported at once."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from alsim.errors import AlsimError, PoolError, UsageError

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Faults:
    """What is wrong with a configuration, as found so far."""

    def __init__(self) -> None:
        self.kept: list[AlsimError] = []

    def add(self, what: str, where: str, mend: str, kind: type[AlsimError] = UsageError) -> None:
        """Keep a fault unless it is kept already."""
        if all((what, where, mend) != error.args for error in self.kept):
            self.kept.append(kind(what, where, mend))

    def attempt(
        self, default: _T, function: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs
    ) -> _T:
        """Return what a function returns; if it raises an AlsimError, keep that for `default`."""
        try:
            return function(*arguments, **named)
        except AlsimError as error:
            self.add(*error.args, kind=type(error))
            return default

    def are_about(self, *flags: str) -> bool:
        """Return whether one of the faults is of a value of one of these flags."""
        return any(str(error.args[1]).partition(" ")[0] in flags for error in self.kept)

    def raise_all(self, what: str, where: str) -> None:
        """Raise the faults as one error if there are any: alone as itself, several numbered.

        Several are called `what`, such as "options cannot be used".
        """
        if len(self.kept) == 1:
            raise self.kept[0]
        if self.kept:
            of_pool = all(isinstance(error, PoolError) for error in self.kept)
            listed = "".join(_numbered(i, error, where) for i, error in enumerate(self.kept, 1))
            raise (PoolError if of_pool else UsageError)(
                f"{len(self.kept)} {what}:{listed}", where, "each as shown under it"
            )


def _numbered(number: int, error: AlsimError, within: str) -> str:
    """Return a fault as lines of a list, with how to mend it under it."""
    what, where, mend = error.args
    place = "" if where == within else f"{where}: "
    lines = f"{place}{what}\nmend: {mend}".replace("\n", "\n     ")
    return f"\n{number:>3}. {lines}"
