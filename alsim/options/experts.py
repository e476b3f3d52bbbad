"""What can be chosen about the models that mix experts: parameters in a model's brackets."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

from alsim.errors import AlsimError, UsageError
from alsim.options.faults import Faults
from alsim.options.option import Option, Range, option, options_of, parsed
from alsim.options.texts import parse_image, parse_list, parse_widths

ExpertKind = Literal["mlp", "conv4"]
GateInput = Literal["input", "task"]
EstimatorName = Literal[
    "leave-one-out", "reinforce", "reinforce-mean", "disarm", "hard-concrete", "straight-through"
]
Evaluation = Literal["task-k", "mean-k", "round", "sample", "all", "soft"]
_TOP = "top-"  # before K: each task's K likeliest experts
_WIDTHS = Range(least=1, most=1 << 14)
_MANY = Range(least=1, most=10_000)

# The models of the table that read a parameter.
STOCHASTIC = ("multi-cluster",)
_CGC = ("cgc",)
_GATED = ("omoe", "mmoe", "cgc")
_MIXING = ("cross-stitch", *_GATED, *STOCHASTIC)
WITH_EXPERTS = ("single-task", "shared-bottom", *_MIXING)


def check_evaluation(value: str) -> str:
    """Return the name of an evaluation.

    Raises:
        UsageError: If there is none of this name.
    """
    modes = get_args(Evaluation)
    if value not in modes and top_k_of(value) is None:
        mend = f"it is one of {', '.join(modes)}, or top-5 for each task's five likeliest experts"
        raise UsageError(f"no evaluation {value!r}", "--evaluation", mend)
    return value


@dataclass(frozen=True, kw_only=True)
class ExpertOptions:
    """Experts, gates and towers. A model ignores options that it does not have."""

    number: int | None = option(
        None,
        "Number of experts; in cgc of the common ones.",
        flag="--experts",
        within=_MANY,
        otherwise="8, in multi-cluster 20",
        of=_MIXING,
    )
    # By default all experts together are as wide as `ModelOptions.width`.
    widths: Option[str | int | Sequence[int] | None, tuple[int, ...] | None] = parsed(
        None,
        partial(parse_widths, flag="--expert-width"),
        "Width of each expert's layers, such as 64x32; of conv4 its filters.",
        flag="--expert-width",
        within=_WIDTHS,
        otherwise="one layer, at least 64 wide, all experts together as wide as width; conv4: 32",
        of=WITH_EXPERTS,
    )
    kind: ExpertKind = option(
        "mlp",
        "Kind of expert: layers (mlp), or four convolutions on raw pixels (conv4).",
        flag="--expert",
        of=WITH_EXPERTS,
    )
    tower: Option[str | int | Sequence[int] | None, tuple[int, ...]] = parsed(
        None,
        lambda value: parse_widths(value, "--tower-width") or (),
        "Width of each task's own layers above the experts, such as 8 or 64x32.",
        flag="--tower-width",
        within=_WIDTHS,
        otherwise="none, a linear head",
        of=WITH_EXPERTS,
    )
    gate: GateInput = option(
        "input", "What a gate weighs experts by: each input, or the task alone.", of=_GATED
    )
    # "all": a head a modality beside the mixed one, with gates and towers of its own, fed by the
    # experts when all else is hidden. Not `ModelOptions.heads`, which is the three-head net's.
    heads: Literal["mixed", "all"] = option(
        "mixed",
        "Heads: the mixed one, or all: one for each modality too, with its own gates and towers.",
        flag="--expert-heads",
        of=WITH_EXPERTS,
    )
    task_experts: int = option(
        2, "Number of each task's own experts.", within=Range(least=0, most=10_000), of=_CGC
    )
    levels: int = option(
        1, "Levels of experts; several make it PLE.", within=Range(least=1, most=100), of=_CGC
    )
    reads: Option[str | Sequence[str] | None, tuple[str, ...] | None] = parsed(
        None,
        partial(parse_list, flag="--reads"),
        "What the experts read, in turn: text;image;text+image, or columns: text[0:64].",
        otherwise="everything",
        of=WITH_EXPERTS,
    )
    image: Option[str | Sequence[int] | None, tuple[int, int, int] | None] = parsed(
        None,
        parse_image,
        "Height, width and channels of conv4's pixels, such as 32x32x3.",
        flag="--image-shape",
        otherwise="a square, of 1 or 3 channels",
        of=WITH_EXPERTS,
    )
    layout: Literal["hwc", "chw"] = option(
        "hwc",
        "Order of pixels: a pixel's channels side by side (hwc), or channel after channel (chw).",
        flag="--image-layout",
        of=WITH_EXPERTS,
    )
    estimator: EstimatorName = option(
        "leave-one-out",
        "How gates are learned. reinforce: the paper's, noisy; reinforce-mean: less a moving mean "
        "of the task's loss; hard-concrete and straight-through: biased.",
        of=STOCHASTIC,
    )
    samples: int = option(
        4,
        "Draws of the gates for each batch, for leave-one-out and disarm; the others take one.",
        flag="--gate-samples",
        within=_MANY,
        of=STOCHASTIC,
    )
    # λ, of the mean number of experts a task expects to use
    density_weight: float = option(
        0.1,
        "λ, the price of each expert that a task expects to use; 0: free.",
        flag="--density",
        within=Range(least=0, below=float("inf"), usual="0.1 is the paper's"),
        of=STOCHASTIC,
    )
    evaluation: Option[str, str] = parsed(
        "task-k",
        check_evaluation,
        "Which experts run once it is trained: task-k (each task's k likeliest, k = Σp), mean-k "
        "(one k for all), top-5 (five), round (p > ½), sample, all, soft (all, weighted by p).",
        of=STOCHASTIC,
    )


def top_k_of(evaluation: str) -> int | None:
    """Return K of "top-K", or None where the evaluation is another or K no number above 0."""
    number = evaluation.removeprefix(_TOP)
    is_number = number.isascii() and number.isdigit() and number != evaluation and len(number) < 10
    return int(number) or None if is_number else None


def expert_faults(options: ExpertOptions) -> list[AlsimError]:
    """Return what is wrong with the options, each and together."""
    faults = Faults()
    for name, one in options_of(ExpertOptions).items():
        faults.attempt(None, one.check_range, getattr(options, name))
    if options.widths == ():
        faults.add("no width", "--expert-width", "give one at least")
    if options.kind == "conv4" and len(options.widths or ()) > 1:
        what = "the four layers of conv4 have one number of filters"
        faults.add(what, "--expert-width", "give one number")
    if options.kind == "conv4" and options.levels > 1:
        mend = "use one level, or experts of kind mlp"
        faults.add("conv4 experts read pixels alone", "--levels", mend)
    if options.kind == "conv4" and options.reads is not None:
        mend = "leave it out, or use experts of kind mlp"
        faults.add("conv4 experts read all pixels", "--reads", mend)
    if options.estimator == "leave-one-out" and options.samples == 1:
        mend = "take 2 at least, or another estimator"
        faults.add("one sample leaves none out", "--gate-samples", mend)
    if options.estimator == "disarm" and options.samples > 0 and options.samples % 2:
        faults.add("disarm takes samples by pairs", "--gate-samples", "take an even number")
    return faults.kept
