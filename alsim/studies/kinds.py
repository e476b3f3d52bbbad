"""The kinds of study: what can be chosen about each, what makes it, what reads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alsim.options.correlation import CorrelateOptions
from alsim.options.curves import CurvesOptions
from alsim.options.faults import Faults
from alsim.options.training_study import TrainOptions
from alsim.store.correlation import CorrelationStudy, read_correlation
from alsim.store.curves import Run, read_run
from alsim.store.manifest import FolderKind
from alsim.store.training import TrainingStudy, read_training
from alsim.studies.correlation.check import check_correlation
from alsim.studies.correlation.run import correlate
from alsim.studies.curves.check import check_curves
from alsim.studies.curves.run import run
from alsim.studies.training.check import examine_train
from alsim.studies.training.run import train

Done = Run | CorrelationStudy | TrainingStudy


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of study."""

    options: type[Any]
    make: Callable[..., Done]  # the Python twin of its command
    read: Callable[[Path], Done]
    check: Callable[[Any, Faults], object]  # adds what is wrong with the options


KINDS: Mapping[FolderKind, Kind] = {
    "curves": Kind(CurvesOptions, run, read_run, check_curves),
    "correlation": Kind(CorrelateOptions, correlate, read_correlation, check_correlation),
    "training": Kind(TrainOptions, train, read_training, examine_train),
}
