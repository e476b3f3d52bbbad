"""Passive training: its plan, its findings, its tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alsim.experiments.training.records import RANDOM
from alsim.loading import imported_texts
from alsim.models.naming import NamedModel
from alsim.options.curves import StartOptions
from alsim.options.option import part
from alsim.options.texts import parse_seeds
from alsim.options.training import TrainingOptions
from alsim.options.training_study import TrainOptions
from alsim.pool.source import Source
from alsim.pool.survey import check_roles
from alsim.store.atomic import make_folder
from alsim.store.layout import EXPORTS, JOURNALS, WORK
from alsim.store.training import kept_results, load_results, write_training
from alsim.studies.findings import all_diverged, notes_on_epochs, refuse_gone
from alsim.studies.lifecycle import Head
from alsim.studies.machine import choose_machine
from alsim.studies.messages import Fit, OpenTraining
from alsim.studies.same_again import plain_options
from alsim.studies.training.check import columns_of
from alsim.studies.training.exports import ExportPaths
from alsim.studies.training.prepare import Pair, TrainPrepared, describe_training, prepare_training
from alsim.studies.training.queried import QueriedRun, open_queries
from alsim.studies.watch import Watch
from alsim.studies.workers.protocol import Tasks, WorkerTask


def training_study(
    source: Source, options: TrainOptions, models: tuple[NamedModel, ...]
) -> "_Training":
    """Return the study of a pool whose columns fit the options.

    Raises:
        AlsimError: If they do not, or the queries of a run cannot be used.
    """
    queried = None
    seeds = options.seeds or parse_seeds(StartOptions.seeds)
    if options.queries is not None:
        queried = open_queries(options.queries, options.seeds)
        seeds = queried.seeds
    check_roles(source, columns_of(options))
    n_fits = len(models) * len(options.fractions) * len(seeds)
    machine = choose_machine(options, n_fits * len(queried.strategies if queried else (RANDOM,)))
    plain = {**plain_options(options), "seeds": list(seeds)}
    head = Head("training", f"{source.name}-training", source, machine, plain)
    return _Training(head, options, seeds, models, queried)


@dataclass(frozen=True, slots=True, eq=False)
class _Training:
    """Passive training, see `Procedure`."""

    head: Head
    options: TrainOptions
    seeds: tuple[int, ...]
    models: tuple[NamedModel, ...]
    queried: QueriedRun | None

    def prepare(self, work: Path) -> TrainPrepared:
        source, machine = self.head.source, self.head.machine
        return prepare_training(
            source, self.options, self.seeds, self.models, self.queried, work, machine
        )

    def describe(self, prepared: TrainPrepared) -> dict[str, Any]:
        return describe_training(prepared, self.options, self.seeds, self.models)

    def left(
        self, folder: Path, prepared: TrainPrepared, watch: Watch
    ) -> tuple[OpenTraining, Tasks]:
        if self.options.export_task:
            make_folder(folder / EXPORTS)
        plan = self._plan(folder, prepared)
        watch.planned("nets", sum(len(task.message.seeds) for task in plan))
        left: list[WorkerTask[Fit]] = []
        for task in plan:
            journal = task.message.journal
            if journal.exists():
                watch.progress("nets", task.name, len(load_results(journal)))
            else:
                left.append(task)
        watch.begin(len(left), part(self.options, TrainingOptions).most_epochs)
        opening = OpenTraining((folder / WORK).resolve(), prepared.assignment, imported_texts())
        return opening, left

    def more(self, folder: Path, prepared: TrainPrepared, watch: Watch) -> Tasks:
        """Return none: what there is to do does not depend on results."""
        return ()

    def find(self, folder: Path, prepared: TrainPrepared) -> dict[str, Any]:
        n_gone = sum(not task.message.journal.exists() for task in self._plan(folder, prepared))
        refuse_gone(n_gone, "nets", folder)
        fits = [result.fit for result in kept_results(folder)]
        lost = [fit for fit in fits if not fit.epochs]
        if len(lost) == len(fits):
            raise all_diverged(folder)
        is_stopped = bool(prepared.pool.splits["validation"])
        training, best = part(self.options, TrainingOptions), [fit.epochs for fit in fits]
        return {
            "diverged": [
                {"model": f.model, "chosen_by": f.chosen_by, "fraction": f.fraction, "seed": f.seed}
                for f in lost
            ],
            "notes": notes_on_epochs(training, best, "nets", is_stopped=is_stopped),
        }

    def write(self, folder: Path, prepared: TrainPrepared) -> None:
        del prepared
        write_training(folder, kept_results(folder))

    def _plan(self, folder: Path, prepared: TrainPrepared) -> list[WorkerTask[Fit]]:
        """Return a task for each net; in lockstep one for all seeds of a model and fraction.

        The seeds of a run may have queried different numbers of objects, so they are trained one
        by one.
        """
        journals = folder.resolve() / JOURNALS
        is_one_by_one = prepared.assignment.way == "direct" or self.queried is not None
        paths = ExportPaths(folder.resolve() / EXPORTS, self.options.export_task)
        tasks: list[WorkerTask[Fit]] = []
        # The largest first, so that no worker is left with one at the end.
        for fraction in sorted(self.options.fractions, reverse=True):
            for number, model in enumerate(prepared.assignment.models):
                for chosen_by, seeds in _groups(prepared.pairs, is_one_by_one):
                    words = [model.name, f"fraction {fraction:g}"]
                    words += [f"chosen by {chosen_by}"] * (self.queried is not None)
                    tasks.append(
                        WorkerTask(
                            ", ".join([*words, f"seed {', '.join(map(str, seeds))}"]),
                            Fit(
                                number,
                                chosen_by,
                                fraction,
                                tuple(seeds),
                                {
                                    seed: paths.of(model.name, chosen_by, fraction, seed)
                                    for seed in seeds
                                },
                                journals / f"{len(tasks):04d}.json",
                            ),
                        )
                    )
        return tasks


def _groups(pairs: Sequence[Pair], is_one_by_one: bool) -> list[tuple[str, list[int]]]:
    if is_one_by_one:
        return [(chosen_by, [seed]) for chosen_by, seed in pairs]
    together: dict[str, list[int]] = {}
    for chosen_by, seed in pairs:
        together.setdefault(chosen_by, []).append(seed)
    return list(together.items())
