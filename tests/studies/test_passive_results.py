"""What a study reports about the finished passive phases of its tasks."""

from dataclasses import replace
from pathlib import Path

import pytest
from toy import make_toy_setting

from alsim.experiments.passive import passive
from alsim.experiments.progress import Progress
from alsim.options.training import TrainingOptions
from alsim.strategies import find_strategy
from alsim.studies.start.passive_results import find_passives, save_passive
from alsim.studies.start.plan import Plan, plan_tasks

TRAINING = TrainingOptions(max_epochs=50, patience=10)


def left_by(best: list[int], folder: Path) -> Plan:
    """Return the plan of a run with these best epochs of the passive phases, one for each seed."""
    named = find_strategy("margin")
    plan = plan_tasks(range(len(best)), {"margin": named}, TRAINING, "direct", folder)
    done = passive(make_toy_setting(), [0], Progress())
    for task, epoch in zip(plan.passives, best, strict=True):
        path = task.message.state
        path.parent.mkdir(exist_ok=True)
        epochs = min(epoch + TRAINING.patience, TRAINING.max_epochs)
        save_passive(path, replace(done, best=(epoch,), epochs=(epochs,)), {})
    return plan


def test_the_epochs_of_every_passive_phase_are_found(tmp_path: Path) -> None:
    plan = left_by([20, 35], tmp_path)
    found = find_passives(plan, TRAINING, "so what", is_stopped=True)
    assert found["passive"] == [
        {"strategy": "margin", "seed": 0, "best_epoch": 20, "epochs": 30},
        {"strategy": "margin", "seed": 1, "best_epoch": 35, "epochs": 45},
    ]
    assert found["notes"] == []


@pytest.mark.parametrize(("best", "n_cut"), [([40, 12], 0), ([41, 12], 1), ([50, 49], 2)])
def test_a_best_epoch_within_patience_of_the_last_gives_a_note_to_allow_more_epochs(
    best: list[int], n_cut: int, tmp_path: Path
) -> None:
    plan = left_by(best, tmp_path)
    notes = find_passives(plan, TRAINING, "so what", is_stopped=True)["notes"]
    assert len(notes) == (n_cut > 0)
    for note in notes:
        assert note == (
            f"{n_cut} of 2 passive phases were still learning when --max-epochs 50 ended them: "
            "so what; give them more: --max-epochs 100"
        )
    assert find_passives(plan, TRAINING, "so what", is_stopped=False)["notes"] == []
