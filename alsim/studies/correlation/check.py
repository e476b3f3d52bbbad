"""Whether metrics can be correlated, and what they are called."""

from collections.abc import Mapping, Sequence

from alsim.experiments.correlation import CONTROL, check_metrics
from alsim.options.faults import Faults
from alsim.strategies import Named

FLAG = "--metric"
# What the source calls metrics, and the strategies whose scores they are.
_ALIASES = {"loss": "ideal-learning-loss", "predicted-loss": "learning-loss"}


def metric_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return metrics by the names of their strategies, with the control among them."""
    full = [_unalias(name) for name in names]
    return (*full, *[CONTROL] * (CONTROL not in full))


def _unalias(name: str) -> str:
    base, bracket, rest = name.partition("(")
    return _ALIASES.get(base.strip(), base) + bracket + rest


def check_metric_names(
    asked: Sequence[str], labels: Sequence[str], metrics: Mapping[str, Named], faults: Faults
) -> None:
    """Look for metrics that cannot be correlated.

    Args:
        asked: As the user named them.
        labels: The label columns that the user named.
        metrics: Those that there are, by name.
        faults: Those found so far.
    """
    if len(labels) > 1:
        faults.add("one label column is correlated", "--label", "name one")
    if not asked:
        faults.add("no metric is named", FLAG, "name at least one, such as margin")
    faults.attempt(None, check_metrics, {n: named.strategy for n, named in metrics.items()})
    for name in metrics:
        if "candidates=" in name:
            faults.add(
                "a metric looks at the whole sample: candidates have no meaning",
                f"{FLAG} {name}",
                "leave them out, or ask for a smaller --sample-size",
            )
