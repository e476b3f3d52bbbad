"""The gradients of one step, for direct and lockstep replicas."""

from collections.abc import Mapping

import torch
from torch import Tensor

from alsim.training.objective import TASK_WEIGHTS, Losses, Objective
from alsim.training.task_weighting import (
    gradnorm_slopes,
    normalised,
    without_conflicts,
)

FIRST_LOSSES = "first_losses"
BASELINES = "baselines"
BASELINE_MOMENTUM = 0.1  # of the newest step in the moving mean


def backward(
    losses: Losses,
    objective: Objective,
    parameters: Mapping[str, Tensor],
    buffers: Mapping[str, Tensor],
    order: Tensor | None,
) -> None:
    """Add the gradients of a step to those of the parameters.

    They are the gradients of the total loss, except for PCGrad, which combines the tasks' gradients
    itself. With GradNorm, the tasks' weights get the gradients of GradNorm's loss.

    Args:
        losses: The losses of R replicas, each tensor `(r, …)`.
        objective: For its structure.
        parameters: `(r, …)` each; for a direct replica without that axis.
        buffers: Likewise; GradNorm's first losses are stored there.
        order: The order in which PCGrad processes the tasks, `(r, t, t)`.

    Raises:
        ValueError: If PCGrad gets no order.
    """
    if objective.task_weighting == "pcgrad":
        if order is None:
            raise ValueError("pcgrad without an order of the tasks")
        _surgery(losses, list(parameters.values()), order)
        return
    if objective.task_weighting == "gradnorm":
        weights = parameters[TASK_WEIGHTS]
        first = buffers[FIRST_LOSSES]
        shape = losses.tasks.shape
        layer = [parameters[f"model.{name}"] for name in objective.shared_layer]
        norms = _of_each_task(losses, layer).square().sum(2).sqrt()
        with torch.no_grad():
            is_first = (losses.counted & first.view(shape).isnan()).view(first.shape)
            first.copy_(torch.where(is_first, losses.plain.view(first.shape).to(first), first))
            slopes = gradnorm_slopes(
                weights.view(shape), norms, losses.plain, first.view(shape), losses.counted
            )
        _add_gradient(weights, slopes)
    losses.total.sum().backward()


def normalise_task_weights(parameters: Mapping[str, Tensor]) -> None:
    """Rescale GradNorm's weights to a mean of 1, after a step."""
    weights = parameters.get(TASK_WEIGHTS)
    if weights is not None:
        with torch.no_grad():
            weights.copy_(normalised(weights))


@torch.no_grad()
def note_baselines(losses: Losses, objective: Objective, buffers: Mapping[str, Tensor]) -> None:
    """Update the moving mean of each task's loss, over rows and heads, with a step's losses.

    Later steps use it: a baseline may not depend on the samples of its own step. The first loss of
    a task starts its mean. Williams (1992) leaves the baseline open; the decay by 0.9 per step is
    our choice. Arguments as in `backward`.
    """
    mean = buffers.get(BASELINES)
    if mean is None:
        return
    n_heads = losses.plain.new_tensor([len(heads) for heads in objective.heads.values()])
    now = (losses.plain / n_heads).view(mean.shape).to(mean)
    moved = torch.where(mean.isnan(), now, mean + BASELINE_MOMENTUM * (now - mean))
    mean.copy_(torch.where(losses.counted.view(mean.shape), moved, mean))


def _surgery(losses: Losses, parameters: list[Tensor], order: Tensor) -> None:
    """Add the mean of the tasks' gradients after PCGrad's projection (`without_conflicts`).

    This takes one backward pass per task: with 20 tasks a step takes about ten times as long. The
    paper takes the sum. It projects the gradients of shared parameters. Here those are the numbers
    for which at least two tasks have a gradient in this batch, since one tensor can hold the gates
    or towers of several tasks; all other gradients are unchanged.
    """
    gradients = _of_each_task(losses, parameters)
    if losses.beside.requires_grad:
        losses.beside.sum().backward()
    shared = ((gradients != 0).sum(1) > 1).unsqueeze(1)
    mended = without_conflicts(gradients * shared, order.to(gradients.device))
    direction = (mended + gradients * ~shared).mean(1)
    start = 0
    for parameter in parameters:
        stop = start + parameter.numel() // len(gradients)
        _add_gradient(parameter, direction[:, start:stop])
        start = stop


def _of_each_task(losses: Losses, parameters: list[Tensor]) -> Tensor:
    """Return the gradient of each task's loss, over all parameters side by side, `(r, t, p)`."""
    r, n_tasks = losses.tasks.shape
    rows: list[Tensor] = []
    for task in range(n_tasks):
        found = torch.autograd.grad(
            losses.tasks[:, task].sum(), parameters, retain_graph=True, materialize_grads=True
        )
        rows.append(torch.cat([gradient.reshape(r, -1) for gradient in found], 1))
    return torch.stack(rows, 1)


def _add_gradient(parameter: Tensor, gradient: Tensor) -> None:
    gradient = gradient.reshape(parameter.shape).to(parameter.dtype)
    if parameter.grad is None:
        parameter.grad = gradient.clone()
    else:
        parameter.grad += gradient
