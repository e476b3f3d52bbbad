"""Whether the options of learning curves go together."""

from alsim.options.curves import CurvesOptions
from alsim.options.faults import Faults
from alsim.strategies import Named
from alsim.studies.start.check import StudyOptions, study_of


def check_curves(options: CurvesOptions, faults: Faults) -> tuple[StudyOptions, dict[str, Named]]:
    """Return the options by topic, and the strategies; add all that is wrong to the faults."""
    return study_of(options, options.strategy, "--strategy", faults)
