"""What can be chosen about training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

LossWeighting = Literal["uncertainty", "sum", "fixed"]
TaskWeighting = Literal["equal", "uncertainty", "dwa", "gradnorm", "pcgrad"]


BatchRule = Literal["fixed", "adaptive", "upsample"]
OptimiserName = Literal["adam", "sgd"]


@dataclass(frozen=True, slots=True)
class LossPrediction:
    """The auxiliary net of learning loss, trained beside the model."""

    weight: float = 1.0  # λ, of the ranking loss beside the model's own
    margin: float = 1.0  # ξ of the ranking loss
    width: int = 128  # of what each layer is projected to
    # Of the passive phase's epochs, the first in which the ranking loss trains the model too (the
    # paper: 0.6). At 0 the model is what it would be alone, so that strategies share their start.
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How the net is trained, in the passive phase and at each step."""

    optimiser: OptimiserName = "adam"  # sgd: without momentum, for comparison
    learning_rate: float = 1e-3
    batch_size: int = 512  # the study's, chosen there for its 50 classes
    batch_rule: BatchRule = "adaptive"
    max_epochs: int = 500  # passive phase
    patience: int = 10  # epochs without a better validation loss before the passive phase ends
    epochs: int = 1  # a step of the active phase
    retrain: bool = False  # each step from scratch, like a passive phase
    batch_norm: Literal["train", "frozen"] = "train"  # in the active phase
    loss: LossWeighting = "uncertainty"  # of a task's heads
    task_weighting: TaskWeighting = "equal"  # of several tasks; "equal": the mean of their losses
    head_weights: Mapping[str, float] = field(default_factory=dict[str, float])  # for "fixed"
    sigma_learning_rate: float = 1e-2  # also of gradnorm's weights
    gate_learning_rate: float = 5e-2  # of gates by task: at 1e-3 a short training leaves them at ½
    class_weights: Literal["none", "balanced"] = "none"
    precision: Literal["float32", "float64"] = "float32"
    loss_prediction: LossPrediction | None = None  # None: no auxiliary net

    def cuts_short(self, best_epoch: int) -> bool:
        """Return whether `max_epochs` ended a training with this best epoch, not its patience."""
        return best_epoch + self.patience > self.max_epochs
