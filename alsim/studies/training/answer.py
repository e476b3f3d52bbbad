"""What passive training found, in a few words."""

from pathlib import Path

from alsim.analysis.manifest import list_at, object_at
from alsim.analysis.training.summary import summarise_training
from alsim.store.training import read_training


def answer_in(folder: Path) -> str:
    """Return which model has the best mean over the tasks on the most labels, or on the first."""
    study = read_training(folder)
    known = object_at(study.manifest, "configuration", "models")
    models = {name: list_at(known, name, "evaluations") for name in known}
    if not models:  # not as alsim writes it
        return ""
    rows = summarise_training(study.fits, study.tasks, study.gates, models).tasks
    share = max(row.fraction for row in rows)
    shown = [row for row in rows if row.fraction == share and row.task == rows[0].task]
    by = [-row.value.mean if row.metric == "mse" else row.value.mean for row in shown]
    best = shown[by.index(max(by))]
    among = f", best of {len(models)}" if len(models) > 1 else ""
    return f"{best.model} {best.metric} {best.value.mean:.4g}{among}"
