"""Read the arguments of a Python function as its first lines do."""

from typing import Any

from alsim.options.correlation import CorrelateOptions
from alsim.options.curves import CurvesOptions
from alsim.options.faults import Faults
from alsim.options.option import read
from alsim.strategies import Named
from alsim.studies.correlation.check import check_correlation
from alsim.studies.curves.check import check_curves
from alsim.studies.start.check import StudyOptions


def asked(**arguments: Any) -> tuple[StudyOptions, dict[str, Named]]:
    """Return the options and the named strategies from arguments of `alsim.run`."""
    faults = Faults()
    found = check_curves(read(CurvesOptions, arguments, faults), faults)
    faults.raise_all("options cannot be used", "alsim run")
    return found


def study(**arguments: Any) -> StudyOptions:
    """Return the options from arguments of `alsim.run`."""
    return asked(**arguments)[0]


def correlation(**arguments: Any) -> tuple[StudyOptions, dict[str, Named]]:
    """Return the options and the named metrics from arguments of `alsim.correlate`."""
    faults = Faults()
    found = check_correlation(read(CorrelateOptions, arguments, faults), faults)
    faults.raise_all("options cannot be used", "alsim correlate")
    return found
