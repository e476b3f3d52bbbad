"""The runs of a plot, and warnings about them."""

from collections.abc import Sequence

from alsim.analysis.curves.runs import BASELINE, named, unlike
from alsim.analysis.curves.task_runs import RunWithTasks
from alsim.analysis.manifest import value_at
from alsim.plots.drawing.names import as_labels
from alsim.plots.drawing.page import page

_CONTROL = ": no labels, the same training"

DrawableRun = RunWithTasks  # the parts of a run that plots use, as `read_run` returns them


def distinct(runs: Sequence[DrawableRun]) -> list[DrawableRun]:
    """Return the runs, each folder once."""
    return list({run.folder.resolve(): run for run in runs}.values())


def differences(runs: Sequence[DrawableRun]) -> list[str]:
    """Return warnings about unfinished runs and about differences that forbid a comparison."""
    warnings = [
        f"{name} is marked {run.status}: drawn as far as it was recorded"
        for name, run in named(runs)
        if run.status != "complete"
    ]
    return warnings + [f"the runs use different {each}; compare with care" for each in unlike(runs)]


def strategies_of(runs: Sequence[DrawableRun]) -> tuple[str, ...]:
    """Return the strategies of runs, by name."""
    return tuple(
        sorted({str(each) for run in runs for each in run.steps.column("strategy").to_pylist()})
    )


def baseline_of(runs: Sequence[DrawableRun], asked: str | None = None) -> str:
    """Return the strategy that the others are compared with: the one asked for, else the run's."""
    recorded = (value_at(run.manifest, "configuration", "baseline") for run in runs)
    own = next((name for name in recorded if isinstance(name, str)), BASELINE)
    return own if asked is None else asked


def called(strategy: str) -> str:
    """Return what a strategy is called in a picture; the control, unless renamed, explains itself.

    Parameters stay: "control(batch-rule=fixed): no labels, the same training".
    """
    name = page().name(strategy)
    return name + _CONTROL if is_control(strategy) and name == strategy else name


def is_control(strategy: str) -> bool:
    """Return whether a strategy is the table's control, with any parameters."""
    return strategy.partition("(")[0] == "control"


def label_of(strategy: str) -> str:
    """Return what a strategy is called beside an axis."""
    return as_labels([page().name(strategy)])[0]
