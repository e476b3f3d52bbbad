"""What a run reports to whoever watches it."""

from typing import Any, Literal

from alsim.experiments.curves.records import StepRecord
from alsim.studies.messages import Copies, Diverged, Epoch, Fits, Note, Report, Step
from alsim.studies.workers.protocol import WorkerTask

# Steps of learning curves, copies of a correlation study, nets of passive training; and epochs of
# what is trained with early stopping, of which nobody knows how many there will be.
Unit = Literal["steps", "copies", "nets", "epochs"]


class Watch:
    """Is called as a run goes on; this one is silent. A terminal's overrides what it shows."""

    def stage(self, text: str) -> None:
        """Note what is being done before the first record, such as reading the pool."""

    def note(self, text: str) -> None:
        """Note something the user should know, such as rows left out."""

    def plan(self, sizes: str) -> None:
        """Note the sizes of what will be done: of labels, queries or groups."""

    def planned(self, unit: Unit, n: int, each: int | None = 1) -> None:
        """Note what will be done: `n` copies or nets, or curves of `each` steps if it is known."""

    def progress(self, unit: Unit, key: str, n: int, seed: int | None = None) -> None:
        """Note that `n` of the `key`'s units are done; first of all, what was kept before.

        Args:
            unit: What is counted.
            key: Of copies the metric, of nets the task, of epochs what is trained.
            n: So far, not since the last call.
            seed: Of copies.
        """

    def step(self, record: StepRecord) -> None:
        """Note one step of one learning curve; first of all, those of a run resumed."""


def pass_on(watch: Watch, task: WorkerTask[Any], message: Report) -> None:
    """Pass on what a worker reports of its task."""
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
