"""What a replica minimises: the heads' cross-entropies and how they are weighed."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alsim.models import MIXED, Inputs, ModelOptions, Outputs, Shape, build_model
from alsim.seeding import forked
from alsim.training.options import LossWeighting, TrainingOptions

LOG_VARIANCE = "log_variance"
LOG_VARIANCE_BOUND = 4.0  # a head weighs at most e⁴ ≈ 55


def masked_cross_entropy(
    logits: Tensor, labels: Tensor, class_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return each head's mean cross-entropy over the rows with a label, and their number.

    Args:
        logits: `(h, n, c)` float, of h heads.
        labels: `(h, n)` int64, −1 where the row does not count for the head.
        class_weights: `(c,)` float; the mean is then weighted, as in `nn.CrossEntropyLoss`.

    Returns:
        The losses `(h,)`, 0 with zero gradient when no row counts; and the counts `(h,)` int64.
    """
    losses = F.cross_entropy(
        logits.flatten(0, 1),
        labels.flatten(),
        weight=class_weights,
        ignore_index=-1,
        reduction="none",
    )
    known = labels >= 0
    counts = known.sum(1)
    if class_weights is None:
        weight = counts.clamp_min(1)
    else:
        weight = (class_weights[labels.clamp_min(0)] * known).sum(1)
        weight = torch.where(counts > 0, weight, 1)
    return losses.view(labels.shape).sum(1) / weight, counts


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
    ) -> None:
        super().__init__()
        self.model = model
        self.heads = dict(heads)
        self.terms = tuple((task, head) for task, names in heads.items() for head in names)
        self.modalities = modalities
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
    ) -> Tensor:
        """Return the loss of a batch, `()`.

        Args:
            inputs: The batch.
            labels: task -> `(n,)` int64, −1 where unknown.
            class_weights: task -> `(c,)` float; a task without an entry weighs all the same.
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
                    [
                        y if head == MIXED else torch.where(present[head] > 0, y, -1)
                        for head in heads
                    ]
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
        return loss.sum()

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
    return Objective(
        module,
        heads_of(module, shape),
        tuple(shape.widths),
        weighting=training.loss,
        fixed_weights=training.head_weights,
    )


def heads_of(model: nn.Module, shape: Shape) -> dict[str, tuple[str, ...]]:
    """Return the heads of each task, as the model itself names them."""
    zeros = Inputs(
        {name: torch.zeros(2, d) for name, d in shape.widths.items()},
        torch.ones(2, len(shape.widths)),
    )
    model.eval()
    with torch.no_grad():
        outputs: Outputs = model(zeros)
    return {task: tuple(logits) for task, logits in outputs.logits.items()}
