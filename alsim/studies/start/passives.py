"""What the passive phases of a study leave once they are done."""

from collections.abc import Iterator, Mapping
from typing import Any

from alsim.experiments.passive import Passive
from alsim.options.training import TrainingOptions
from alsim.studies import messages
from alsim.studies.curves.keep import load_passive
from alsim.studies.findings import notes_on_epochs
from alsim.studies.start.plan import Plan


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
