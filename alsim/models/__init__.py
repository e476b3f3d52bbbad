"""The models that `--model` names."""

from alsim.models.interface import MIXED, Inputs, Model, Outputs, Shape
from alsim.models.options import ModelOptions
from alsim.models.table import MODELS, ModelEntry, build_model, installed_models, resolve_name

__all__ = [
    "MIXED",
    "MODELS",
    "Inputs",
    "Model",
    "ModelEntry",
    "ModelOptions",
    "Outputs",
    "Shape",
    "build_model",
    "installed_models",
    "resolve_name",
]
