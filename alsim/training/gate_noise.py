"""The noise of stochastic gates, from each replica's own stream."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from alsim.models.multi_cluster import StochasticGate
from alsim.training.gate_estimators import ESTIMATORS


class NoiseSite(NamedTuple):
    """The stochastic gates of one head of a model."""

    buffer: str
    samples: int  # k
    n_tasks: int
    n_experts: int
    is_antithetic: bool = False  # the second half of the samples mirrors the first

    def of_one_task(self) -> "NoiseSite":
        """Return the gates for batches in which each row has only its own task."""
        return self._replace(n_tasks=1)


def noise_sites(module: nn.Module) -> list[NoiseSite]:
    """Return the stochastic gates of a module, in order."""
    return [
        NoiseSite(
            f"{name}.noise",
            1 if ESTIMATORS[gate.estimator].takes_one_sample else gate.samples,
            gate.logits.shape[0],
            gate.logits.shape[1],
            ESTIMATORS[gate.estimator].is_antithetic,
        )
        for name, gate in module.named_modules()
        if isinstance(gate, StochasticGate)
    ]


def draw_noise(
    sites: Sequence[NoiseSite], n: int, dtype: torch.dtype, generators: Sequence[torch.Generator]
) -> Mapping[str, Tensor]:
    """Return uniform noise in [0, 1] for each site, buffer name -> `(r, k, n, t, e)`.

    Each of n rows and each task has its own gates. The noise is always drawn in float32; each of
    the replicas' generators draws its own, site after site.
    """
    return {
        site.buffer: torch.stack([_draw(site, n, generator=g) for g in generators]).to(dtype)
        for site in sites
    }


def member_noise(
    site: NoiseSite, k: int, dtype: torch.dtype, generators: Sequence[torch.Generator]
) -> Mapping[str, Tensor]:
    """Return the noise of k committee members, buffer name -> `(r, k, 1, 1, t, e)`.

    A member has one sample of the gates for all rows, so it is one model for every task. The noise
    is always drawn in float32, by one generator per replica, on the CPU.
    """
    shape = (k, 1, 1, site.n_tasks, site.n_experts)
    return {
        site.buffer: torch.stack([torch.rand(shape, generator=g) for g in generators]).to(dtype)
    }


def _draw(site: NoiseSite, n: int, *, generator: torch.Generator) -> Tensor:
    k = site.samples // 2 if site.is_antithetic else site.samples
    shape = (k, n, site.n_tasks, site.n_experts)
    noise = torch.rand(shape, generator=generator, device=generator.device)
    return torch.cat([noise, 1 - noise]) if site.is_antithetic else noise
