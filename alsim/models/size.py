"""The size of a model: parameters, multiply-adds, and the width for a given size."""

from dataclasses import replace

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from alsim.models.expert_net import ExpertNet
from alsim.models.interface import Inputs, Shape
from alsim.models.table import build_model
from alsim.options.model import ModelOptions


def n_parameters(module: nn.Module) -> int:
    """Return the number of trained parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def active_flops(module: nn.Module, shape: Shape, task: str | None = None) -> int:
    """Return the multiply-adds of a forward pass in evaluation, per row.

    Products and convolutions count, elementwise operations do not. Experts that no task uses do not
    count. `shape` is the one that the model was built for. With `task` only this task's net counts;
    only models of experts can be cut to it.

    Raises:
        ValueError: If the model cannot be cut to one task.
    """
    if isinstance(module, ExpertNet):
        module = module.pruned(None if task is None else [task])
    elif task is not None:
        raise ValueError(f"a {type(module).__name__} cannot be cut to one task")
    like = next(module.parameters())
    row = Inputs(
        {name: like.new_zeros(1, d) for name, d in shape.widths.items()},
        like.new_ones(1, len(shape.widths)),
    )
    was_training = module.training
    module.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(row)
    module.train(was_training)
    return counter.get_total_flops() // 2  # a multiply-add counts as two operations


def with_width(options: ModelOptions, width: int) -> ModelOptions:
    """Return the options with this width for every block, hidden layer and expert layer."""
    experts = options.expert_options()
    n_layers = len(experts.widths or (width,))
    return replace(options, width=width, experts=replace(experts, widths=(width,) * n_layers))


def size_of(shape: Shape, options: ModelOptions) -> int:
    """Return how many parameters a model would have, without allocating or drawing them."""
    with torch.device("meta"):
        return n_parameters(build_model(shape, options))


def match_width(shape: Shape, options: ModelOptions, n: int) -> int:
    """Return the width, at least 1, whose number of parameters is closest to `n`.

    Ties go to the smaller width. Nothing is allocated or drawn.
    """

    def size(width: int) -> int:
        return size_of(shape, with_width(options, width))

    high = 1
    while size(high) < n:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) < n else (low, middle)
    return low if low and n - size(low) <= size(high) - n else high
