"""What can be chosen about the models that mix experts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from alsim.errors import UsageError

ExpertKind = Literal["mlp", "conv4"]
GateInput = Literal["input", "task"]
EstimatorName = Literal[
    "leave-one-out", "reinforce", "reinforce-mean", "disarm", "hard-concrete", "straight-through"
]
Evaluation = Literal["task-k", "mean-k", "round", "sample", "all", "soft"]
_TOP = "top-"  # before a number: so many of each task's likeliest experts


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
    # Which of multi-cluster's experts run once it is trained: an `Evaluation`, or "top-5" for the
    # five likeliest of each task
    evaluation: str = "task-k"

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


def top_k_of(evaluation: str) -> int | None:
    """Return K of "top-K", or None where the evaluation is another or K no number above 0."""
    number = evaluation.removeprefix(_TOP)
    is_number = number.isascii() and number.isdigit() and number != evaluation and len(number) < 10
    return int(number) or None if is_number else None


def expert_faults(options: ExpertOptions) -> list[UsageError]:
    """Return what is wrong with the options by themselves."""
    faults: list[UsageError] = []
    for where, values, least, most in (
        ("--experts", (options.number,), 1, 10_000),
        ("--expert-width", options.widths or (), 1, 1 << 14),
        ("--tower-width", options.tower, 1, 1 << 14),
        ("--task-experts", (options.task_experts,), 0, 10_000),
        ("--levels", (options.levels,), 1, 100),
        ("--gate-samples", (options.samples,), 1, 10_000),
    ):
        for value in values:
            if value is not None and value < least:
                mend = f"ask for at least {least}"
                faults.append(UsageError(f"{value} is too small", where, mend))
            if value is not None and value > most:
                mend = f"ask for at most {most:,}"
                faults.append(UsageError(f"{value:,} is too large", where, mend))
    if options.widths == ():
        faults.append(UsageError("no width", "--expert-width", "give one at least"))
    if options.kind == "conv4" and len(options.widths or ()) > 1:
        mend = "give one number"
        what = "the four layers of conv4 have one number of filters"
        faults.append(UsageError(what, "--expert-width", mend))
    if options.kind == "conv4" and options.levels > 1:
        mend = "use one level, or experts of kind mlp"
        faults.append(UsageError("conv4 experts read pixels alone", "--levels", mend))
    if options.kind == "conv4" and options.reads is not None:
        mend = "leave it out, or use experts of kind mlp"
        faults.append(UsageError("conv4 experts read all pixels", "--reads", mend))
    if options.estimator == "leave-one-out" and options.samples == 1:
        mend = "take 2 at least, or another estimator"
        faults.append(UsageError("one sample leaves none out", "--gate-samples", mend))
    if options.estimator == "disarm" and options.samples > 0 and options.samples % 2:
        mend = "take an even number"
        faults.append(UsageError("disarm takes samples by pairs", "--gate-samples", mend))
    if not 0 <= options.density_weight < float("inf"):
        what = f"{options.density_weight:g} is no weight"
        faults.append(UsageError(what, "--density", "0.1 is the paper's"))
    modes = get_args(Evaluation)
    if options.evaluation not in modes and top_k_of(options.evaluation) is None:
        what = f"no evaluation {options.evaluation!r}"
        mend = f"it is one of {', '.join(modes)}, or top-5 for each task's five likeliest experts"
        faults.append(UsageError(what, "--evaluation", mend))
    return faults
