"""Whether metrics can be correlated, and their names."""

from collections.abc import Sequence

from alsim.experiments.correlation import CONTROL, check_metrics
from alsim.options.correlation import ALIASES, CorrelateOptions
from alsim.options.faults import Faults
from alsim.strategies import Named
from alsim.studies.start.check import StudyOptions, study_of

FLAG = "--metric"


def metric_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the metrics' strategies, the control among them."""
    full = [_unalias(name) for name in names]
    return (*full, *[CONTROL] * (CONTROL not in full))


def _unalias(name: str) -> str:
    base, bracket, rest = name.partition("(")
    return ALIASES.get(base.strip(), base) + bracket + rest


def check_correlation(
    options: CorrelateOptions, faults: Faults
) -> tuple[StudyOptions, dict[str, Named]]:
    """Return the options by topic, and the metrics; add all that is wrong to the faults."""
    study, metrics = study_of(options, metric_names(options.metric), FLAG, faults)
    if len(options.label) > 1:
        faults.add("one label column is correlated", "--label", "name one")
    if not options.metric:
        faults.add("no metric is named", FLAG, "name at least one, such as margin")
    faults.attempt(None, check_metrics, {n: named.strategy for n, named in metrics.items()})
    for name in metrics:
        if "candidates=" in name:
            faults.add(
                "a metric looks at the whole sample: candidates have no meaning",
                f"{FLAG} {name}",
                "leave them out, or ask for a smaller --sample-size",
            )
    return study, metrics
