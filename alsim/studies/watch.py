"""The progress that a run reports."""

from collections.abc import Mapping
from typing import Any, Literal

from alsim.experiments.curves.records import StepRecord
from alsim.studies.messages import Copies, Diverged, Epoch, Fits, Note, Report, Step, Trained
from alsim.studies.workers.protocol import WorkerTask

# Steps of learning curves, copies of a correlation study, nets of passive training; and epochs of
# trainings with early stopping, whose number is not known in advance.
Unit = Literal["steps", "copies", "nets", "epochs"]


NONE_LONGER: Mapping[str, float] = {}


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

    def begin(
        self,
        trainings: int,
        epochs: int,
        *,
        worth: float = 0.0,
        most: int | None = None,
        longer: Mapping[str, float] = NONE_LONGER,
    ) -> None:
        """Note that the work begins, what an earlier session did being reported.

        That many trainings with early stopping are left, of so many `epochs` each at most. A step
        or copy is worth about `worth` of these epochs; a net is such a training itself. There are
        `most` steps at most where their number is not planned. Trainings whose epochs are `longer`
        are left besides, by their keys: how many epochs of the others one of theirs is worth.
        """

    def trained(self, key: str) -> None:
        """Note that the training of a key has ended."""

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
        case Trained():
            watch.trained(task.key)
        case Step(record):
            watch.step(record)
        case Copies(metric, seed, n):
            watch.progress("copies", metric, n, seed)
        case Fits(n):
            watch.progress("nets", task.name, n)
            watch.trained(task.key)
        case Note(text):
            watch.note(text)
        case Diverged((seed, strategy), step):
            when = "in the passive phase" if step == 0 else f"at step {step}"
            watch.note(
                f"strategy {strategy}, seed {seed} diverged {when} and ends there; the others go on"
            )
