"""The gradients of one step, for either way of having replicas."""

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

    Those of the total loss, but for PCGrad, which makes up its own; for GradNorm the tasks' weights
    get that of their own loss.

    Args:
        losses: Of R replicas, each tensor `(r, …)`.
        objective: For its structure.
        parameters: `(r, …)` each, or of a single replica without that axis.
        buffers: In the same shape; GradNorm's first losses are noted there.
        order: In which order PCGrad's tasks meet, `(r, t, t)`.

    Raises:
        ValueError: If there is no order for PCGrad.
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
    """Bring GradNorm's weights back to a mean of 1, after a step."""
    weights = parameters.get(TASK_WEIGHTS)
    if weights is not None:
        with torch.no_grad():
            weights.copy_(normalised(weights))


@torch.no_grad()
def note_baselines(losses: Losses, objective: Objective, buffers: Mapping[str, Tensor]) -> None:
    """Take a step's losses into the moving mean of each task's, over rows and heads.

    It serves later steps alone: a baseline may not depend on the samples that it is taken from.
    The first loss of a task starts its mean. Williams (1992) leaves the baseline open; that it
    decays by 0.9 a step is our choice.

    Args:
        losses: Of R replicas, each tensor `(r, …)`.
        objective: For its structure.
        buffers: `(r, …)` each, or of a single replica without that axis.
    """
    mean = buffers.get(BASELINES)
    if mean is None:
        return
    n_heads = losses.plain.new_tensor([len(heads) for heads in objective.heads.values()])
    now = (losses.plain / n_heads).view(mean.shape).to(mean)
    moved = torch.where(mean.isnan(), now, mean + BASELINE_MOMENTUM * (now - mean))
    mean.copy_(torch.where(losses.counted.view(mean.shape), moved, mean))


def _surgery(losses: Losses, parameters: list[Tensor], order: Tensor) -> None:
    """Add the mean of the tasks' gradients, each without what opposes another's.

    That takes a backward pass a task: with 20 tasks a step is some ten times as long.
    The paper takes their sum. It mends the gradients of shared parameters; here these are the
    numbers of which at least two tasks have a gradient in this batch, since one tensor can hold
    the gates or towers of several tasks. The others' gradients stay as they are.
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
    """Return the gradient of each task's loss, all parameters side by side, `(r, t, p)`."""
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
