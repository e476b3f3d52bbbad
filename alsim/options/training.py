"""What can be chosen about training."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from alsim.options.option import Option, Range, option, parsed
from alsim.options.texts import parse_shares

LossWeighting = Literal["uncertainty", "sum", "fixed"]
TaskWeighting = Literal["equal", "uncertainty", "dwa", "gradnorm", "pcgrad"]
BatchRule = Literal["fixed", "adaptive", "upsample"]
OptimiserName = Literal["adam", "sgd"]
# Where no validation label ends the training, by benchmarks/without_validation.py.
UNSTOPPED_EPOCHS = 200


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """How a net is trained until it stops early."""

    heading: ClassVar = "Training"

    optimiser: OptimiserName = option(
        "adam", "Optimiser; sgd: without momentum, for comparison, with a rate of about 0.1."
    )
    learning_rate: float = option(
        1e-3,
        "Learning rate.",
        within=Range(above=0, below=math.inf, usual="1e-3 is usual"),
        often=True,
    )
    gate_learning_rate: float = option(
        5e-2,  # at 1e-3 a short training leaves such gates at ½
        "Learning rate of gates that see the task alone, such as multi-cluster's; 0.001 in its "
        "paper.",
        within=Range(above=0, below=math.inf, usual="5e-2 is usual"),
    )
    # The study's size, chosen there for its 50 classes.
    batch_size: int = option(512, "Largest mini-batch.", within=Range(least=1), often=True)
    batch_rule: BatchRule = option(
        "adaptive",
        "Sizes of mini-batches. fixed: the last one can be small; adaptive: all of one size; "
        "upsample: rows are repeated to fill the last.",
    )
    max_epochs: int = option(500, "Maximum epochs of the passive phase.", within=Range(least=1))
    patience: int = option(
        10,
        "Epochs without a better validation loss that end the passive phase.",
        within=Range(least=1),
    )
    loss: LossWeighting = option("uncertainty", "Weighting of the heads' losses.")
    head_weight: Option[Sequence[str] | Mapping[str, float], Mapping[str, float]] = parsed(
        (),
        partial(parse_shares, flag="--head-weight"),
        "Weight of a head's loss, with --loss fixed: mixed=1; repeat it for several.",
        repeat=True,
    )
    task_weighting: TaskWeighting = option(
        "equal",
        "Weighting of the losses of several tasks: equal; by learned σ (uncertainty); slow ones "
        "more (dwa, gradnorm); without gradients that oppose another task's (pcgrad).",
    )
    class_weights: Literal["none", "balanced"] = option(
        "none", "Weights of classes in the loss; balanced: rare classes count more."
    )
    precision: Literal["float32", "float64"] = option(
        "float32", "Floating-point type for training and scoring."
    )


@dataclass(frozen=True, kw_only=True)
class FineTuneOptions:
    """How a trained net goes on with further rows."""

    heading: ClassVar = "Training"

    epochs: int = option(1, "Epochs of fine-tuning a step.", within=Range(least=1), often=True)
    batch_norm: Literal["train", "frozen"] = option(
        "train", "Batch-norm statistics after the passive phase."
    )


@dataclass(frozen=True, kw_only=True)
class RetrainOptions:
    """Whether it goes on at all."""

    heading: ClassVar = "Training"

    retrain: bool = option(False, "Train from scratch each step.")


@dataclass(frozen=True, slots=True)
class LossPrediction:
    """The auxiliary net of learning loss, trained beside the model."""

    weight: float = 1.0  # λ, of the ranking loss beside the model's own
    margin: float = 1.0  # ξ of the ranking loss
    width: int = 128  # of what each layer is projected to
    # Of the passive phase's epochs, the first in which the ranking loss trains the model too (the
    # paper: 0.6). At 0 the model is what it would be alone, so that strategies share their start.
    share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(FitOptions, FineTuneOptions, RetrainOptions):
    """How the net is trained, in the passive phase and at each step."""

    sigma_learning_rate: float = 1e-2  # also of gradnorm's weights
    loss_prediction: LossPrediction | None = None  # None: no auxiliary net

    @property
    def most_epochs(self) -> int:
        """Return how many epochs a training with early stopping takes at most."""
        is_twice = self.loss_prediction is not None and self.loss_prediction.share > 0
        return self.max_epochs * (2 if is_twice else 1)

    def cuts_short(self, best_epoch: int) -> bool:
        """Return whether `max_epochs` ended a training with this best epoch, not its patience."""
        return best_epoch + self.patience > self.max_epochs
