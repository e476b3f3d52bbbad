"""The objective that a replica minimises: the losses of heads and tasks, and their weights."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from alsim.models import MIXED, ExpertNet, Inputs, Outputs, Shape, build_model
from alsim.options.model import ModelOptions
from alsim.options.training import LossWeighting, TaskWeighting, TrainingOptions
from alsim.seeding import forked
from alsim.training.gate_losses import (
    density_penalty,
    first_sample,
    sampled_gates,
    wants_baselines,
)
from alsim.training.head_losses import LabelledBatch, head_losses, own_head_losses
from alsim.training.loss_prediction import LossPredictor, ranking_loss, readable
from alsim.training.losses import row_losses
from alsim.training.task_weighting import last_shared_layer

LOG_VARIANCE = "log_variance"
TASK_WEIGHTS = "task_weights"
PREDICTOR = "predictor."  # prefix of the names of a loss predictor's parameters
LOG_VARIANCE_BOUND = 4.0  # a head's weight is at most e⁴ ≈ 55


class Losses(NamedTuple):
    """The losses of a batch."""

    total: Tensor  # (), the minimised loss
    tasks: Tensor  # (t,), each task's loss before the tasks' weights
    plain: Tensor  # (t,), the sum of its heads' losses, unweighted and without gradient
    counted: Tensor  # (t,) bool, which tasks have a row in the batch
    beside: Tensor  # (), terms of no task: the gates' density, a loss predictor's loss


class Objective(nn.Module):
    """A model and the weights of its heads' and tasks' losses.

    A head's loss is its mean over the rows that count for it (`losses`). A task with several heads
    has the loss L = Σ_h L_h / σ_h² + Σ_h log σ_h with learned σ_h ("uncertainty": Kendall et al.
    2018, eq. 10, without the ½, as printed in the study), the plain sum ("sum"), or Σ_h w_h L_h
    ("fixed"; w_h = 1 if not given). With a single head it is the head's loss.

    The total of t tasks is the mean of their losses, so that neither the step nor the share of the
    additional terms grows with t; a task without a row in the batch adds 0 to the sum.
    `task_weighting` makes it a weighted mean: "uncertainty" has a learned σ for each task and head,
    for a regression target L / 2σ² + log σ (Kendall et al. 2018, eq. 7); "dwa" gets its weights as
    an argument; "gradnorm" learns them. "pcgrad" takes the mean and changes its gradient
    (`descent`). If heads have σ, they weight "equal" tasks, too.

    At the optimum σ² = 2L (for a target L), so a weight would explode as L → 0. Hence s = log σ² is
    learned and clamped to ±4 after each step (a clamp in the loss would block its gradient). If no
    row of a batch counts for a head, both of its terms are left out. For a modality's head, rows
    with this modality count.

    With a loss predictor, λ times its ranking loss is added (Yoo & Kweon 2019, eq. 1). It learns to
    rank the mixed head's losses, without class weights; with several tasks, a row's mean over its
    known labels.

    A model with stochastic gates is trained under samples of them (`gate_losses`), and λ times its
    density is added; a loss predictor then learns from the first sample.
    """

    log_variance: nn.Parameter | None
    task_weights: nn.Parameter | None
    fixed_weights: Tensor
    baselines: Tensor | None

    def __init__(
        self,
        model: nn.Module,
        heads: Mapping[str, tuple[str, ...]],
        modalities: tuple[str, ...],
        *,
        weighting: LossWeighting,
        fixed_weights: Mapping[str, float],
        task_weighting: TaskWeighting = "equal",
        predictor: LossPredictor | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.heads = dict(heads)
        self.terms = tuple((task, head) for task, names in heads.items() for head in names)
        self.modalities = modalities
        self.predictor = predictor
        n_tasks = len(self.heads)
        self.weighting: LossWeighting = weighting if len(self.terms) > n_tasks else "sum"
        self.task_weighting: TaskWeighting = task_weighting if n_tasks > 1 else "equal"
        weights = [fixed_weights.get(head, 1.0) for _, head in self.terms]
        self.register_buffer("fixed_weights", torch.tensor(weights), persistent=False)
        learned = "uncertainty" in (self.weighting, self.task_weighting)
        self.log_variance = nn.Parameter(torch.zeros(len(self.terms))) if learned else None
        self.task_weights = None
        self.shared_layer: tuple[str, ...] = ()  # parameters whose gradients gradnorm compares
        if self.task_weighting == "gradnorm":
            self.task_weights = nn.Parameter(torch.ones(n_tasks))
            self.shared_layer = last_shared_layer(model)
            self.register_buffer("first_losses", torch.full((n_tasks,), torch.nan))
        unknown = torch.full((n_tasks,), torch.nan) if wants_baselines(model) else None
        self.register_buffer("baselines", unknown)  # of the gates' estimator, updated at each step

    @property
    def takes_own(self) -> bool:
        """Return whether only each row's own task can be computed (`Inputs.own`).

        A loss predictor needs the mixtures of all tasks.
        """
        is_of_experts = isinstance(self.model, ExpertNet) and self.predictor is None
        return is_of_experts and len(self.heads) > 1

    def forward(
        self,
        inputs: Inputs,
        labels: Mapping[str, Tensor],
        class_weights: Mapping[str, Tensor],
        task_weights: Mapping[str, Tensor] | None = None,
        *,
        joint: Tensor | None = None,
    ) -> Losses:
        """Return the losses of a batch.

        Args:
            inputs: The batch; with `Inputs.own` only if `takes_own`.
            labels: task -> `(n,)` int64, −1 if unknown; or `(n, c)` bool, the classes still
                possible; or, for a target, `(n,)` float, NaN if unknown.
            class_weights: task -> `(c,)` float; without an entry all weights are equal.
            task_weights: task -> `()`, the weights of "dwa"; empty for other methods.
            joint: `()`, 1 if the ranking loss also trains the model, else 0; None: 0.
        """
        outputs: Outputs = self.model(inputs)
        present = dict(zip(self.modalities, inputs.present.unbind(1), strict=True))
        heads = next(iter(self.heads.values()))
        sampled = sampled_gates(self.model, heads, inputs.own, self.baselines)
        batch = LabelledBatch(self.heads, labels, present, class_weights)
        losses, counts = (
            head_losses(outputs, batch, sampled)
            if inputs.own is None
            else own_head_losses(outputs, batch, sampled, inputs.own)
        )
        plain, counted = self._by_task(losses.detach()), counts > 0
        tasks = self._by_task(self._weigh_heads(losses, counted, labels))
        total = self._combine(tasks, task_weights or {})
        beside: list[Tensor] = []
        penalty = density_penalty(self.model)
        if penalty is not None:
            beside.append(penalty)
        if self.predictor is not None:
            if sampled:
                outputs = first_sample(outputs)
            predicted = self.predictor([_partly(layer, joint) for layer in readable(outputs)])
            target, known = _target(outputs, labels)
            options = self.predictor.options
            ranking = ranking_loss(predicted, target, known, margin=options.margin)
            beside.append(options.weight * ranking)
        for part in beside:
            total = total + part
        return Losses(
            total,
            tasks,
            plain,
            self._by_task(counted.to(plain.dtype)) > 0,
            torch.stack(beside).sum() if beside else total.new_zeros(()),
        )

    def _weigh_heads(self, losses: Tensor, counted: Tensor, labels: Mapping[str, Tensor]) -> Tensor:
        """Return each head's term of its task's loss, `(terms,)`."""
        if self.weighting == "fixed":
            losses = self.fixed_weights * losses
        if self.log_variance is None:
            return losses
        if any(y.is_floating_point() for y in labels.values()):
            halves = [0.5 if labels[task].is_floating_point() else 1.0 for task, _ in self.terms]
            losses = losses.new_tensor(halves) * losses
        s = self.log_variance
        return torch.exp(-s) * losses + 0.5 * s * counted

    def _combine(self, tasks: Tensor, given: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted mean of the tasks' losses, `(t,)`, `()`."""
        if len(tasks) == 1:
            return tasks[0]
        if self.task_weights is not None:
            tasks = self.task_weights.detach() * tasks
        elif given:
            tasks = torch.stack([given[task] for task in self.heads]) * tasks
        return tasks.mean()

    def _by_task(self, terms: Tensor) -> Tensor:
        """Return the sum over the heads of each task, `(t,)`."""
        if len(self.terms) == len(self.heads):
            return terms
        of_tasks = terms.split([len(heads) for heads in self.heads.values()])
        return torch.stack([heads.sum() for heads in of_tasks])

    def loss_predictor(self) -> LossPredictor:
        """Return the loss predictor.

        Raises:
            ValueError: If there is none.
        """
        if self.predictor is None:
            raise ValueError("no loss predictor: the training options have none")
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
    """Return a freshly initialised model with its loss.

    Raises:
        UsageError: If the model cannot be made, or gradnorm does not support it.
    """
    with forked(generator):
        module = build_model(shape, model)
    outputs = _outputs_of_zeros(module, shape)
    predictor = None
    if training.loss_prediction is not None:
        # Made after the model, whose initial parameters must not depend on it.
        with forked(generator):
            predictor = LossPredictor(
                [layer.shape[1] for layer in readable(outputs)], training.loss_prediction
            )
    return Objective(
        module,
        {task: tuple(heads) for task, heads in outputs.logits.items()},
        tuple(shape.widths),
        weighting=training.loss,
        fixed_weights=training.head_weight,
        task_weighting=training.task_weighting,
        predictor=predictor,
    )


def _partly(layer: Tensor, joint: Tensor | None) -> Tensor:
    """Return the same numbers with the gradient times `joint`; None: without gradient."""
    fixed = layer.detach()
    return fixed if joint is None else joint * layer + (1 - joint) * fixed


def _target(outputs: Outputs, labels: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the losses that a loss predictor ranks, `(n,)`, and which rows count, `(n,)` bool."""
    pairs = [row_losses(outputs.logits[task][MIXED].detach(), y) for task, y in labels.items()]
    losses = torch.stack([losses for losses, _ in pairs]).sum(0)
    n_known = torch.stack([known for _, known in pairs]).sum(0)
    return losses / n_known.clamp_min(1), n_known > 0


def _outputs_of_zeros(model: nn.Module, shape: Shape) -> Outputs:
    """Return a model's outputs for two rows of zeros, which show its heads and widths."""
    zeros = Inputs(
        {name: torch.zeros(2, d) for name, d in shape.widths.items()},
        torch.ones(2, len(shape.widths)),
    )
    model.eval()
    with torch.no_grad():
        return model(zeros)
