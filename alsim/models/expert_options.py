"""What can be chosen about the models that mix experts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from alsim.errors import UsageError

ExpertKind = Literal["mlp", "conv4"]
GateInput = Literal["input", "task"]
EstimatorName = Literal["leave-one-out", "reinforce", "disarm", "hard-concrete", "straight-through"]
Evaluation = Literal["task-k", "mean-k", "round", "sample", "all", "soft"]


@dataclass(frozen=True, slots=True)
class ExpertOptions:
    """Experts, gates and towers. Options that a model does not have are ignored by it."""

    kind: ExpertKind = "mlp"
    number: int | None = None  # of experts, in cgc the common ones; None: 8, multi-cluster 20
    # Of each expert's layers, of conv4 its filters; None: one layer, so wide that all experts
    # together are as wide as `ModelOptions.width`, but at least 64; conv4: 32 filters.
    widths: tuple[int, ...] | None = None
    tower: tuple[int, ...] = ()  # widths of a task's hidden layers; (): a linear head alone
    gate: GateInput = "input"
    # "all": a head a modality beside the mixed one, with gates and towers of its own, fed by the
    # experts when all else is hidden. Not `ModelOptions.heads`, which is the three-head net's.
    heads: Literal["mixed", "all"] = "mixed"
    task_experts: int = 2  # cgc: a task's own
    levels: int = 1  # cgc: more than one is PLE
    # What the experts read, in turn: "text", "text+image", "image[0:64]"; None: everything
    reads: tuple[str, ...] | None = None
    image: tuple[int, int, int] | None = None  # height, width, channels; None: by the width
    layout: Literal["hwc", "chw"] = "hwc"  # whether a pixel's channels are side by side
    estimator: EstimatorName = "leave-one-out"  # of the gradient of multi-cluster's gates
    samples: int = 4  # of the gates, for leave-one-out and disarm; the others take one
    density_weight: float = 0.1  # λ, of the mean number of experts a task expects to use
    evaluation: Evaluation = "task-k"  # which of multi-cluster's experts run once it is trained

    def to_json(self) -> dict[str, Any]:
        """Return the options as JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "ExpertOptions":
        """Return the options that `to_json` wrote, also after a journey through JSON."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return ExpertOptions(**values)


def expert_faults(options: ExpertOptions) -> list[UsageError]:
    """Return what is wrong with the options by themselves."""
    faults: list[UsageError] = []
    for what, values, least in (
        ("experts", (options.number,), 1),
        ("the experts' widths", options.widths or (), 1),
        ("the towers' widths", options.tower, 1),
        ("a task's own experts", (options.task_experts,), 0),
        ("levels of experts", (options.levels,), 1),
    ):
        faults += [
            UsageError(f"{value} is too small", what, f"ask for at least {least}")
            for value in values
            if value is not None and value < least
        ]
    if options.widths == ():
        faults.append(UsageError("no width", "the experts' widths", "give one at least"))
    if options.kind == "conv4" and options.levels > 1:
        mend = "use one level, or experts of kind mlp"
        faults.append(UsageError("conv4 experts read pixels alone", "levels of experts", mend))
    if options.kind == "conv4" and options.reads is not None:
        mend = "leave it out, or use experts of kind mlp"
        faults.append(UsageError("conv4 experts read all pixels", "what the experts read", mend))
    if options.estimator == "leave-one-out" and options.samples < 2:
        mend = "take 2 at least, or another estimator"
        faults.append(UsageError("one sample leaves none out", "samples of the gates", mend))
    if options.estimator == "disarm" and (options.samples < 2 or options.samples % 2):
        mend = "take an even number"
        faults.append(UsageError("disarm takes samples by pairs", "samples of the gates", mend))
    if not 0 <= options.density_weight < float("inf"):
        what = f"{options.density_weight:g} is no weight"
        faults.append(UsageError(what, "the weight of the density", "0.1 is the paper's"))
    return faults
