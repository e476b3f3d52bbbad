"""The passive phase: a net trained on a seed's initial labels, from which studies start."""

from collections.abc import Sequence
from dataclasses import dataclass

from alsim.experiments.asking import initial_query, labelled_rows
from alsim.experiments.cells import merged
from alsim.experiments.progress import Progress
from alsim.experiments.setting import Setting, fit_streams, fresh_replicas
from alsim.training.fit import Labelled, Stopped, fit_early_stopping
from alsim.training.replicas import Replicas
from alsim.training.state import ReplicaState


@dataclass(frozen=True, slots=True, eq=False)
class Passive:
    """Nets after the passive phase, one a seed."""

    state: ReplicaState
    best: tuple[int, ...]  # the epoch that each kept; 0 where the training diverged
    epochs: tuple[int, ...]  # how many each took

    @property
    def alive(self) -> tuple[bool, ...]:
        """Return which nets there are: the others' training diverged."""
        return tuple(epoch > 0 for epoch in self.best)

    def pick(self, replicas: Sequence[int]) -> "Passive":
        """Return the chosen nets, in that order; one may come twice."""
        best, epochs = (tuple(numbers[r] for r in replicas) for numbers in (self.best, self.epochs))
        return Passive(self.state.pick(replicas), best, epochs)


def passive(setting: Setting, seeds: Sequence[int], progress: Progress) -> Passive:
    """Train each seed on its initial labels."""
    progress.phase("passive")
    replicas = fresh_replicas(setting, seeds, "init")
    queries = [initial_query(setting, seed) for seed in seeds]
    labelled = to_train_on(setting, labelled_rows(setting, queries))
    trained = fit_from_scratch(setting, replicas, labelled, seeds, "passive", progress=progress)
    return Passive(replicas.state(), tuple(trained.best.tolist()), tuple(trained.epochs.tolist()))


def to_train_on(setting: Setting, labelled: Labelled) -> Labelled:
    """Return what nets are trained on: each object once, with all of its answers."""
    return merged(labelled) if setting.unit == "cell" else labelled


def fit_from_scratch(
    setting: Setting,
    replicas: Replicas,
    labelled: Labelled,
    seeds: Sequence[int],
    *path: str | int,
    progress: Progress,
) -> Stopped:
    """Train to the best epoch."""
    validator = setting.validator
    return fit_early_stopping(
        replicas, setting.features, labelled, setting.training,
        n_classes=setting.n_classes,
        streams=fit_streams(setting.features.device, seeds, *path),
        validate=None if validator is None else lambda: validator.losses(replicas),
        on_epoch=progress.epoch,
    )  # fmt: skip
