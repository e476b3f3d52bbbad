"""Passive training: its plan, what its workers find, its tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from alsim.errors import RunError, StoreError
from alsim.experiments.training.records import RANDOM
from alsim.loading import texts_to_json
from alsim.options.faults import Faults
from alsim.pool.source import Source
from alsim.pool.survey import check_roles
from alsim.store import (
    EXPORTS,
    JOURNALS,
    WORK,
    FolderKind,
    TrainingStudy,
    kept_results,
    load_results,
    make_folder,
    read_training,
    remove_folder,
    write_training,
)
from alsim.studies.lifecycle import carry_out
from alsim.studies.machine import Machine, choose_device, choose_way
from alsim.studies.model_names import NamedModel
from alsim.studies.start.check import n_cores
from alsim.studies.training.check import TrainOptions, examine_train
from alsim.studies.training.exports import ExportPaths
from alsim.studies.training.prepare import (
    Pair,
    TrainPrepared,
    describe_training,
    prepare_training,
)
from alsim.studies.training.queried import QueriedRun, open_queries
from alsim.studies.watch import Watch
from alsim.studies.workers import Message, Workers, WorkerTask


def run_training(
    source: Source,
    options: TrainOptions,
    out: Path | None,
    watch: Watch,
    *,
    all_seeds: bool = False,
    arguments: Mapping[str, Any] | None = None,
    files: Mapping[str, str] | None = None,
    force: bool = False,
) -> TrainingStudy:
    """Train, or go on with it where `out` holds it unfinished, and return the study.

    See `carry_out`.

    Args:
        source: The pool.
        options: What was chosen.
        out: The folder.
        watch: Hears of the progress.
        all_seeds: Whether the seeds are all of the run whose queries are trained on.
        arguments: What to call `alsim.train` with to go on.
        files: The SHA-256 of each file that the arguments name.
        force: Whether another run in `out` is moved aside.

    Raises:
        AlsimError: For anything the user can mend.
    """
    faults = Faults()
    models = examine_train(options, faults)
    faults.raise_all("options cannot be used", "alsim train")
    queried = None
    if options.queries is not None:
        queried = open_queries(options.queries, None if all_seeds else options.seeds)
        options = replace(options, seeds=queried.seeds)
    check_roles(source, options.pool)
    n_fits = len(models) * len(options.fractions) * len(options.seeds)
    machine = _machine(options, n_fits * len(queried.strategies if queried else (RANDOM,)))
    procedure = _Training(source, options, models, queried, machine)
    folder = carry_out(procedure, out, watch, arguments=arguments, files=files, force=force)
    return read_training(folder)


def _machine(options: TrainOptions, n_fits: int) -> Machine:
    """Return what is computed on: on a CPU workers of one thread, whatever the way."""
    device = choose_device(options.engine)
    workers = min(options.engine.workers or n_cores(), n_fits) if device == "cpu" else 1
    threads = 1 if device == "cpu" else n_cores()
    return Machine(device, choose_way(options.engine, device), workers, threads)


@dataclass(frozen=True, slots=True, eq=False)
class _Training:
    """Passive training: what `carry_out` asks of it."""

    source: Source
    options: TrainOptions
    models: tuple[NamedModel, ...]
    queried: QueriedRun | None
    machine: Machine

    @property
    def kind(self) -> FolderKind:
        return "training"

    @property
    def name(self) -> str:
        return f"{self.source.name}-training"

    def plain_options(self) -> dict[str, Any]:
        return self.options.plain()

    def prepare(self, work: Path) -> TrainPrepared:
        return prepare_training(
            self.source, self.options, self.models, self.queried, work, self.machine
        )

    def describe(self, prepared: TrainPrepared) -> dict[str, Any]:
        return describe_training(prepared, self.options)

    def work(self, group: Workers, folder: Path, prepared: TrainPrepared, watch: Watch) -> None:
        if self.options.exports:
            make_folder(folder / EXPORTS)
        plan = self._plan(folder, prepared)
        watch.planned_fits(sum(len(task.message["seeds"]) for task in plan))
        left: list[WorkerTask] = []
        for task in plan:
            journal = Path(task.message["journal"])
            if journal.exists():
                watch.fits(task.name, len(load_results(journal)))
            else:
                left.append(task)
        opening = {
            "kind": "open training",
            "folder": str((folder / WORK).resolve()),
            "assignment": prepared.assignment.to_json(),
            "texts": texts_to_json(),
        }
        opened = partial(remove_folder, folder / WORK)
        group.run(opening, left, _Listener(watch).handle, opened=opened)

    def find(self, folder: Path, prepared: TrainPrepared) -> dict[str, Any]:
        n_gone = sum(
            not Path(task.message["journal"]).exists() for task in self._plan(folder, prepared)
        )
        if n_gone:
            raise StoreError(
                f"what was recorded of {n_gone} nets is gone",
                str(folder / JOURNALS),
                f"leave a run's folder alone while it is worked on; then: alsim resume {folder}",
            )
        fits = [result.fit for result in kept_results(folder)]
        lost = [fit for fit in fits if not fit.epochs]
        if len(lost) == len(fits):
            raise RunError(
                "every training diverged: no loss is a number",
                str(folder),
                "lower --learning-rate, or leave the inputs standardised, and add --force",
            )
        training = self.options.training
        n_cut = sum(training.cuts_short(fit.epochs) for fit in fits)
        note = (
            f"{n_cut} of {len(fits)} nets were still learning when --max-epochs "
            f"{training.max_epochs} ended them; give them more: --max-epochs "
            f"{2 * training.max_epochs}"
        )
        diverged = [
            {"model": f.model, "chosen_by": f.chosen_by, "fraction": f.fraction, "seed": f.seed}
            for f in lost
        ]
        has_validation = bool(prepared.pool.splits["validation"])
        return {"diverged": diverged, "notes": [note] * (has_validation and n_cut > 0)}

    def write(self, folder: Path, prepared: TrainPrepared) -> None:
        del prepared
        write_training(folder, kept_results(folder))

    def _plan(self, folder: Path, prepared: TrainPrepared) -> list[WorkerTask]:
        """Return a task for each net; in lockstep one for all seeds of a model and fraction.

        The seeds of a run may have queried different numbers of objects, so that they are trained
        one by one all the same.
        """
        journals = folder.resolve() / JOURNALS
        is_one_by_one = prepared.assignment.way == "direct" or self.queried is not None
        paths = ExportPaths(folder.resolve() / EXPORTS, self.options.exports)
        tasks: list[WorkerTask] = []
        # The largest first, so that none is left over at the end.
        for fraction in sorted(self.options.fractions, reverse=True):
            for number, model in enumerate(prepared.assignment.models):
                for chosen_by, seeds in _groups(prepared.pairs, is_one_by_one):
                    told = [model.name, f"fraction {fraction:g}"]
                    told += [f"chosen by {chosen_by}"] * (self.queried is not None)
                    tasks.append(
                        WorkerTask(
                            ", ".join([*told, f"seed {', '.join(map(str, seeds))}"]),
                            {
                                "kind": "fit",
                                "model": number,
                                "chosen_by": chosen_by,
                                "fraction": fraction,
                                "seeds": seeds,
                                "exports": {
                                    seed: paths.of(model.name, chosen_by, fraction, seed)
                                    for seed in seeds
                                },
                                "journal": str(journals / f"{len(tasks):04d}.json"),
                            },
                        )
                    )
        return tasks


class _Listener:
    """Passes on what the workers say."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def handle(self, task: WorkerTask, message: Message) -> None:
        if message["kind"] == "epoch":
            self._watch.epoch(task.name, message["epoch"])
        elif message["kind"] == "fits":
            self._watch.fits(task.name, message["n"])
        elif message["kind"] == "note":
            self._watch.note(message["text"])


def _groups(pairs: Sequence[Pair], is_one_by_one: bool) -> list[tuple[str, list[int]]]:
    if is_one_by_one:
        return [(chosen_by, [seed]) for chosen_by, seed in pairs]
    together: dict[str, list[int]] = {}
    for chosen_by, seed in pairs:
        together.setdefault(chosen_by, []).append(seed)
    return list(together.items())
