"""A run as tasks for the workers: passive phases first, then learning curves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from alsim.engine.workers import WorkerTask
from alsim.strategies import Named
from alsim.training.options import LossPrediction, TrainingOptions
from alsim.training.replicas import Way


def training_of(named: Named, options: TrainingOptions) -> TrainingOptions:
    """Return how a strategy's net is trained in a study: its own choices, and what it needs."""
    options = named.adapt(options)
    strategy = named.strategy
    if "predicted_loss" in strategy.signals | strategy.labelled and not options.loss_prediction:
        prediction = strategy.loss_prediction or LossPrediction()
        options = replace(options, loss_prediction=prediction)
    return options


def plan_tasks(
    seeds: Sequence[int],
    strategies: Mapping[str, Named],
    training: TrainingOptions,
    way: Way,
    work: Path,
) -> list[WorkerTask]:
    """Return a run's tasks: each learning curve comes after its seed's passive phase.

    Strategies share a seed's passive phase unless they train their nets differently from its
    start. Directly, there is one passive task a seed and one task a curve; in lockstep one of
    each for all that are trained alike.
    """
    groups = [tuple(seeds)] if way == "lockstep" else [(seed,) for seed in seeds]
    starts = _alike(strategies, lambda named: _at_first(training_of(named, training)))
    passives: list[WorkerTask] = []
    actives: list[WorkerTask] = []
    for names in starts:
        for group in groups:
            task = WorkerTask(
                f"passive phase, seed {', '.join(map(str, group))}"
                + (f", as for {names[0]}" if len(starts) > 1 else ""),
                {
                    "kind": "passive",
                    "seeds": list(group),
                    "like": names[0],  # is trained as this strategy's net is
                    "state": str((work / f"passive-{len(passives)}.safetensors").resolve()),
                },
            )
            passives.append(task)
            actives += _actives(group, names, strategies, training, way, task)
    return [*passives, *actives]


def _alike(
    strategies: Mapping[str, Named], training: Callable[[Named], TrainingOptions]
) -> list[list[str]]:
    """Return the strategies' names, those that are trained alike together, in order."""
    groups: list[tuple[TrainingOptions, list[str]]] = []
    for name, named in strategies.items():
        mine = training(named)
        for theirs, names in groups:
            if theirs == mine:
                names.append(name)
                break
        else:
            groups.append((mine, [name]))
    return [names for _, names in groups]


def _at_first(training: TrainingOptions) -> TrainingOptions:
    """Return what of the options matters to the passive phase."""
    return replace(training, batch_norm="train")


def _actives(
    group: Sequence[int],
    names: Sequence[str],
    strategies: Mapping[str, Named],
    training: TrainingOptions,
    way: Way,
    passive: WorkerTask,
) -> list[WorkerTask]:
    chosen = {name: strategies[name] for name in names}
    bundles = [
        [(seed, name) for name in alike for seed in group]
        for alike in _alike(chosen, lambda named: training_of(named, training))
    ]
    if way == "direct":
        bundles = [[curve] for bundle in bundles for curve in bundle]
    return [
        WorkerTask(
            "; ".join(f"strategy {name}, seed {seed}" for seed, name in jobs),
            {
                "kind": "active",
                "jobs": jobs,
                "state": passive.message["state"],
                "pick": [list(group).index(seed) for seed, _ in jobs],
            },
            frozenset({passive.name}),
        )
        for jobs in bundles
    ]
