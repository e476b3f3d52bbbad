"""Weights of the losses of several tasks: the formulas, for R replicas at once."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from alsim.errors import UsageError
from alsim.models import ExpertNet
from alsim.models.experts import ConvExperts, MlpExperts
from alsim.models.plain import Mlp

DWA_TEMPERATURE = 2.0
GRADNORM_ALPHA = 1.5
LEAST_WEIGHT = 0.01  # of GradNorm, which must not change the sign of a task's loss


def dwa_weights(last: Tensor, before: Tensor, temperature: float = DWA_TEMPERATURE) -> Tensor:
    """Return each task's weight by dynamic weight averaging, `(r, t)`, summing to t.

    w_k = t · softmax(r_k / T), r_k = L_k(e − 1) / L_k(e − 2): a task whose loss falls slowly gets
    more weight. Liu et al. (2019), "End-to-End Multi-Task Learning with Attention", eq. 7. A task
    without a loss in one of the epochs counts as unchanged, r_k = 1.

    Args:
        last: `(r, t)` mean losses of the last epoch, not negative; NaN for a task without any.
        before: `(r, t)`, of the epoch before.
        temperature: T; the larger, the more even the weights.
    """
    is_known = (before > 0) & torch.isfinite(before) & torch.isfinite(last)
    ratios = torch.where(is_known, last / torch.where(is_known, before, 1), 1)
    return last.shape[1] * torch.softmax(ratios / temperature, 1)


def gradnorm_slopes(
    weights: Tensor,
    norms: Tensor,
    losses: Tensor,
    first: Tensor,
    counted: Tensor,
    alpha: float = GRADNORM_ALPHA,
) -> Tensor:
    """Return the gradient of GradNorm's loss with respect to the tasks' weights, `(r, t)`.

    L_grad = Σ_k |G_k − Ḡ · r_k^α|, G_k = w_k ‖∇L_k‖, r_k = (L_k / L_k(0)) over its mean, and
    Ḡ · r_k^α taken as constant; Chen et al. (2018), eq. 2 and algorithm 1. As G is linear in w, the
    gradient is ‖∇L_k‖ · sign(G_k − Ḡ · r_k^α). A task without a row in the batch is left out.

    Args:
        weights: w, `(r, t)`, positive.
        norms: ‖∇L_k‖ at the last shared layer, `(r, t)`, of the unweighted losses.
        losses: L_k, `(r, t)`, not negative.
        first: L_k(0), `(r, t)`, of the first batch with the task.
        counted: `(r, t)` bool, which tasks have rows in the batch.
        alpha: How strongly slow tasks are favoured; at 0 all G are made equal.
    """
    n = counted.sum(1, keepdim=True).clamp_min(1)
    scaled = weights * norms
    progress = torch.where(counted, losses / first.clamp_min(1e-12), 0)
    relative = progress * n / progress.sum(1, keepdim=True).clamp_min(1e-12)
    mean = torch.where(counted, scaled, 0).sum(1, keepdim=True) / n
    return torch.where(counted, norms * (scaled - mean * relative**alpha).sign(), 0)


def normalised(weights: Tensor) -> Tensor:
    """Return weights of at least 0.01, scaled to a mean of 1 over the tasks, the last axis.

    Departure: Chen et al. (2018) only normalise; a negative weight would then stay negative.
    """
    positive = weights.clamp_min(LEAST_WEIGHT)
    return positive / positive.mean(-1, keepdim=True)


def without_conflicts(gradients: Tensor, order: Tensor) -> Tensor:
    """Return the tasks' gradients, `(r, t, p)`, without their conflicts.

    For one task j after another: if the product of gradients i and j is negative, the projection of
    gradient i on gradient j is subtracted from it; j is always the original gradient. Row i of
    `order`, `(r, t, t)` int64, is the order of the tasks j for task i; j = i is ignored. Yu et al.
    (2020), "Gradient Surgery for Multi-Task Learning", algorithm 1.
    """
    # The results are linear combinations of the original gradients, so their products suffice.
    products = gradients @ gradients.mT
    squares = products.diagonal(dim1=1, dim2=2)
    itself = torch.arange(gradients.shape[1], device=gradients.device)
    shares = torch.eye(len(itself), dtype=gradients.dtype, device=gradients.device)
    shares = shares.repeat(len(gradients), 1, 1)
    for met in order.unbind(2):
        product = (shares @ products).gather(2, met.unsqueeze(2)).squeeze(2)
        opposed = (product < 0) & (met != itself)
        taken = torch.where(opposed, product / squares.gather(1, met).clamp_min(1e-30), 0)
        shares.scatter_add_(2, met.unsqueeze(2), -taken.unsqueeze(2))
    return shares @ gradients


def draw_orders(n_tasks: int, generators: Sequence[torch.Generator]) -> Tensor:
    """Return a random order of the t tasks for every task, `(r, t, t)` int64."""
    return torch.stack([torch.rand(n_tasks, n_tasks, generator=g).argsort(1) for g in generators])


def last_shared_layer(model: nn.Module) -> tuple[str, ...]:
    """Return the names of the weights of the last layer that all tasks share.

    For a net of experts it is the experts' last layer, for the mlp its last hidden layer.

    Raises:
        UsageError: If the model is another: its shared layers are not known.
    """
    prefix = ""
    if isinstance(model, ExpertNet):
        place = len(model.levels) - 1
        experts = model.levels[place].get_submodule("experts")
        if isinstance(experts, MlpExperts):
            prefix = f"levels.{place}.experts.layers.{len(experts.layers) - 1}."
        elif isinstance(experts, ConvExperts):
            each = range(len(experts.experts))
            return tuple(f"levels.{place}.experts.experts.{i}.3.weight" for i in each)
    elif isinstance(model, Mlp):
        prefix = f"rest.{len(model.rest) - 1}." if len(model.rest) else "first."
    names = [n for n, _ in model.named_parameters() if prefix and n.startswith(prefix)]
    found = tuple(name for name in names if name.endswith("weight"))
    if not found:
        raise UsageError(
            f"gradnorm does not know the last shared layer of a {type(model).__name__}",
            "--task-weighting gradnorm",
            "use mlp or a model of experts, or weight the tasks by dwa, uncertainty or pcgrad",
        )
    return found
