"""The runs of a plot, and warnings about them."""

from collections.abc import Sequence

from alsim.analysis.curves.runs import named, unlike
from alsim.analysis.curves.task_runs import RunWithTasks

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
