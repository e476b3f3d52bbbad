"""From the arguments about experts to `ExpertOptions`, and which flag sets which of them."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from alsim.errors import UsageError
from alsim.models.table import MODELS
from alsim.options.experts import ExpertOptions
from alsim.options.faults import Faults
from alsim.options.types import LARGEST, shown
from alsim.parameters import number

# The flag that sets each field of ExpertOptions.
EXPERT_FLAGS: Mapping[str, str] = {
    "kind": "--expert",
    "number": "--experts",
    "widths": "--expert-width",
    "tower": "--tower-width",
    "gate": "--gate",
    "heads": "--expert-heads",
    "task_experts": "--task-experts",
    "levels": "--levels",
    "reads": "--reads",
    "image": "--image-shape",
    "layout": "--image-layout",
    "estimator": "--estimator",
    "samples": "--gate-samples",
    "density_weight": "--density",
    "evaluation": "--evaluation",
}
_GATED = ("omoe", "mmoe", "cgc")
_MIXING = ("cross-stitch", *_GATED, "multi-cluster")
_WITH_EXPERTS = ("single-task", "shared-bottom", *_MIXING)
# The models of the table that read a field; those of the other fields are all that have experts.
_READERS: Mapping[str, tuple[str, ...]] = {
    "number": _MIXING,
    "gate": _GATED,
    "task_experts": ("cgc",),
    "levels": ("cgc",),
    "estimator": ("multi-cluster",),
    "samples": ("multi-cluster",),
    "density_weight": ("multi-cluster",),
    "evaluation": ("multi-cluster",),
}


def build_experts(a: SimpleNamespace, faults: Faults) -> ExpertOptions | None:
    """Return what the arguments about experts mean; None where all are as they are by default.

    Args:
        a: The arguments, of the types that `alsim.run` annotates.
        faults: To which texts that mean nothing are added.
    """
    ask = faults.attempt
    options = ExpertOptions(
        kind=a.expert,
        number=a.experts,
        widths=ask(None, parse_widths, a.expert_width, EXPERT_FLAGS["widths"]),
        tower=ask(None, parse_widths, a.tower_width, EXPERT_FLAGS["tower"]) or (),
        gate=a.gate,
        heads=a.expert_heads,
        task_experts=a.task_experts,
        levels=a.levels,
        reads=ask(None, parse_reads, a.reads),
        image=ask(None, parse_image, a.image_shape),
        layout=a.image_layout,
        estimator=a.estimator,
        samples=a.gate_samples,
        density_weight=a.density,
        evaluation=a.evaluation,
    )
    return None if options == ExpertOptions() else options


def refuse_idle_flags(models: Sequence[str], options: ExpertOptions | None, faults: Faults) -> None:
    """Add a fault for each flag about experts that no model reads.

    What is as it is by default is not told, nor is anything if a plug-in is among the models.

    Args:
        models: Names of the models to be trained, without parameters.
        options: What was chosen about experts; None for the defaults.
        faults: Those found so far.
    """
    if options is None or any(name not in MODELS and name != "auto" for name in models):
        return
    standard = ExpertOptions()
    for field, flag in EXPERT_FLAGS.items():
        readers = readers_of(field)
        if getattr(options, field) != getattr(standard, field) and not {*models} & {*readers}:
            faults.add(
                f"it means nothing to {' or '.join(models)}",
                flag,
                f"leave it out, or choose --model {' or '.join(readers)}",
            )


def readers_of(field: str) -> tuple[str, ...]:
    """Return the models of the table that read a field of ExpertOptions."""
    return _READERS.get(field, _WITH_EXPERTS)


def parse_widths(value: str | int | Sequence[int] | None, flag: str) -> tuple[int, ...] | None:
    """Return the widths of layers in `64`, `64,32` or a sequence; None: as it is by default.

    Raises:
        UsageError: If a text holds something else.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        return (value,) if isinstance(value, int) else tuple(value)
    return _whole_numbers(value, ",", flag, "give the width of one layer (64) or of each (64,32)")


def parse_reads(value: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Return what the experts read in turn, in `text;image;text+image` or in a sequence.

    Raises:
        UsageError: If a text names nothing.
    """
    if value is None:
        return None
    parts = value.split(";") if isinstance(value, str) else value
    groups = tuple(part.strip() for part in parts)
    if not groups or not all(groups):
        mend = "name modalities: text;image;text+image, or columns of one: image[0:64]"
        raise UsageError(f"{shown(value)} leaves an expert nothing to read", "--reads", mend)
    return groups


def parse_image(value: str | Sequence[int] | None) -> tuple[int, int, int] | None:
    """Return height, width and channels in `32x32x3` or in a sequence.

    Raises:
        UsageError: If there are not three positive numbers.
    """
    if value is None:
        return None
    mend = "give height, width and channels: 32x32x3"
    numbers = (
        _whole_numbers(value, "x", "--image-shape", mend)
        if isinstance(value, str)
        else tuple(value)
    )
    if len(numbers) != 3 or min(numbers) < 1:
        raise UsageError(f"{shown(value)} is no shape of a picture", "--image-shape", mend)
    return numbers


def _whole_numbers(text: str, between: str, flag: str, mend: str) -> Any:
    """Return the numbers in a text, as a tuple.

    Raises:
        UsageError: If there are none, or something else.
    """
    try:
        numbers = tuple(number(part, int) for part in text.split(between))
    except ValueError:
        numbers = ()
    if not numbers or max(map(abs, numbers)) > LARGEST:
        raise UsageError(f"{shown(text)} holds no whole numbers", flag, mend)
    return numbers
