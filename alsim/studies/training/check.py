"""Whether the options of passive training go together."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from alsim.errors import UsageError, nearest
from alsim.models.naming import FLAG, NamedModel, find_named_model
from alsim.options.experts import STOCHASTIC, check_evaluation
from alsim.options.faults import Faults
from alsim.options.model import ModelOptions
from alsim.options.option import part
from alsim.options.pool import PoolOptions
from alsim.options.training_study import TrainOptions
from alsim.parameters import refuse_repeats
from alsim.studies.machine import choose_device
from alsim.studies.start.check import check_fit, check_out


def columns_of(options: TrainOptions) -> PoolOptions:
    """Return the columns to read; rows with any label are kept."""
    return replace(part(options, PoolOptions), rows_kept="any")


def standard_evaluation() -> tuple[str, ...]:
    """Return the default evaluations."""
    return TrainOptions().evaluation


def examine_train(options: TrainOptions, faults: Faults) -> tuple[NamedModel, ...]:
    """Return the known models; add all that is wrong to the faults."""
    found = [faults.attempt(None, find_named_model, text) for text in options.model]
    models = tuple(model for model in found if model is not None)
    check_fit(options, faults)
    faults.attempt("", choose_device, options)
    faults.attempt(None, check_out, options.out)
    if not options.model:
        faults.add("no model is named", FLAG, "name at least one: --model shared-bottom,mmoe")
    if not options.evaluation:
        faults.add("no evaluation is named", "--evaluation", "name at least one, such as task-k")
    _refuse_equal_models(models, faults)
    if options.baseline is not None:
        faults.attempt(None, baseline_place, options.baseline, models)
    for evaluation in options.evaluation:
        faults.attempt("", check_evaluation, evaluation)
    are_stochastic = any(model.options.name in STOCHASTIC for model in models)
    if options.evaluation != standard_evaluation() and models and not are_stochastic:
        faults.add(
            "no model has stochastic gates, which evaluations are of",
            "--evaluation",
            f"leave it out, or add --model {STOCHASTIC[0]}",
        )
    named_values: dict[str, Sequence[str | int | float]] = {
        "--fractions": options.fractions,
        "--seeds": options.seeds or (),
        "--evaluation": options.evaluation,
        "--export-task": options.export_task,
        "--label": options.label,
        "--modality": options.modality,
        "--features": options.features,
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


def baseline_place(text: str, models: Sequence[NamedModel]) -> int:
    """Return which of the models the baseline is, by its name or the part before its brackets.

    Raises:
        UsageError: If it is none of them, or could be several.
    """
    for found in (
        [place for place, model in enumerate(models) if model.name == text],
        [place for place, model in enumerate(models) if model.options.name == text],
        [place for place, model in enumerate(models) if model.name == find_named_model(text).name],
    ):
        if len(found) == 1:
            return found[0]
    names = [model.name for model in models]
    raise UsageError(f"{text!r} is not one of the models", "--baseline", nearest(text, names))


def _refuse_equal_models(models: Sequence[NamedModel], faults: Faults) -> None:
    """Add models that are the same, even if written differently, to the faults."""
    for place, model in enumerate(models):
        for earlier in models[:place]:
            if _meaning(earlier.options) == _meaning(model.options):
                alike = "" if earlier.name == model.name else f", as {earlier.name}"
                faults.add(f"{model.name} is named twice{alike}", FLAG, "name each once")


def _meaning(options: ModelOptions) -> dict[str, Any]:
    return {**asdict(options), "experts": asdict(options.expert_options())}
