"""Passive training as asked for and as it is worked on, and how it travels to a worker process."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from alsim.errors import UsageError
from alsim.options.experts import ExpertOptions, expert_faults
from alsim.options.faults import Faults
from alsim.options.model import ModelOptions
from alsim.options.pool import PoolOptions
from alsim.options.training import TrainingOptions
from alsim.parameters import number, refuse_repeats
from alsim.studies.expert_arguments import readers_of, refuse_idle_flags
from alsim.studies.model_names import FLAG, NamedModel, find_named_model
from alsim.studies.same_again import plain_options
from alsim.studies.start.check import (
    EngineOptions,
    check_training,
    model_from_json,
    training_from_json,
)
from alsim.training.replicas import Way

STOCHASTIC = readers_of("evaluation")  # the models of the table with stochastic gates


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a user can choose about passive training."""

    models: tuple[str, ...] = ("shared-bottom", "mmoe")
    fractions: tuple[float, ...] = (1.0,)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    match_parameters: bool = False
    evaluations: tuple[str, ...] = ("task-k",)
    queries: Path | None = None  # the run whose queries are trained on
    exports: tuple[str, ...] = ()  # tasks whose nets are cut out
    model: ModelOptions = field(default_factory=ModelOptions)  # but for its name
    training: TrainingOptions = field(default_factory=TrainingOptions)
    pool: PoolOptions = field(default_factory=PoolOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)

    def plain(self) -> dict[str, Any]:
        """Return the options as JSON values, as a manifest keeps them."""
        plain = plain_options(self)
        for name in ("epochs", "retrain", "batch_norm", "loss_prediction"):
            del plain["training"][name]
        del plain["model"]["name"], plain["pool"]["rows_kept"]
        return plain


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model as it is trained on a pool."""

    name: str
    options: ModelOptions
    evaluations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainAssignment:
    """What a worker must know of passive training besides its mapped pool and its jobs."""

    models: tuple[TrainedModel, ...]
    training: TrainingOptions
    way: Way
    device: str
    threads: int
    inputs: Mapping[str, Any]  # how the inputs were made, for exports; empty: there are none

    def to_json(self) -> dict[str, Any]:
        """Return the assignment as JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "TrainAssignment":
        """Return the assignment that `to_json` wrote."""
        models = tuple(
            TrainedModel(m["name"], model_from_json(m["options"]), tuple(m["evaluations"]))
            for m in data["models"]
        )
        plain = {name: data[name] for name in ("way", "device", "threads", "inputs")}
        return TrainAssignment(models, training_from_json(data["training"]), **plain)


def parse_fractions(value: str | float | Sequence[float]) -> tuple[float, ...]:
    """Return the fractions in `0.05,0.25,1`, in a sequence, or the single one.

    Raises:
        UsageError: If a text holds something else, or one is not in (0, 1].
    """
    mend = "give shares of the labels above 0 and at most 1, such as 0.05,0.25,1"
    try:
        if isinstance(value, str):
            found = tuple(number(part, float) for part in value.split(",") if part.strip())
        else:
            found = (float(value),) if isinstance(value, int | float) else tuple(map(float, value))
    except ValueError:
        found = ()
    if not found:
        raise UsageError(f"{value!r} holds no fractions", "--fractions", mend)
    for fraction in found:
        if not 0 < fraction <= 1:
            raise UsageError(f"{fraction:g} is no share", "--fractions", mend)
    return found


def examine_train(options: TrainOptions, faults: Faults) -> tuple[NamedModel, ...]:
    """Return the models that there are; add all that is wrong to the faults."""
    found = [faults.attempt(None, find_named_model, text, options.model) for text in options.models]
    models = tuple(model for model in found if model is not None)
    check_training(options.model, options.training, options.pool, options.engine, faults)
    refuse_idle_flags([model.options.name for model in models], options.model.experts, faults)
    for fault in expert_faults(options.model.expert_options()):
        faults.add(*fault.args)
    if not options.models:
        faults.add("no model is named", FLAG, "name at least one: --model shared-bottom,mmoe")
    _refuse_equal_models(models, faults)
    for evaluation in options.evaluations:
        for fault in expert_faults(ExpertOptions(evaluation=evaluation)):
            faults.add(*fault.args)
    if len(options.evaluations) > 1 and not any(m.options.name in STOCHASTIC for m in models):
        faults.add(
            "no model has stochastic gates, which several evaluations are of",
            "--evaluation",
            f"leave it out, or add --model {STOCHASTIC[0]}",
        )
    named_values: dict[str, Sequence[str | int | float]] = {
        "--fractions": options.fractions,
        "--seeds": options.seeds,
        "--evaluation": options.evaluations,
        "--export-task": options.exports,
        "--label": options.pool.labels,
        "--modality": options.pool.modalities,
        "--features": options.pool.features,
        "--encoder": options.model.encoders or (),
    }
    for flag, values in named_values.items():
        faults.attempt(None, refuse_repeats, flag, values)
    if options.match_parameters:
        for model in models[1:]:
            named = {"width", "expert-width"} & {*model.given}
            if named:
                faults.add(
                    f"its {' and '.join(sorted(named))} follows from --match-parameters",
                    f"{FLAG} {model.name}",
                    "leave it out, or name this model first: the others are matched to it",
                )
        if len(models) == 1:
            faults.add(
                "a single model has none to be matched to", "--match-parameters", "name another"
            )
    return models


def _refuse_equal_models(models: Sequence[NamedModel], faults: Faults) -> None:
    """Look for models that are the same, whether or not they are written alike."""
    for place, model in enumerate(models):
        for earlier in models[:place]:
            if _meaning(earlier.options) == _meaning(model.options):
                alike = "" if earlier.name == model.name else f", as {earlier.name}"
                faults.add(f"{model.name} is named twice{alike}", FLAG, "name each once")


def _meaning(options: ModelOptions) -> dict[str, Any]:
    return {**asdict(options), "experts": asdict(options.expert_options())}
