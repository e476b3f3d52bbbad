"""The models that `--model` names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from alsim.errors import UsageError, nearest
from alsim.models.interface import MIXED, Inputs, Model, Outputs, Shape
from alsim.models.late_fusion import LateFusion
from alsim.models.options import ModelOptions
from alsim.models.plain import Linear, Mlp

__all__ = [
    "MIXED",
    "MODELS",
    "Inputs",
    "Model",
    "ModelOptions",
    "Outputs",
    "Shape",
    "build_model",
    "resolve_name",
]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model in the table."""

    build: Callable[[Shape, ModelOptions], nn.Module]
    summary: str
    source: str


MODELS: Mapping[str, ModelEntry] = {
    "three-head": ModelEntry(
        LateFusion,
        "late fusion; a head for each modality and a mixed one (three for picture and text)",
        "VK 2020, Fig. 3",
    ),
    "mlp": ModelEntry(Mlp, "hidden layers on the concatenated modalities", "Rumelhart 1986"),
    "linear": ModelEntry(Linear, "multinomial logistic regression", "Cox 1966"),
}


def resolve_name(name: str, n_modalities: int) -> str:
    """Return the table's name for a model; "auto" depends on the number of modalities.

    Raises:
        UsageError: If there is no such model.
    """
    if name == "auto":
        return "three-head" if n_modalities > 1 else "mlp"
    if name not in MODELS:
        raise UsageError(f"no model {name!r}", "--model", nearest(name, MODELS))
    return name


def build_model(shape: Shape, options: ModelOptions) -> nn.Module:
    """Return one fresh model; initialise inside `seeding.forked`.

    Raises:
        UsageError: If there is no such model or an option names an unknown modality.
    """
    return MODELS[resolve_name(options.name, len(shape.widths))].build(shape, options)
