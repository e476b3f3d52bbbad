"""What can be chosen about a model: the parameters in its brackets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from alsim.options.experts import WITH_EXPERTS, ExpertOptions
from alsim.options.option import Option, Range, option, options_of, parsed
from alsim.options.texts import parse_list
from alsim.parameters import refuse_repeats

BlockKind = Literal["dense", "residual", "highway"]
FusionKind = Literal["concat", "attention", "bilinear"]

AUTO = ("three-head", "mlp")  # what "auto" may become
_NOT_LINEAR = (*AUTO, *WITH_EXPERTS)
_THREE_HEAD = ("three-head",)


def _encoders(value: str | Sequence[str] | None) -> tuple[str, ...] | None:
    names = () if value == "none" else parse_list(value, "--encoder")
    refuse_repeats("--encoder", names or ())
    return names


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The architecture. A model ignores options that it does not have."""

    name: str = "auto"  # "auto": three-head for several modalities, mlp for one
    # Whatever the inputs: as wide as a narrow input, a net learns less than a linear layer
    # (`benchmarks/first_accuracy.py`).
    width: int = option(
        256, "Width of blocks and hidden layers.", within=Range(least=1, most=1 << 14),
        of=_NOT_LINEAR,
    )  # fmt: skip
    depth: int = option(1, "Hidden layers.", within=Range(least=1, most=100), of=("mlp",))
    dropout: float = option(
        0.5, "Dropout, in steps of 1/256.", within=Range(least=0, below=1), of=_NOT_LINEAR
    )
    blocks: BlockKind = option("dense", "Kind of its blocks.", of=_THREE_HEAD)
    fusion: FusionKind = option("concat", "Fusion of its modalities.", of=_THREE_HEAD)
    heads: Literal["all", "mixed"] = option(
        "all", "Heads: one for each modality beside the mixed one (all), or that one alone.",
        of=_THREE_HEAD,
    )  # fmt: skip
    encoders: Option[str | Sequence[str] | None, tuple[str, ...] | None] = parsed(
        None,
        _encoders,
        "Modalities with an encoder before their block, joined by a semicolon; none: no modality.",
        flag="--encoder",
        otherwise="those that the pool's metadata calls pictures",
        of=_THREE_HEAD,
    )
    experts: ExpertOptions | None = None  # of the models that mix experts; None: the defaults

    def expert_options(self) -> ExpertOptions:
        """Return what is chosen about experts, gates and towers."""
        return self.experts or ExpertOptions()


# Once flags, now parameters: what to write instead.
MOVED = {
    parameter.flag: f'write it in brackets: --model "{parameter.models[0]}({parameter.key}=…)"'
    for group in (ModelOptions, ExpertOptions)
    for parameter in options_of(group).values()
}
