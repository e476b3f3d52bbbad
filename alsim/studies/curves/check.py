"""Whether the options of learning curves go together."""

from dataclasses import replace

from alsim.options.curves import NO_BASELINE, CurvesOptions
from alsim.options.faults import Faults
from alsim.strategies import Named
from alsim.studies.start.check import StudyOptions, find_named, study_of


def check_curves(options: CurvesOptions, faults: Faults) -> tuple[StudyOptions, dict[str, Named]]:
    """Return the options by topic, and the strategies; add all that is wrong to the faults.

    The baseline comes first where it is not among the strategies anyway.
    """
    if options.baseline == NO_BASELINE or not options.strategy:
        return study_of(options, options.strategy, "--strategy", faults)
    baseline = faults.attempt(None, find_named, options.baseline, options, "--baseline")
    if baseline is None:
        return study_of(options, options.strategy, "--strategy", faults)
    like = [text for text in options.strategy if _base(text) == _base(options.baseline)]
    found = [faults.attempt(None, find_named, text, options, "--strategy") for text in like]
    is_there = any(named is not None and named.name == baseline.name for named in found)
    names = options.strategy if is_there else (options.baseline, *options.strategy)
    study, strategies = study_of(options, names, "--strategy", faults)
    return replace(study, baseline=baseline.name), strategies


def _base(text: str) -> str:
    """Return a strategy's name without its parameters."""
    return text.partition("(")[0].strip()
