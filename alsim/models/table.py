"""The models that `--model` names: those of the table and plug-ins.

Importing this imports no model, and no torch: a row names the function that builds its model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from alsim.errors import UsageError
from alsim.lazy import import_object
from alsim.loading import find_plugin, installed_names
from alsim.options.model import ModelOptions

if TYPE_CHECKING:
    from torch import nn

    from alsim.models.interface import Shape

GROUP = "alsim.models"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model in the table."""

    build: "str | Callable[[Shape, ModelOptions], nn.Module]"  # or module:function of this package
    summary: str
    source: str

    @property
    def builder(self) -> "Callable[[Shape, ModelOptions], nn.Module]":
        """Return the function that builds the model, imported."""
        return import_object(self.build, GROUP) if isinstance(self.build, str) else self.build


MODELS: Mapping[str, ModelEntry] = {
    "three-head": ModelEntry(
        "late_fusion:LateFusion",
        "late fusion; a head for each modality and a mixed one (three for picture and text)",
        "VK 2020, Fig. 3",
    ),
    "mlp": ModelEntry(
        "plain:Mlp", "hidden layers on the concatenated modalities", "Rumelhart 1986"
    ),
    "linear": ModelEntry("plain:Linear", "multinomial logistic regression", "Cox 1966"),
    "single-task": ModelEntry(
        "expert_models:single_task", "an expert for each task, nothing shared", "Caruana 1997"
    ),
    "shared-bottom": ModelEntry(
        "expert_models:shared_bottom", "one expert for all tasks", "Caruana 1997"
    ),
    "cross-stitch": ModelEntry(
        "expert_models:cross_stitch",
        "each task mixes all experts by weights of its own",
        "Misra et al. 2016",
    ),
    "omoe": ModelEntry(
        "expert_models:omoe",
        "one gate mixes the experts for all tasks",
        "Jacobs et al. 1991; Shazeer et al. 2017",
    ),
    "mmoe": ModelEntry(
        "expert_models:mmoe", "each task's gate mixes the experts", "Ma et al. 2018"
    ),
    "cgc": ModelEntry(
        "expert_models:cgc",
        "each task's gate mixes its own experts with common ones",
        "Tang et al. 2020",
    ),
    "multi-cluster": ModelEntry(
        "expert_models:multi_cluster",
        "each task learns which few experts it uses",
        "Yan et al. 2019",
    ),
}


def resolve_name(name: str, n_modalities: int) -> str:
    """Return the table's name for a model; "auto" depends on the number of modalities.

    Raises:
        UsageError: If there is no such model.
    """
    if name == "auto":
        return "three-head" if n_modalities > 1 else "mlp"
    find_model(name)
    return name


def find_model(name: str) -> ModelEntry:
    """Return a model's entry in the table; a plug-in is turned into an entry.

    A package adds models by entry points of the group `alsim.models`, each a `ModelEntry` or a
    callable of a `Shape` and `ModelOptions`; `path/to/file.py:name` names one in a file.

    Raises:
        UsageError: If there is none, or it cannot be loaded.
    """
    if name in MODELS:
        return MODELS[name]
    found, source = find_plugin(name, GROUP, "--model", MODELS)
    return _as_entry(found, source)


def installed_models() -> dict[str, ModelEntry]:
    """Return the entries that installed packages add to the table."""
    return {name: find_model(name) for name in installed_names(GROUP, MODELS)}


def _as_entry(found: Any, source: str) -> ModelEntry:
    if isinstance(found, ModelEntry):
        return found
    if not callable(found):
        raise UsageError(
            f"a {type(found).__name__} is not a model", "--model", "give a class or a ModelEntry"
        )
    summary = ((found.__doc__ or "").strip() or "from a plug-in").splitlines()[0]
    return ModelEntry(cast("Callable[..., Any]", found), summary, source)


def build_model(shape: "Shape", options: ModelOptions) -> "nn.Module":
    """Return one fresh model; call it inside `seeding.forked`, which sets the random numbers.

    Raises:
        UsageError: If there is no such model or an option names an unknown modality.
    """
    return find_model(resolve_name(options.name, len(shape.widths))).builder(shape, options)
