"""What can be chosen about a run that goes on until its question is decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from alsim.errors import UsageError
from alsim.options.option import Option, Range, option, parsed
from alsim.options.texts import MOST_SEEDS
from alsim.options.types import shown
from alsim.parameters import number

MOST = 20  # seeds, unless another maximum is asked for


def parse_looks(value: str | Sequence[int] | None) -> tuple[int, ...] | None:
    """Return the numbers of seeds in `5,10,20`, or those given; None for none.

    Raises:
        UsageError: If they are not whole numbers of at least 2 that ascend.
    """
    if value is None:
        return None
    mend = "give numbers of seeds that ascend: 5,10,20"
    try:
        parts = value.split(",") if isinstance(value, str) else value
        looks = tuple(number(p, int) if isinstance(p, str) else int(p) for p in parts)
    except (ValueError, TypeError):
        looks = ()
    if not looks or looks[0] < 2 or list(looks) != sorted(set(looks)) or looks[-1] > MOST_SEEDS:
        raise UsageError(f"{shown(value)} are no looks", "--looks", mend)
    return looks


@dataclass(frozen=True, kw_only=True)
class LookOptions:
    """A number of seeds that is not fixed beforehand, but planned."""

    heading: ClassVar = "How sure to be"

    until_decided: bool = option(
        False,
        "Look at the verdicts after 5, 10 and 20 seeds, and stop a strategy once it is decided, by "
        "levels planned beforehand, so that looking does not make verdicts false.",
        often=True,
    )
    max_seeds: int | None = option(
        None,
        "Largest number of seeds of --until-decided, in the order of --seeds, else 0, 1, 2 …",
        within=Range(least=2, most=MOST_SEEDS),
        otherwise=f"all of --seeds if given, else the last of --looks, else {MOST}",
    )
    looks: Option[str | Sequence[int] | None, tuple[int, ...] | None] = parsed(
        None,
        parse_looks,
        "Numbers of seeds at which --until-decided looks; those beyond the largest fall away, and "
        "the largest is the last.",
        otherwise="5,10,20",
    )
