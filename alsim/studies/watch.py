"""What a run tells whoever watches it."""

from typing import Any

from alsim.experiments.curves.records import StepRecord
from alsim.studies.messages import Copies, Diverged, Epoch, Fits, Note, Report, Step
from alsim.studies.workers.protocol import WorkerTask


class Watch:
    """Hears of a run's progress; this one is silent. A terminal's overrides what it shows."""

    def stage(self, text: str) -> None:
        """Hear what is being done before the first record, such as reading the pool."""

    def note(self, text: str) -> None:
        """Hear something the user should know, such as rows left out."""

    def plan(self, sizes: str) -> None:
        """Hear what will be done: how many labels, queries or groups."""

    def planned(self, n_curves: int, n_steps: int | None) -> None:
        """Hear how many learning curves there will be, and of how many steps if that is known."""

    def planned_copies(self, n: int) -> None:
        """Hear how many copies a correlation study will train, over all metrics and seeds."""

    def copies(self, metric: str, seed: int, n: int) -> None:
        """Hear that n copies of a metric and seed are done; of those kept before, first of all."""

    def planned_fits(self, n: int) -> None:
        """Hear how many nets passive training will train."""

    def fits(self, task: str, n: int) -> None:
        """Hear that the n nets of a task are trained; of those kept before, first of all."""

    def epoch(self, task: str, epoch: int) -> None:
        """Hear that an epoch of a task's passive phase, or of the training of its nets, is over."""

    def step(self, record: StepRecord) -> None:
        """Hear of one step of one learning curve; of those of a run resumed, first of all."""


def pass_on(watch: Watch, task: WorkerTask[Any], message: Report) -> None:
    """Pass on what a worker reports of its task."""
    match message:
        case Epoch(n):
            watch.epoch(task.name, n)
        case Step(record):
            watch.step(record)
        case Copies(metric, seed, n):
            watch.copies(metric, seed, n)
        case Fits(n):
            watch.fits(task.name, n)
        case Note(text):
            watch.note(text)
        case Diverged((seed, strategy), step):
            when = "in the passive phase" if step == 0 else f"at step {step}"
            watch.note(
                f"strategy {strategy}, seed {seed} diverged {when} and ends there; the others go on"
            )
