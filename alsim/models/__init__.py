"""The models that `--model` names."""

from alsim.models.expert_net import ExpertNet, export_task
from alsim.models.expert_options import ExpertOptions
from alsim.models.interface import MIXED, Inputs, Model, Outputs, Shape
from alsim.models.options import ModelOptions
from alsim.models.size import active_flops, match_width, n_parameters
from alsim.models.table import MODELS, ModelEntry, build_model, installed_models, resolve_name

__all__ = [
    "MIXED",
    "MODELS",
    "ExpertNet",
    "ExpertOptions",
    "Inputs",
    "Model",
    "ModelEntry",
    "ModelOptions",
    "Outputs",
    "Shape",
    "active_flops",
    "build_model",
    "export_task",
    "installed_models",
    "match_width",
    "n_parameters",
    "resolve_name",
]
