"""From what a user writes, `multi-cluster(density=0.1)`, to the options of a model.

The parameters in the brackets are called as the flags are, and go before them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from alsim.errors import UsageError
from alsim.models import MODELS
from alsim.models.table import find_model
from alsim.options.experts import EstimatorName, ExpertKind, GateInput, expert_faults
from alsim.options.model import ModelOptions
from alsim.parameters import number, put_together, take_apart
from alsim.studies.expert_arguments import readers_of

FLAG = "--model"
_BESIDE_LINEAR = tuple(name for name in MODELS if name != "linear")
# Of ModelOptions: its type, and the models of the table that read it.
_OWN: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "width": (int, _BESIDE_LINEAR),
    "depth": (int, ("mlp",)),
    "dropout": (float, _BESIDE_LINEAR),
}


def _widths(text: str) -> str:
    """Return the widths of layers in `64` or `64x32`, as they were written."""
    return "x".join(str(number(part, int)) for part in text.split("x"))


# Parameter -> its field of ExpertOptions, and its type.
_OF_EXPERTS: Mapping[str, tuple[str, Any]] = {
    "experts": ("number", int),
    "expert-width": ("widths", _widths),
    "expert": ("kind", ExpertKind),
    "tower-width": ("tower", _widths),
    "gate": ("gate", GateInput),
    "task-experts": ("task_experts", int),
    "levels": ("levels", int),
    "estimator": ("estimator", EstimatorName),
    "gate-samples": ("samples", int),
    "density": ("density_weight", float),
    "evaluation": ("evaluation", str),
}


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model as it is trained and recorded."""

    name: str  # as the records have it: with the parameters that were written
    options: ModelOptions
    given: tuple[str, ...]  # these parameters


def find_named_model(text: str, base: ModelOptions) -> NamedModel:
    """Return the model that `name` or `name(parameter=value, …)` means.

    Args:
        text: What the user wrote; widths of several layers are joined by x, as in 64x32.
        base: The options where the text says nothing of them.

    Raises:
        UsageError: If there is no such model, or a parameter does not fit it.
    """
    written = take_apart(text, FLAG)
    if written.base != "auto":
        find_model(written.base)
    types = _types(written.base)
    given = written.given(types)
    own: dict[str, Any] = {name: value for name, value in given.items() if name in _OWN}
    options = replace(base, name=written.base, **own)
    of_experts: dict[str, Any] = {}
    for name, value in given.items():
        if name in _OF_EXPERTS:
            field, type_ = _OF_EXPERTS[name]
            is_widths = type_ is _widths
            of_experts[field] = tuple(map(int, str(value).split("x"))) if is_widths else value
    if of_experts:
        options = replace(options, experts=replace(base.expert_options(), **of_experts))
        for fault in expert_faults(options.expert_options()):
            what, of, mend = fault.args
            raise UsageError(f"{of}: {what}", written.where, mend)
    in_order = {name: given[name] for name in types if name in given}
    return NamedModel(put_together(written.base, in_order), options, tuple(in_order))


def _types(base: str) -> dict[str, Any]:
    """Return the parameters that a model reads, and their types; all of them for a plug-in."""
    is_own = base not in MODELS and base != "auto"
    types = {name: type_ for name, (type_, readers) in _OWN.items() if is_own or base in readers}
    return types | {
        name: type_
        for name, (field, type_) in _OF_EXPERTS.items()
        if is_own or base in readers_of(field)
    }
