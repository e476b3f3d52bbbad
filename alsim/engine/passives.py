"""What the passive phases of a study tell once they are done."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from alsim.engine.keeping import load_passive
from alsim.engine.planning import Plan
from alsim.engine.workers import WorkerTask


def passive_facts(plan: Plan) -> Iterator[tuple[WorkerTask, Mapping[str, Any]]]:
    """Yield each passive task of a plan that has left its nets, with the facts beside them."""
    for task in plan.passives:
        found = load_passive(Path(task.message["state"]))
        if found is not None:
            yield task, found[1]


def note_on_passives(plan: Plan, max_epochs: int, then: str) -> list[str]:
    """Return a note if some passive phases had no epochs left to learn in, else none.

    Args:
        plan: Whose tasks are done.
        max_epochs: Of a passive phase.
        then: What that may mean for the results.
    """
    epochs = [facts["epochs"] for _, facts in passive_facts(plan)]
    n = sum(n_epochs >= max_epochs for n_epochs in epochs)
    note = (
        f"{n} of {len(epochs)} passive phases ended at --max-epochs {max_epochs}, "
        f"perhaps before their net had learnt what it could: {then}"
    )
    return [note] * bool(n)
