"""What can be chosen about a correlation study."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from alsim.options.curves import StartOptions
from alsim.options.option import Option, Range, option, parsed
from alsim.options.texts import one_or_more, parse_names
from alsim.options.training import FineTuneOptions

# The source's names of metrics -> the strategies whose scores they are.
ALIASES = {"loss": "ideal-learning-loss", "predicted-loss": "learning-loss"}


@dataclass(frozen=True, kw_only=True)
class SizeOptions:
    """The sizes as asked for; None takes the default, which shrinks with the pool."""

    heading: ClassVar = "What to run"

    sample_size: int | None = option(
        None,
        "Number of unlabelled rows that are drawn and sorted.",
        within=Range(least=1),
        otherwise="10000, or all",
        often=True,
    )
    group_size: int | None = option(
        None,
        "Number of rows that each copy is trained on.",
        within=Range(least=1),
        otherwise="100, less in a small pool",
        often=True,
    )


@dataclass(frozen=True, kw_only=True)
class CorrelateOptions(StartOptions, SizeOptions):
    """All that can be chosen about a correlation study."""

    heading: ClassVar = "What to run"

    metric: Option[str | Sequence[str], tuple[str, ...]] = parsed(
        ("loss", "margin", "entropy", "least-confident", "bald", "predicted-loss"),
        parse_names,
        "Scores to sort rows by, comma-separated: strategies that score each row by itself. loss "
        "is ideal-learning-loss, predicted-loss is learning-loss; random, the control, is always "
        "added.",
        often=True,
        completes="metrics",
        repeat=True,
    )
    label: Option[str | Sequence[str] | None, tuple[str, ...]] = parsed(
        None, one_or_more, "Label column.", otherwise="label", often=True
    )
    epochs: int = option(
        FineTuneOptions.epochs,
        "Epochs that each copy is trained for; with more, the sign of a correlation can turn.",
        within=Range(least=1),
        often=True,
    )
