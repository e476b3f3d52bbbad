"""The progress that a run reports."""

from typing import Any, Literal

from alsim.experiments.curves.records import StepRecord
from alsim.studies.messages import Copies, Diverged, Epoch, Fits, Note, Report, Step
from alsim.studies.workers.protocol import WorkerTask

# Steps of learning curves, copies of a correlation study, nets of passive training; and epochs of
# trainings with early stopping, whose number is not known in advance.
Unit = Literal["steps", "copies", "nets", "epochs"]


class Watch:
    """Receives progress events; this one ignores them, a subclass shows them."""

    def stage(self, text: str) -> None:
        """Note the stage before the first record, such as reading the pool."""

    def note(self, text: str) -> None:
        """Note something the user should know, such as rows left out."""

    def plan(self, sizes: str) -> None:
        """Note the planned sizes: labels, queries or groups."""

    def planned(self, unit: Unit, n: int, each: int | None = 1) -> None:
        """Note the planned number: `n` copies or nets, or curves of `each` steps if known."""

    def progress(self, unit: Unit, key: str, n: int, seed: int | None = None) -> None:
        """Note that `n` units are done so far, those of an earlier session included.

        The key is the metric of copies, the task of nets, the training of epochs; only copies have
        a seed.
        """

    def step(self, record: StepRecord) -> None:
        """Note a step of a learning curve; on resuming, first those recorded before."""


def pass_on(watch: Watch, task: WorkerTask[Any], message: Report) -> None:
    """Pass on a worker's report on its task."""
    match message:
        case Epoch(n):
            watch.progress("epochs", task.key, n)
        case Step(record):
            watch.step(record)
        case Copies(metric, seed, n):
            watch.progress("copies", metric, n, seed)
        case Fits(n):
            watch.progress("nets", task.name, n)
        case Note(text):
            watch.note(text)
        case Diverged((seed, strategy), step):
            when = "in the passive phase" if step == 0 else f"at step {step}"
            watch.note(
                f"strategy {strategy}, seed {seed} diverged {when} and ends there; the others go on"
            )
