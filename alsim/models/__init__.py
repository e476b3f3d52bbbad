"""The models that `--model` names."""

from typing import TYPE_CHECKING

from alsim.lazy import lazy_names
from alsim.models.table import MODELS, ModelEntry, build_model, installed_models, resolve_name
from alsim.options.model import ModelOptions  # plug-ins import it from here

if TYPE_CHECKING:
    from alsim.models.expert_net import ExpertNet, export_task
    from alsim.models.interface import MIXED, OWN, Inputs, Model, Outputs, Shape
    from alsim.models.mixers import GATE_LOGITS
    from alsim.models.size import active_flops, match_width, n_parameters, size_of, with_width

__all__ = [
    "GATE_LOGITS",
    "MIXED",
    "MODELS",
    "OWN",
    "ExpertNet",
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
    "size_of",
    "with_width",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "expert_net": ("ExpertNet", "export_task"),
        "interface": ("MIXED", "OWN", "Inputs", "Model", "Outputs", "Shape"),
        "mixers": ("GATE_LOGITS",),
        "size": ("active_flops", "match_width", "n_parameters", "size_of", "with_width"),
    },
)
