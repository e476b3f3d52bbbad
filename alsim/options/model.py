"""What can be chosen about a model."""

from dataclasses import dataclass
from typing import Literal

from alsim.options.experts import ExpertOptions

BlockKind = Literal["dense", "residual", "highway"]
FusionKind = Literal["concat", "attention", "bilinear"]


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The architecture. Options that a model does not have are ignored by it."""

    name: str = "auto"  # "auto": three-head for several modalities, mlp for one
    # Of every block and hidden layer, whatever the inputs: as wide as a narrow input, a net learns
    # less than a linear layer (`benchmarks/first_accuracy.py`).
    width: int = 256
    depth: int = 1  # hidden layers of the mlp
    dropout: float = 0.5  # applied in steps of 1/256
    blocks: BlockKind = "dense"
    fusion: FusionKind = "concat"
    heads: Literal["all", "mixed"] = "all"  # of three-head; experts have their own option
    encoders: tuple[str, ...] | None = None  # modalities with an encoder; None: the pool's pictures
    experts: ExpertOptions | None = None  # of the models that mix experts; None: the defaults

    def expert_options(self) -> ExpertOptions:
        """Return what is chosen about experts, gates and towers."""
        return self.experts or ExpertOptions()
