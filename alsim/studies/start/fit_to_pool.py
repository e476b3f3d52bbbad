"""Whether the options of a study, its strategies and its pool fit each other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch

from alsim.errors import AlsimError, PoolError, UsageError, nearest
from alsim.experiments.account import Account, make_account
from alsim.experiments.cells import count_units, known_cells
from alsim.experiments.schedule import Schedule, plan_schedule
from alsim.loading import describe_error
from alsim.models import MIXED, MODELS, resolve_name
from alsim.models.layers import RowBatchNorm
from alsim.options.curves import ScheduleOptions
from alsim.options.faults import Faults
from alsim.options.model import ModelOptions
from alsim.options.sizes import QuerySize
from alsim.options.training import TrainingOptions
from alsim.oracle.plan import OraclePlan
from alsim.pool.pool import Pool
from alsim.seeding import stream
from alsim.strategies import Named
from alsim.studies.start.check import StudyOptions
from alsim.studies.start.fit_to_tasks import check_gates, check_tasks, initial_units
from alsim.studies.start.oracles import plan_oracle
from alsim.training.dropout import dropout_sites
from alsim.training.features import shape_of
from alsim.training.objective import Objective, make_objective

RESERVED = (MIXED, "all", "none")  # names of heads and patterns in the metrics table
# The requested sizes, the number of training rows, what they cost if that is known -> the sizes.
PlanSizes = Callable[[ScheduleOptions, int, Account | None], Schedule]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The options of a study as they are on its pool."""

    schedule: Schedule
    model: ModelOptions
    oracle: OraclePlan
    initial_rows: tuple[int, ...] | None


def fit_study(
    strategies: Mapping[str, Named],
    options: StudyOptions,
    pool: Pool,
    where: str,
    *,
    plan: PlanSizes = plan_schedule,
    flag: str = "--strategy",
) -> Fitted:
    """Return the options as they are on a pool.

    `plan` decides the sizes; `where` and `flag` are for messages.

    Raises:
        AlsimError: Naming everything that does not fit.
    """
    faults, ids = Faults(), options.initial_ids
    sizes = options.schedule
    rows = None if ids is None else faults.attempt([], pool.rows_of, ids, "train")
    if ids is not None:
        n = initial_units(options, pool, rows, faults) if rows else len(ids)
        sizes = replace(sizes, initial_size=n)
    classes = next(iter(pool.tasks.values())).classes
    oracle = faults.attempt(OraclePlan(), plan_oracle, options.oracle, classes)
    n_units = count_units(known_cells(pool), options.unit or "object")
    # Without any, a task lacks its labels, which is reported below.
    account = _account(options, oracle, pool) if n_units else None
    schedule = faults.attempt(None, plan, sizes, n_units, account) if n_units else None
    if not pool.splits["validation"] and (
        not pool.splits["test"] or sizes.until.kind == "accuracy"
    ):
        faults.add(
            "there are no validation rows to measure on",
            where,
            "leave out --validation-size 0"
            if sizes.validation_size == 0
            else "bring a larger pool, or one with a split column",
            PoolError,
        )
    if schedule is not None:
        _check_candidates(strategies, schedule.query_size, faults)
    check_tasks(strategies, options, pool, where, flag, faults)
    model = fit_model(options.model, pool, faults)
    _check_model(strategies, options, model, pool, flag, faults)
    faults.raise_all("things do not fit the pool", where)
    assert schedule is not None
    return Fitted(schedule, model, oracle, None if rows is None else tuple(rows))


def _account(options: StudyOptions, oracle: OraclePlan, pool: Pool) -> Account:
    """Return what the study must pay for."""
    rows = pool.splits["validation"]
    is_free = options.schedule.validation_size == "free"
    drawn = [task.labels[rows.start : rows.stop] >= 0 for task in pool.tasks.values()]
    return make_account(
        oracle,
        {name: len(task.classes) for name, task in pool.tasks.items()},
        train=known_cells(pool),
        validation=torch.stack(drawn, 1)[: 0 if is_free else None],
        unit=options.unit or "object",
        is_start_free=options.initial_ids is not None,
    )


def _check_candidates(strategies: Mapping[str, Named], size: QuerySize, faults: Faults) -> None:
    """Add strategies whose candidates a query would take all to the faults."""
    largest = max(size.first, size.last)
    for name, named in strategies.items():
        most = named.strategy.candidates
        if most is not None and most <= largest:
            faults.add(
                f"{name} looks at {most:,} rows and a query takes up to {largest:,}: "
                "it would have no choice",
                "candidates and --query-size",
                f"give more candidates than that: candidates={10 * largest} in its name, "
                f"or --candidates {10 * largest}",
            )


def fit_model(model: ModelOptions, pool: Pool, faults: Faults) -> ModelOptions:
    """Return a model's options, those that depend on the pool decided."""
    for name in pool.modalities:
        if name in RESERVED or "+" in name:
            faults.add(
                f"a modality cannot be called {name!r}: the word has a meaning in the tables",
                "the pool's columns",
                "rename the column",
            )
    for name in model.encoders or ():
        if name not in pool.modalities:
            mend = nearest(name, pool.modalities)
            faults.add(f"no modality {name!r} to encode", "--model (encoder=…)", mend)
    if model.encoders is not None:
        # Without the unknown ones, so that other faults are found too.
        known = tuple(name for name in model.encoders if name in pool.modalities)
        model = replace(model, encoders=known)
    return replace(
        model,
        name=resolve_name(model.name, len(pool.modalities)),
        encoders=pool.pictures if model.encoders is None else model.encoders,
    )


def _check_model(
    strategies: Mapping[str, Named],
    options: StudyOptions,
    model: ModelOptions,
    pool: Pool,
    flag: str,
    faults: Faults,
) -> None:
    """Add what a model lacks of what the strategies need to the faults."""
    objective = faults.attempt(None, try_model, options.training, model, pool)
    if objective is None:
        return
    heads = check_heads(objective, options.training, faults)
    has_batch_norm = any(isinstance(layer, RowBatchNorm) for layer in objective.modules())
    for name, named in strategies.items():
        where, wanted = f"{flag} {name}", named.strategy.signals | named.strategy.labelled
        if named.adapt(options.training).batch_norm == "frozen" and not has_batch_norm:
            faults.add(
                f"the model {model.name} has no batch norm to freeze",
                "--batch-norm frozen",
                "leave it out, or use --model three-head",
            )
        if "mc_probabilities" in wanted and named.strategy.committee.by == "gates":
            check_gates(objective, where, faults)
        elif "mc_probabilities" in wanted and not dropout_sites(objective):
            faults.add(
                "a committee by dropout needs a model with dropout: its members would all agree",
                where,
                'leave its dropout above 0: --model "mlp(dropout=0.5)"',
            )
        if "head_probabilities" in wanted and len(heads) < 3:
            faults.add(
                "the strategy compares the modalities' own heads, and there are not two of them",
                where,
                'use a pool with several modalities, and --model "three-head(heads=all)"',
            )


def check_heads(objective: Objective, training: TrainingOptions, faults: Faults) -> tuple[str, ...]:
    """Return the heads of a task; add weights that do not fit to the faults."""
    heads = next(iter(objective.heads.values()))
    weights = training.head_weight
    for head in weights:
        if head not in heads:
            faults.add(f"no head {head!r} to weigh", "--head-weight", nearest(head, heads))
    if all(weights.get(head, 1.0) == 0 for head in heads):
        faults.add("every head weighs 0", "--head-weight", "give one a weight: mixed=1")
    return tuple(heads)


def try_model(training: TrainingOptions, model: ModelOptions, pool: Pool) -> Objective:
    """Return a model made only to be examined.

    Raises:
        UsageError: If a model of the user's own cannot be made, or has other outputs.
    """
    where = f"--model {model.name}"
    try:
        objective = make_objective(shape_of(pool), model, training, generator=stream(0, "check"))
    except AlsimError:  # it says what is wrong already, such as that gradnorm does not fit
        raise
    except Exception as error:  # someone else's code may raise anything
        if model.name in MODELS:
            raise
        mend = "mend the model; alsim/models/plain.py shows one that works"
        what = f"the model cannot be used: {describe_error(error)}"
        raise UsageError(what, where, mend) from error
    if any(MIXED not in heads for heads in objective.heads.values()):
        mend = f"give the logits of each task as {{{MIXED!r}: …}}"
        raise UsageError(f"the model has no head {MIXED!r}", where, mend)
    return objective
