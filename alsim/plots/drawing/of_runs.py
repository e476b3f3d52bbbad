"""What is drawn of a run, and what makes runs hard to compare."""

from collections.abc import Sequence

from alsim.analysis.curves.runs import named, unlike
from alsim.analysis.curves.task_runs import RunWithTasks

DrawableRun = RunWithTasks  # what is drawn of a run, such as `alsim.store.curves.Run`


def distinct(runs: Sequence[DrawableRun]) -> list[DrawableRun]:
    """Return the runs without those whose folder was given before."""
    return list({run.folder.resolve(): run for run in runs}.values())


def differences(runs: Sequence[DrawableRun]) -> list[str]:
    """Return warnings: runs that are not finished, and what makes runs incomparable."""
    warnings = [
        f"{name} is marked {run.status}: drawn as far as it was written"
        for name, run in named(runs)
        if run.status != "complete"
    ]
    return warnings + [f"the runs use different {told}; compare with care" for told in unlike(runs)]
