"""The multi-task models: each has its experts and mixer, below the same towers."""

from collections.abc import Callable, Sequence

import torch

from alsim.models.cgc import CgcMixer
from alsim.models.columns import Columns
from alsim.models.expert_net import ExpertNet, Level, Mixers
from alsim.models.experts import MlpExperts, make_experts
from alsim.models.interface import Shape
from alsim.models.mixers import GATES, Gated, Own, Shared, Stitch
from alsim.models.multi_cluster import MultiCluster, StochasticGate
from alsim.models.towers import Towers
from alsim.options.experts import ExpertOptions, expert_faults
from alsim.options.model import ModelOptions


def single_task(shape: Shape, options: ModelOptions) -> ExpertNet:
    """Return a net with one expert per task and nothing shared."""
    return _one_level(shape, options, len(shape.n_classes), lambda t, e, d: Own())


def shared_bottom(shape: Shape, options: ModelOptions) -> ExpertNet:
    """Return a net with one expert for all tasks; Caruana (1997)."""
    return _one_level(shape, options, 1, lambda t, e, d: Shared(t))


def cross_stitch(shape: Shape, options: ModelOptions) -> ExpertNet:
    """Return a net whose tasks mix all experts by free weights; Misra et al. (2016)."""
    return _one_level(
        shape, options, _number(options, 8), lambda t, e, d: Stitch(torch.randn(t, e))
    )


def omoe(shape: Shape, options: ModelOptions) -> ExpertNet:
    """Return a net whose tasks share one gate; Jacobs et al. (1991)."""
    return _gated(shape, options, 1)


def mmoe(shape: Shape, options: ModelOptions) -> ExpertNet:
    """Return a net with one gate per task; Ma et al. (2018)."""
    return _gated(shape, options, len(shape.n_classes))


def multi_cluster(shape: Shape, options: ModelOptions) -> ExpertNet:
    """Return a net whose tasks choose their experts; Yan et al. (2019)."""
    chosen = options.expert_options()
    return _one_level(
        shape,
        options,
        _number(options, 20),
        lambda t, e, d: MultiCluster(StochasticGate(t, e, chosen)),
    )


def cgc(shape: Shape, options: ModelOptions) -> ExpertNet:
    """Return a net of common and task-specific experts, in levels; Tang et al. (2020).

    The columns that an expert reads can be chosen at the first level only.
    """
    chosen = options.expert_options()
    t, own, common = len(shape.n_classes), chosen.task_experts, _number(options, 8)
    n_experts = t * own + common
    sources = [task for task in range(t) for _ in range(own)] + [t] * common
    widths, columns = _widths(shape, options, n_experts), Columns(shape.widths)
    levels: list[Level] = []
    n_in = columns.n
    for level in range(chosen.levels):
        experts = (
            MlpExperts(n_experts, n_in, widths, sources=sources)
            if level
            else make_experts(columns, chosen, n_experts, widths)
        )
        is_last = level == chosen.levels - 1
        mixers = [
            CgcMixer(t, own, common, n_in, chosen.gate, is_last=is_last)
            for _ in range(_n_heads(shape, chosen))
        ]
        levels.append(Level(experts, mixers))
        n_in = experts.n_out
    return _net(shape, options, levels)


def _gated(shape: Shape, options: ModelOptions, n_gates: int) -> ExpertNet:
    gate = GATES[options.expert_options().gate]
    return _one_level(
        shape, options, _number(options, 8), lambda t, e, d: Gated(t, e, gate(n_gates, d, e))
    )


def _one_level(
    shape: Shape,
    options: ModelOptions,
    n_experts: int,
    mixer: Callable[[int, int, int], Mixers],  # tasks, experts, columns
) -> ExpertNet:
    chosen, columns = options.expert_options(), Columns(shape.widths)
    experts = make_experts(columns, chosen, n_experts, _widths(shape, options, n_experts))
    mixers = [
        mixer(len(shape.n_classes), n_experts, columns.n) for _ in range(_n_heads(shape, chosen))
    ]
    return _net(shape, options, [Level(experts, mixers)])


def _net(shape: Shape, options: ModelOptions, levels: Sequence[Level]) -> ExpertNet:
    chosen, n_outputs = options.expert_options(), list(shape.n_classes.values())
    n_mixed = levels[-1].experts.n_out
    towers = [
        Towers(n_outputs, n_mixed, chosen.tower, options.dropout)
        for _ in range(_n_heads(shape, chosen))
    ]
    return ExpertNet(shape, levels, towers)


def _n_heads(shape: Shape, options: ExpertOptions) -> int:
    n_modalities = len(shape.widths)
    return 1 + (n_modalities if options.heads == "all" and n_modalities > 1 else 0)


def _number(options: ModelOptions, default: int) -> int:
    number = options.expert_options().number
    return default if number is None else number


def _widths(shape: Shape, options: ModelOptions, n_experts: int) -> tuple[int, ...]:
    """Return the widths of an expert's layers, or conv4's filters.

    Raises:
        UsageError: If the options are invalid.
    """
    chosen = options.expert_options()
    for fault in expert_faults(chosen):
        raise fault
    if chosen.widths is not None:
        return chosen.widths
    if chosen.kind == "conv4":
        return (32,)
    return (min(options.width, max(64, options.width // n_experts)),)
