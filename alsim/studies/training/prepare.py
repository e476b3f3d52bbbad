"""From options and a source to models that can be trained: pool decoded, models fitted to it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alsim.errors import PoolError
from alsim.experiments.training.evaluation import known_rows
from alsim.experiments.training.labels import Queries, labelled_rows, queried_labels
from alsim.experiments.training.records import RANDOM
from alsim.models import ExpertNet
from alsim.models.naming import FLAG, NamedModel
from alsim.options.engine import EngineOptions
from alsim.options.experts import STOCHASTIC, top_k_of
from alsim.options.faults import Faults
from alsim.options.option import part
from alsim.options.training import FitOptions, TrainingOptions
from alsim.options.training_study import TrainOptions
from alsim.parameters import refuse_repeats
from alsim.pool.loading import LoadedPool, load_pool
from alsim.pool.pool import Pool, Task
from alsim.pool.source import Source
from alsim.pool.splits import FreeValidation
from alsim.studies.machine import Machine
from alsim.studies.start.fit_to_pool import check_heads, fit_model, try_model
from alsim.studies.start.fit_to_tasks import check_trained, notes_on_unmeasured
from alsim.studies.start.prepare import describe_pool, rows_by_class
from alsim.studies.training.assignment import TrainAssignment, TrainedModel
from alsim.studies.training.check import baseline_place, columns_of
from alsim.studies.training.exports import check_exports, describe_inputs
from alsim.studies.training.mapped_queries import read_queries, with_queried_tasks
from alsim.studies.training.match import match_parameters
from alsim.studies.training.queried import QueriedRun, keep_queries, notes_on_initial
from alsim.training.features import own_tasks
from alsim.training.objective import Objective

Pair = tuple[str, int]  # what chose the labels, and a seed


@dataclass(frozen=True, slots=True, eq=False)
class TrainPrepared:
    """Passive training whose pool is decoded and whose options fit it."""

    loaded: LoadedPool
    pool: Pool  # with the tasks that are trained
    assignment: TrainAssignment
    pairs: tuple[Pair, ...]
    queries: str  # their digest; empty where there are none
    notes: tuple[str, ...]


def prepare_training(
    source: Source,
    options: TrainOptions,
    seeds: Sequence[int],
    named: Sequence[NamedModel],
    queried: QueriedRun | None,
    work: Path,
    machine: Machine,
) -> TrainPrepared:
    """Decode the pool into `work` and decide what depends on it.

    If the pool has no validation rows, they are taken from train as in `alsim run`, so that both
    measure on the same rows. `work` is an empty folder.

    Raises:
        AlsimError: For what does not fit the pool.
    """
    validation = queried.validation if queried else FreeValidation()
    loaded = load_pool(source, columns_of(options), work, validation, queried=False)
    pool, known_by, notes = loaded.pool, "", [*loaded.report.warnings, *loaded.report.notes]
    pairs: tuple[Pair, ...] = tuple((RANDOM, seed) for seed in seeds)
    queries: Mapping[Pair, Queries] | None = None
    if queried is not None:
        known_by, more = keep_queries(queried, loaded, work)
        notes += [*more, *notes_on_initial(queried, options.fractions)]
        queries = read_queries(work)
        assert queries is not None
        pool, pairs = with_queried_tasks(pool, queries), tuple(queries)
    faults = Faults()
    _check_splits(pool, source.where, faults)
    check_trained(pool, source.where, faults)
    _check_fractions(pool, options.fractions, queries, source.where, faults)
    models, more = _fit_models(named, options, pool, faults)
    faults.raise_all("things do not fit the pool", source.where)
    assignment = TrainAssignment(
        models,
        part(options, TrainingOptions),
        machine.way,
        machine.device,
        machine.threads,
        describe_inputs(loaded) if options.export_task else {},
    )
    notes += [*more, *notes_on_unmeasured(pool, is_paid=False), *_on_validation(pool)]
    return TrainPrepared(loaded, pool, assignment, pairs, known_by, tuple(notes))


def describe_training(
    prepared: TrainPrepared,
    options: TrainOptions,
    seeds: Sequence[int],
    named: Sequence[NamedModel],
) -> dict[str, Any]:
    """Return the part of a manifest that describes the study."""
    pool = prepared.pool
    train, models = pool.splits["train"], prepared.assignment.models
    baseline = options.baseline and models[baseline_place(options.baseline, named)].name
    evaluated = "test" if pool.splits["test"] else "validation"
    rows = pool.splits[evaluated]
    return {
        "pool": describe_pool(prepared.loaded),
        "tasks": {
            name: {
                "kind": task.kind,
                "classes": rows_by_class(task, train),
                "n_labelled": int(known_rows(task.labels[train.start : train.stop]).sum()),
                "n_evaluated": int(known_rows(task.labels[rows.start : rows.stop]).sum()),
                "variance": _variance(task, rows),
            }
            for name, task in pool.tasks.items()
        },
        "is_disjoint": own_tasks(list(pool.tasks.values())) is not None,
        "evaluation_split": evaluated,
        "n_evaluated": len(rows),
        "notes": list(prepared.notes),
        "configuration": {
            "models": {
                model.name: {**asdict(model.options), "evaluations": list(model.evaluations)}
                for model in models
            },
            "baseline": baseline,
            "fractions": list(options.fractions),
            "seeds": list(seeds),
            "match_parameters": options.match_parameters,
            "queries": prepared.queries or None,
            "queried_by": sorted({chosen_by for chosen_by, _ in prepared.pairs}),
            "training": asdict(part(options, FitOptions)),
            "pool": asdict(columns_of(options)),
            "engine": asdict(part(options, EngineOptions)),
            "exports": list(options.export_task),
        },
    }


def _variance(task: Task, rows: range) -> float | None:
    """Return the variance of a target over rows, of which R² is a share; None for classes."""
    targets = task.labels[rows.start : rows.stop].double()
    known = targets[known_rows(targets)]
    is_target = task.kind == "target" and len(known) > 0
    return float(known.var(correction=0)) if is_target else None


def _fit_models(
    named: Sequence[NamedModel], options: TrainOptions, pool: Pool, faults: Faults
) -> tuple[tuple[TrainedModel, ...], list[str]]:
    """Return the models, fitted to the pool, and notes on their sizes."""
    found: list[TrainedModel] = []
    objectives: list[Objective] = []
    training = part(options, TrainingOptions)
    for model in named:
        fitted = fit_model(model.options, pool, faults)
        own = "evaluation" in model.given
        modes = (fitted.expert_options().evaluation,) if own else options.evaluation
        name = model.name.replace(model.options.name, fitted.name, 1)
        found.append(TrainedModel(name, fitted, modes if fitted.name in STOCHASTIC else ()))
        objective = faults.attempt(None, try_model, training, fitted, pool)
        if objective is not None:
            objectives.append(objective)
            check_heads(objective, training, faults)
            _check_evaluations(objective, found[-1], faults)
    names = [model.name for model in found]  # auto may be one of them
    faults.attempt(None, refuse_repeats, FLAG, names)
    notes = check_exports(options.export_task, pool, named, objectives, faults)
    if options.match_parameters and not faults.kept:
        found, more = match_parameters(found, pool, faults)
        notes += more
    return tuple(found), notes


def _check_evaluations(objective: Objective, model: TrainedModel, faults: Faults) -> None:
    """Add evaluations by more experts than the model has to the faults."""
    if not isinstance(objective.model, ExpertNet):
        return
    for gate in objective.model.gates().values():
        n = gate.logits.shape[-1]
        for mode in model.evaluations:
            if (top_k_of(mode) or 0) > n:
                what = f"{mode} asks for more experts than the {n} of {model.name}"
                mend = f"ask for at most top-{n}, which is all, or give it more experts"
                faults.add(what, "--evaluation", mend)


def _check_splits(pool: Pool, where: str, faults: Faults) -> None:
    if not pool.splits["validation"] and not pool.splits["test"]:
        faults.add(
            "there are no rows to measure on",
            where,
            "bring a larger pool, or one with a split column",
            PoolError,
        )


def _check_fractions(
    pool: Pool,
    fractions: Sequence[float],
    queries: Mapping[Pair, Queries] | None,
    where: str,
    faults: Faults,
) -> None:
    """Add fractions of less than one row to the faults."""
    if queries is None:
        n = len(labelled_rows(pool, 1.0, 0))
        if not n:
            faults.add("no training row has a label", where, "bring a larger pool", PoolError)
            return
        of = f"of the {n:,} labelled rows"
        small = {fraction: of for fraction in fractions if round(fraction * n) < 1}
    else:
        small = {
            fraction: f"of what {chosen_by} queried with seed {seed}"
            for fraction in fractions
            for (chosen_by, seed), of_seed in queries.items()
            if not len(queried_labels(pool, of_seed, fraction).rows)
        }
    for fraction, of in small.items():
        what = f"a fraction of {fraction:g} {of} is less than one row"
        faults.add(what, "--fractions", "give a larger one")


def _on_validation(pool: Pool) -> list[str]:
    if not pool.splits["validation"]:
        return ["there are no validation rows: each net is trained for all of --max-epochs"]
    if not pool.splits["test"]:
        return ["there is no test split: the validation rows are measured, which also end training"]
    return []
