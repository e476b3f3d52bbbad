"""From what a user writes, `multi-cluster(density=0.1)`, to the options of a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from alsim.errors import UsageError
from alsim.models.table import MODELS, find_model
from alsim.options.experts import ExpertOptions, expert_faults
from alsim.options.model import AUTO, ModelOptions
from alsim.options.option import Option, options_of
from alsim.parameters import Value, put_together, take_apart

FLAG = "--model"


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model as it is trained and recorded."""

    name: str  # as the records have it: with the parameters that were written
    options: ModelOptions
    given: tuple[str, ...]  # these parameters


def find_named_model(text: str) -> NamedModel:
    """Return the model that `name` or `name(parameter=value, …)` means.

    Args:
        text: What the user wrote; widths of several layers are joined by x, as in 64x32, names by
            semicolons.

    Raises:
        UsageError: If there is no such model, or a parameter does not fit it.
    """
    written = take_apart(text, FLAG)
    if written.base != "auto":
        find_model(written.base)
    known = parameters_of(written.base)
    given = written.given({key: _type_of(option) for key, option in known.items()})
    values: dict[type, dict[str, Any]] = {ModelOptions: {}, ExpertOptions: {}}
    for key, text_or_number in given.items():
        option = known[key]
        try:
            values[option.owner][option.name] = option.check(text_or_number)
        except UsageError as error:
            what, _, mend = error.args
            raise UsageError(f"{key}: {what}", written.where, mend) from None
    experts = ExpertOptions(**values[ExpertOptions])
    for fault in expert_faults(experts):
        what, flag, mend = fault.args
        raise UsageError(f"{flag.removeprefix('--')}: {what}", written.where, mend)
    options = ModelOptions(
        name=written.base,
        **values[ModelOptions],
        experts=None if experts == ExpertOptions() else experts,
    )
    in_order = {key: given[key] for key in known if key in given}
    return NamedModel(put_together(written.base, in_order), options, tuple(in_order))


def with_parameters(text: str, parameters: Mapping[str, Value]) -> str:
    """Return a model with further parameters: those that it reads and that were not written.

    Raises:
        UsageError: If the text is no model with parameters.
    """
    written = take_apart(text, FLAG)
    known = parameters_of(written.base)
    given = written.given({key: _type_of(option) for key, option in known.items()})
    further = {key: value for key, value in parameters.items() if key in known}
    return put_together(written.base, {**further, **given})


def parameters_of(base: str) -> Mapping[str, Option[Any, Any]]:
    """Return the parameters that a model reads, by name; all of them for a plug-in."""
    models = AUTO if base == "auto" else (base,)
    return {
        option.key: option
        for group in (ModelOptions, ExpertOptions)
        for option in options_of(group).values()
        if base not in (*MODELS, "auto") or {*option.models} & {*models}
    }


def _type_of(option: Option[Any, Any]) -> Any:
    """Return what a text in the brackets is: a number, a choice, or a text of its own language."""
    hint = option.hint
    simple = [one for one in (hint, *get_args(hint)) if one in (int, float)]
    if option.parse is not None:
        return str
    return hint if get_origin(hint) is not None and not simple else simple[0]
