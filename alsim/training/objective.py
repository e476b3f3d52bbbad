"""What a replica minimises: the heads' cross-entropies and how they are weighed."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from alsim.models import MIXED, Inputs, ModelOptions, Outputs, Shape, build_model
from alsim.seeding import forked
from alsim.training.cross_entropy import known_where, masked_cross_entropy, row_losses
from alsim.training.loss_prediction import LossPredictor, ranking_loss, readable
from alsim.training.options import LossWeighting, TrainingOptions

LOG_VARIANCE = "log_variance"
PREDICTOR = "predictor."  # how the names of a loss predictor's parameters begin
LOG_VARIANCE_BOUND = 4.0  # a head weighs at most e⁴ ≈ 55


class Objective(nn.Module):
    """A model and the weights of its heads' losses.

    With several heads or tasks, L = Σ_h L_h / σ_h² + Σ_h log σ_h with learned σ_h ("uncertainty":
    Kendall et al. 2018, eq. 10, without the ½, as the study prints it), the plain sum ("sum"), or
    Σ_h w_h L_h ("fixed"; 1 where no weight is given). With a single term it is the plain
    cross-entropy, whatever the weighting.

    At the optimum σ² = 2L, so a weight would explode as L → 0: what is learned is s = log σ²,
    and the optimiser clamps it to ±4 after each step (a clamp in here would kill its gradient).
    Both terms of a head are left out of a batch in which no row counts for it. The head of a
    modality counts rows that have the modality.

    With a loss predictor, λ times its ranking loss is added (Yoo & Kweon 2019, eq. 1). What it
    learns to rank are the mixed head's cross-entropies, without class weights; with several
    tasks a row's mean over those that are known.
    """

    log_variance: nn.Parameter | None
    fixed_weights: Tensor

    def __init__(
        self,
        model: nn.Module,
        heads: Mapping[str, tuple[str, ...]],
        modalities: tuple[str, ...],
        *,
        weighting: LossWeighting,
        fixed_weights: Mapping[str, float],
        predictor: LossPredictor | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.heads = dict(heads)
        self.terms = tuple((task, head) for task, names in heads.items() for head in names)
        self.modalities = modalities
        self.predictor = predictor
        self.weighting: LossWeighting = weighting if len(self.terms) > 1 else "sum"
        weights = [fixed_weights.get(head, 1.0) for _, head in self.terms]
        self.register_buffer("fixed_weights", torch.tensor(weights), persistent=False)
        learned = self.weighting == "uncertainty"
        self.log_variance = nn.Parameter(torch.zeros(len(self.terms))) if learned else None

    def forward(
        self,
        inputs: Inputs,
        labels: Mapping[str, Tensor],
        class_weights: Mapping[str, Tensor],
        *,
        joint: bool = False,
    ) -> Tensor:
        """Return the loss of a batch, `()`.

        Args:
            inputs: The batch.
            labels: task -> `(n,)` int64, −1 where unknown; or `(n, c)` bool, the classes that are
                still possible.
            class_weights: task -> `(c,)` float; a task without an entry weighs all the same.
            joint: Whether the ranking loss of a loss predictor trains the model too; else its
                gradient stops at the layers that are read.
        """
        outputs: Outputs = self.model(inputs)
        present = dict(zip(self.modalities, inputs.present.unbind(1), strict=True))
        losses: list[Tensor] = []
        counts: list[Tensor] = []
        for task, heads in self.heads.items():
            y = labels[task]
            loss, count = masked_cross_entropy(
                torch.stack([outputs.logits[task][head] for head in heads]),
                torch.stack(
                    [y if head == MIXED else known_where(y, present[head] > 0) for head in heads]
                ),
                class_weights.get(task),
            )
            losses.append(loss)
            counts.append(count)
        loss = torch.cat(losses)
        if self.log_variance is not None:
            s = self.log_variance
            loss = torch.exp(-s) * loss + 0.5 * s * (torch.cat(counts) > 0)
        elif self.weighting == "fixed":
            loss = self.fixed_weights * loss
        total = loss.sum()
        if self.predictor is None:
            return total
        layers = readable(outputs)
        predicted = self.predictor(layers if joint else [layer.detach() for layer in layers])
        target, known = _target(outputs, labels)
        options = self.predictor.options
        return total + options.weight * ranking_loss(
            predicted, target, known, margin=options.margin
        )

    def loss_predictor(self) -> LossPredictor:
        """Return the loss predictor.

        Raises:
            ValueError: If there is none.
        """
        if self.predictor is None:
            raise ValueError("no loss predictor: the training options do not ask for one")
        return self.predictor

    def sigmas(self, log_variance: Tensor) -> dict[tuple[str, str], float]:
        """Return σ of each (task, head) for one replica's `log_variance`, `(terms,)`."""
        return {
            term: math.exp(0.5 * s)
            for term, s in zip(self.terms, log_variance.tolist(), strict=True)
        }


def make_objective(
    shape: Shape, model: ModelOptions, training: TrainingOptions, *, generator: torch.Generator
) -> Objective:
    """Return a freshly initialised model with its loss."""
    with forked(generator):
        module = build_model(shape, model)
    outputs = _outputs_of_zeros(module, shape)
    predictor = None
    if training.loss_prediction is not None:
        # After the model, whose initial parameters must not depend on it.
        with forked(generator):
            predictor = LossPredictor(
                [layer.shape[1] for layer in readable(outputs)], training.loss_prediction
            )
    return Objective(
        module,
        {task: tuple(heads) for task, heads in outputs.logits.items()},
        tuple(shape.widths),
        weighting=training.loss,
        fixed_weights=training.head_weights,
        predictor=predictor,
    )


def _target(outputs: Outputs, labels: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return what a loss predictor learns to rank, `(n,)`, and which rows count, `(n,)` bool."""
    pairs = [row_losses(outputs.logits[task][MIXED].detach(), y) for task, y in labels.items()]
    losses = torch.stack([losses for losses, _ in pairs]).sum(0)
    n_known = torch.stack([known for _, known in pairs]).sum(0)
    return losses / n_known.clamp_min(1), n_known > 0


def _outputs_of_zeros(model: nn.Module, shape: Shape) -> Outputs:
    """Return what a model says of two rows of zeros: which heads it has, and its widths."""
    zeros = Inputs(
        {name: torch.zeros(2, d) for name, d in shape.widths.items()},
        torch.ones(2, len(shape.widths)),
    )
    model.eval()
    with torch.no_grad():
        return model(zeros)
