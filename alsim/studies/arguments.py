"""From the arguments of `alsim.run` to the options of a study, with every fault told at once."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import numpy as np
import pyarrow as pa

from alsim.errors import UsageError
from alsim.options.curves import ScheduleOptions
from alsim.options.faults import Faults
from alsim.options.model import ModelOptions
from alsim.options.oracle import OracleOptions
from alsim.options.pool import PoolOptions
from alsim.options.texts import (
    parse_ids,
    parse_names,
    parse_query_size,
    parse_rates,
    parse_seeds,
    parse_shares,
    parse_until,
)
from alsim.options.training import TrainingOptions
from alsim.options.types import advice, fits, shown
from alsim.paths import place
from alsim.studies.expert_arguments import build_experts, refuse_idle_flags
from alsim.studies.machine import choose_device
from alsim.studies.start.check import EngineOptions, StudyOptions, examine

_FLAGS = {"id_column": "--id"}  # where a flag is not called as the argument is
# Of a call, what is not kept to go on with: where it writes is for who goes on to say.
NOT_KEPT = frozenset({"out", "force", "watch"})
_PATHS = ("pool", "initial_ids", "confusion", "groups", "queries")


def make_options(run: Callable[..., Any], given: Mapping[str, Any]) -> StudyOptions:
    """Return the options that arguments mean, checked as far as no pool is needed for it.

    Args:
        run: `alsim.run`, for its defaults and types.
        given: Some of its arguments, by name; numbers of NumPy are taken as numbers.

    Raises:
        UsageError: Naming every fault.
    """
    faults = Faults()
    options = read_arguments(run, given, faults)
    faults.raise_all("options cannot be used", "alsim run")
    assert options is not None
    return options


def read_arguments(
    run: Callable[..., Any], given: Mapping[str, Any], faults: Faults
) -> StudyOptions | None:
    """Return what arguments mean, see `make_options`; add all that is wrong to the faults.

    Where a type is wrong, nothing more can be told, and None is returned.
    """
    a = read_types(run, given, faults)
    if a is None:
        return None
    options = build_options(a, faults)
    refuse_idle_flags((options.model.name,), options.model.experts, faults)
    examine(options, faults)
    return options


def read_types(
    function: Callable[..., Any], given: Mapping[str, Any], faults: Faults
) -> SimpleNamespace | None:
    """Return the arguments of a function, defaults included; None where one is of a wrong type.

    Args:
        function: Whose signature tells defaults and types.
        given: Some of its arguments, by name; numbers of NumPy are taken as numbers.
        faults: To which wrong types are added.
    """
    defaults = {name: p.default for name, p in inspect.signature(function).parameters.items()}
    arguments = {**defaults, **{name: as_plain(value) for name, value in given.items()}}
    hints = get_type_hints(function)
    wrong = [name for name, value in arguments.items() if not fits(value, hints[name])]
    for name in wrong:
        flag = _FLAGS.get(name, "--" + name.replace("_", "-"))
        value = arguments[name]
        faults.add(f"{name} cannot be {shown(value)}", flag, advice(value, hints[name]))
    return None if wrong else SimpleNamespace(**arguments)


def build_options(a: SimpleNamespace, faults: Faults) -> StudyOptions:
    """Return what the arguments of `alsim.run` mean; add those that mean nothing to the faults."""
    ask, standard = faults.attempt, StudyOptions()
    options = StudyOptions(
        strategies=parse_names(a.strategy),
        seeds=ask(standard.seeds, parse_seeds, a.seeds),
        schedule=ScheduleOptions(
            initial_size=a.initial_size,
            query_size=None if a.query_size is None else ask(None, parse_query_size, a.query_size),
            steps=a.steps,
            until=ask(standard.schedule.until, parse_until, a.until),
        ),
        model=model_options(a, faults),
        training=replace(
            training_options(a, faults),
            epochs=a.epochs,
            retrain=a.retrain,
            batch_norm=a.batch_norm,
        ),
        pool=replace(pool_options(a, faults), task=a.task),
        engine=EngineOptions(device=a.device, workers=a.workers, replicas=a.replicas),
        oracle=OracleOptions(
            kind=a.oracle,
            noise=ask((0.0,), parse_rates, a.noise),
            confusion=None if a.confusion is None else Path(a.confusion),
            answers=a.answers,
            groups=None if a.groups is None else Path(a.groups),
            max_questions=a.max_questions,
            price=a.price,
            read_price=a.read_price,
            task_prices=ask({}, parse_shares, a.task_price, "--task-price") or None,
        ),
        candidates=a.candidates,
        initial_ids=ask((), parse_ids, a.initial_ids),
        unit=a.unit,
        combine=a.combine,
        committee=a.committee,
    )
    ask("", choose_device, options.engine)
    ask(None, check_out, a.out)
    return options


def model_options(a: SimpleNamespace, faults: Faults) -> ModelOptions:
    """Return what arguments say of the model."""
    return ModelOptions(
        name=a.model,
        width=a.width,
        depth=a.depth,
        dropout=a.dropout,
        blocks=a.blocks,
        fusion=a.fusion,
        heads=a.heads,
        encoders=None if a.encoder is None else tuple(a.encoder),
        experts=build_experts(a, faults),
    )


def training_options(a: SimpleNamespace, faults: Faults) -> TrainingOptions:
    """Return what arguments say of training until it stops early."""
    return TrainingOptions(
        optimiser=a.optimiser,
        learning_rate=a.learning_rate,
        gate_learning_rate=a.gate_learning_rate,
        batch_size=a.batch_size,
        batch_rule=a.batch_rule,
        max_epochs=a.max_epochs,
        patience=a.patience,
        loss=a.loss,
        head_weights=faults.attempt({}, parse_shares, a.head_weight, "--head-weight"),
        task_weighting=a.task_weighting,
        class_weights=a.class_weights,
        precision=a.precision,
    )


def pool_options(a: SimpleNamespace, faults: Faults) -> PoolOptions:
    """Return what arguments say of the pool's columns."""
    return PoolOptions(
        labels=(a.label,) if isinstance(a.label, str) else tuple(a.label or ()),
        modalities=tuple(a.modality),
        features=parse_names(a.features),
        split=a.split,
        id=a.id_column,
        label_type=a.label_type,
        unknown=(a.unknown,) if isinstance(a.unknown, str) else tuple(a.unknown),
        masks=faults.attempt({}, parse_shares, a.mask_modality, "--mask-modality", below=1.0),
        standardise=a.standardise,
        split_seed=a.split_seed,
    )


def plain_arguments(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the arguments to go on with, as JSON values; None for a pool in memory only."""
    if isinstance(given["pool"], pa.Table):
        return None
    plain: dict[str, Any] = {}
    for name, value in given.items():
        if name in NOT_KEPT:
            continue
        # Absolute, since it may go on from another working folder.
        is_path = name in _PATHS and isinstance(value, str | Path)
        plain[name] = str(Path(value).absolute()) if is_path else as_plain(value)
    return json.loads(json.dumps(plain, default=list))


def as_plain(value: Any) -> Any:
    """Return an argument with the numbers, texts and arrays of NumPy as Python's own."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    return value


def check_out(out: str | Path | None) -> None:
    """Raise a UsageError if a file stands where the run's folder would be, or one above it."""
    if out is None:
        return
    above = (Path(out), *Path(out).parents)
    first = next((path for path in above if place(path, "--out")), None)
    if first is not None and place(first) == "file":
        raise UsageError(f"{first} is a file", "--out", "name a folder that is empty or new")
