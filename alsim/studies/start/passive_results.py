"""What the passive phases of a study leave: their nets, kept in files, and what is reported."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from alsim.experiments.passive import Passive
from alsim.options.training import TrainingOptions
from alsim.store.checkpoint import load_checkpoint, save_checkpoint
from alsim.studies import messages
from alsim.studies.findings import notes_on_epochs
from alsim.studies.start.plan import Plan
from alsim.training.state import ReplicaState


def save_passive(
    path: Path, passive: Passive, seconds: Mapping[str, float], study: str = ""
) -> None:
    """Write the nets of a study's passive phase, and the seconds it took.

    Raises:
        StoreError: If the system cannot write.
    """
    facts = {"best": list(passive.best), "epochs": list(passive.epochs), "seconds": dict(seconds)}
    save_checkpoint(path, passive.state.to_tensors(), facts, study)


def load_passive(path: Path, study: str | None = None) -> tuple[Passive, Mapping[str, Any]] | None:
    """Return the nets of a passive phase and its facts, None where there is none yet.

    Raises:
        StoreError: If the file is damaged, or not of this study.
    """
    found = load_checkpoint(path, study)
    if found is None:
        return None
    tensors, facts = found
    state = ReplicaState.from_tensors(tensors)
    return Passive(state, tuple(facts["best"]), tuple(facts["epochs"])), facts


def kept_passives(plan: Plan[Any]) -> Iterator[tuple[messages.Passive, Passive, Mapping[str, Any]]]:
    """Yield each passive phase of a plan that has left its nets, with these and their facts."""
    for task in plan.passives:
        found = load_passive(task.message.state)
        if found is not None:
            yield task.message, *found


def find_passives(
    plan: Plan[Any], training: TrainingOptions, then: str, *, is_stopped: bool
) -> dict[str, Any]:
    """Return the epochs of each passive phase, and the notes of `notes_on_epochs`."""
    passives: list[dict[str, Any]] = [
        {"strategy": phase.like, "seed": seed, "best_epoch": best, "epochs": epochs}
        for phase, nets, _ in kept_passives(plan)
        for seed, best, epochs in zip(phase.seeds, nets.best, nets.epochs, strict=True)
    ]
    best = [found["best_epoch"] for found in passives]
    notes = notes_on_epochs(training, best, "passive phases", then, is_stopped=is_stopped)
    return {"passive": passives, "notes": notes}
