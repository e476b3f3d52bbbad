"""The ceilings of a run: their tasks, their results kept in files, and what is reported of them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, convert, to_builtins

from alsim.errors import StoreError
from alsim.experiments.curves.ceiling import Ceiling, ceilings
from alsim.experiments.curves.records import NO_STRATEGY, MetricRecord
from alsim.options.engine import Way
from alsim.options.training import TrainingOptions
from alsim.store.checkpoint import load_checkpoint, save_checkpoint
from alsim.store.layout import CHECKPOINTS
from alsim.store.tables import TimingRecord
from alsim.studies import messages
from alsim.studies.findings import notes_on_epochs, refuse_gone
from alsim.studies.start.work import Send, Stopwatch, Study
from alsim.studies.workers.protocol import WorkerTask


class Kept(Struct, frozen=True):
    """The ceilings that one task found, and the seconds that each phase of it took."""

    ceilings: tuple[Ceiling, ...]
    seconds: Mapping[str, float]


Tasks = Sequence[WorkerTask[messages.Ceilings]]


def plan_ceilings(seeds: Sequence[int], way: Way, folder: Path) -> Tasks:
    """Return the tasks: one a seed, in lockstep one for all. The same run has the same."""
    groups = [tuple(seeds)] if way == "lockstep" else [(seed,) for seed in seeds]
    folder = folder.resolve() / CHECKPOINTS
    return tuple(
        WorkerTask(
            f"ceiling, seed {', '.join(map(str, group))}",
            messages.Ceilings(group, folder / f"ceiling-{number:03d}.safetensors"),
        )
        for number, group in enumerate(groups)
    )


def run_ceilings(study: Study, message: messages.Ceilings, send: Send) -> None:
    """Train on all labels, and keep what the nets know then."""
    watch = Stopwatch(send)
    found = ceilings(study.setting, message.seeds, watch)
    kept = Kept(found, watch.take())
    save_checkpoint(message.results, {}, to_builtins(kept), study.identity)
    send(messages.Trained())


def left_of(tasks: Tasks) -> Tasks:
    """Return the tasks that have no result yet."""
    return tuple(task for task in tasks if not task.message.results.exists())


def kept_ceilings(tasks: Tasks) -> tuple[Kept, ...]:
    """Return the results of all tasks.

    Raises:
        StoreError: If one is not there, or is damaged.
    """
    found = [_load(task.message.results) for task in tasks]
    kept = tuple(each for each in found if each is not None)
    if len(kept) < len(tasks):
        refuse_gone(len(tasks) - len(kept), "ceilings", tasks[0].message.results.parents[1])
    return kept


def records_of(kept: Sequence[Kept]) -> Iterator[MetricRecord]:
    """Yield the rows of the metrics, under no strategy's name."""
    for each in kept:
        for found in each.ceilings:
            for values in found.measures:
                yield MetricRecord(NO_STRATEGY, found.seed, 0, *values)


def timings_of(kept: Sequence[Kept]) -> Iterator[TimingRecord]:
    """Yield the seconds of each phase, which the nets of a task share."""
    for each in kept:
        for found in each.ceilings:
            for name, taken in each.seconds.items():
                yield TimingRecord(NO_STRATEGY, found.seed, 0, name, taken / len(each.ceilings))


def find_ceilings(
    kept: Sequence[Kept], n_labelled: int, training: TrainingOptions, *, is_stopped: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return what a manifest records of the ceilings, of so many labels, and notes on them."""
    every = [found for each in kept for found in each.ceilings]
    lost = ", ".join(str(found.seed) for found in every if not found.best)
    notes = [f"training on all labels diverged: no ceiling for seed {lost}"] if lost else []
    best = [found.best for found in every if found.best]
    what = "trainings on all labels"
    notes += notes_on_epochs(
        training, best, what, "the ceiling may be higher", is_stopped=is_stopped
    )
    trainings = [
        {"seed": found.seed, "best_epoch": found.best, "epochs": found.epochs} for found in every
    ]
    return {"n_labelled": n_labelled, "trainings": trainings}, notes


def _load(path: Path) -> Kept | None:
    found = load_checkpoint(path)
    if found is None:
        return None
    try:
        return convert(found[1], Kept)
    except ValueError as error:
        raise StoreError(
            f"the file does not hold a ceiling: {error}"[:300],
            str(path),
            "delete it; then alsim resume computes it again",
        ) from error
