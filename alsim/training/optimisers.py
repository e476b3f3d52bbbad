"""Optimisers for stacked replicas, each with its own step count, and for a single replica.

No class of torch's is constructed: the first construction imports `torch._dynamo`, which takes two
seconds and 75 MB.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim.adam import adam

from alsim.options.training import OptimiserName

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
# MKL's square root takes twenty times longer for zeros, the moments of weights that never had a
# gradient, such as those of a pixel that is always dark. This is negligible compared with EPS².
TINY = 1e-36


class StackedAdam:
    """Adam (Kingma & Ba 2015, algorithm 1) over parameters `(r, …)`, with a step count each.

    `torch.optim.Adam` has one step count per tensor, so it cannot hold replicas whose best epochs
    differ. All operations here are elementwise, so a replica's bits do not depend on the other
    replicas, as they would in torch's fused kernel.
    """

    def __init__(self, parameters: Mapping[str, Tensor], rates: Mapping[str, float]) -> None:
        self.parameters = dict(parameters)
        self.rates = dict(rates)
        first = next(iter(self.parameters.values()))
        self.steps = torch.zeros(first.shape[0], dtype=torch.float64, device=first.device)
        self.first = {k: torch.zeros_like(v) for k, v in self.parameters.items()}
        self.second = {k: torch.zeros_like(v) for k, v in self.parameters.items()}

    @torch.no_grad()
    def step(self) -> None:
        """Take one step down the gradients; a parameter without one stays as it is."""
        self.steps += 1
        correction1 = 1 - BETA1**self.steps
        correction2 = (1 - BETA2**self.steps).sqrt()
        for name, parameter in self.parameters.items():
            gradient = parameter.grad
            if gradient is None:
                continue
            shape = (-1, *[1] * (parameter.ndim - 1))
            first = self.first[name].lerp_(gradient, 1 - BETA1)
            second = self.second[name].mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
            root = second.add(TINY).sqrt_()
            root.div_(correction2.to(parameter.dtype).view(shape)).add_(EPS)
            rate = (self.rates[name] / correction1).to(parameter.dtype).view(shape)
            parameter.sub_(torch.div(first, root, out=root).mul_(rate))


class StackedSgd(StackedAdam):
    """Stochastic gradient descent without momentum, with the same interface; moments stay 0."""

    @torch.no_grad()
    def step(self) -> None:
        """Take one step down the gradients; a parameter without one stays as it is."""
        for name, parameter in self.parameters.items():
            if parameter.grad is not None:
                parameter.sub_(parameter.grad, alpha=self.rates[name])


STACKED: Mapping[OptimiserName, type[StackedAdam]] = {"adam": StackedAdam, "sgd": StackedSgd}


class FlatAdam:
    """Adam on one vector of parameters and gradients: torch's fused kernel."""

    def __init__(self, values: Tensor, gradients: Tensor, rate: float) -> None:
        self.values = values
        self.gradients = gradients
        self.rate = rate
        self.steps = torch.zeros((), dtype=torch.float32, device=values.device)
        self.first = torch.zeros_like(values)
        self.second = torch.zeros_like(values)

    @torch.no_grad()
    def step(self) -> None:
        """Take one step down the gradients."""
        adam(
            [self.values], [self.gradients], [self.first], [self.second], [], [self.steps],
            fused=True, amsgrad=False, beta1=BETA1, beta2=BETA2, lr=self.rate, weight_decay=0.0,
            eps=EPS, maximize=False,
        )  # fmt: skip


class FlatSgd(FlatAdam):
    """Stochastic gradient descent without momentum; its moments and its steps stay zero."""

    @torch.no_grad()
    def step(self) -> None:
        """Take one step down the gradients."""
        self.values.add_(self.gradients, alpha=-self.rate)


FLAT: Mapping[OptimiserName, type[FlatAdam]] = {"adam": FlatAdam, "sgd": FlatSgd}
