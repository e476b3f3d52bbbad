"""What can be chosen about a model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from alsim.errors import UsageError, nearest
from alsim.models.blocks import BlockKind
from alsim.models.expert_options import ExpertOptions
from alsim.models.fusion import FusionKind

_PICTURE_WORDS = ("image", "picture", "photo", "img")


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The architecture. Options that a model does not have are ignored by it."""

    name: str = "auto"  # "auto": three-head for several modalities, mlp for one
    width: int | None = None  # of every block and hidden layer; None: see `width_for`
    depth: int = 1  # hidden layers of the mlp
    dropout: float = 0.5  # applied in steps of 1/256
    blocks: BlockKind = "dense"
    fusion: FusionKind = "concat"
    heads: Literal["all", "mixed"] = "all"  # of three-head; experts have their own option
    encoders: tuple[str, ...] | None = None  # modalities with an encoder; None: the pictures
    experts: ExpertOptions | None = None  # of the models that mix experts; None: the defaults

    def expert_options(self) -> ExpertOptions:
        """Return what is chosen about experts, gates and towers."""
        return self.experts or ExpertOptions()

    def width_for(self, widths: Iterable[int]) -> int:
        """Return the width of the blocks: by default the widest modality's, at most 256."""
        return min(256, max(widths)) if self.width is None else self.width

    def encoded(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """Return the modalities that pass an encoder before their block.

        By default those whose name speaks of a picture: in the study "the picture is encoded".

        Raises:
            UsageError: If `encoders` names a modality that the pool does not have.
        """
        if self.encoders is None:
            return tuple(m for m in modalities if any(w in m.lower() for w in _PICTURE_WORDS))
        for name in self.encoders:
            if name not in modalities:
                raise UsageError(
                    f"no modality {name!r} to encode", "--encoder", nearest(name, modalities)
                )
        return self.encoders
