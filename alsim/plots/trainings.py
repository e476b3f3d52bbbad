"""What the pictures of training studies share: what is drawn of one, and how its lines look."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from alsim.analysis.task_values import Trained, trained_in
from alsim.errors import UsageError
from alsim.plots.lines import Look
from alsim.plots.style import line_styles


class DrawableTraining(Protocol):
    """What is drawn of a training study, such as `alsim.store.TrainingStudy`."""

    @property
    def folder(self) -> Path:
        """The study's folder."""
        ...

    @property
    def status(self) -> str:
        """How far it came, such as "complete"."""
        ...

    @property
    def manifest(self) -> Mapping[str, object]:
        """What `run.json` holds."""
        ...

    @property
    def fits(self) -> pa.Table:
        """One row a net."""
        ...

    @property
    def tasks(self) -> pa.Table:
        """One row a net, task, evaluation and metric."""
        ...


def only_study(studies: Sequence[DrawableTraining], kind: str) -> DrawableTraining:
    """Return the one study that is given.

    Raises:
        UsageError: If there are several.
    """
    if len(studies) != 1:
        what = f"{len(studies)} training studies in one picture"
        raise UsageError(what, f"alsim plot --kind {kind}", "draw each by itself")
    return studies[0]


def study_warnings(study: DrawableTraining) -> list[str]:
    """Return what is missing: a study that is not finished, nets that diverged."""
    warnings: list[str] = []
    if study.status != "complete":
        warnings.append(f"the study is marked {study.status}: drawn as far as it went")
    lost: dict[str, int] = {}
    for row in study.fits.select(["model", "epochs"]).to_pylist():
        lost[row["model"]] = lost.get(row["model"], 0) + (row["epochs"] == 0)
    warnings += [
        f"{model}: {n} net{'s' * (n > 1)} diverged and {'are' if n > 1 else 'is'} left out"
        for model, n in lost.items()
        if n
    ]
    return warnings


def nets_of(study: DrawableTraining, table: pa.Table) -> tuple[Trained, ...]:
    """Return which nets a table of a study is of, the models as they were named to be trained."""
    told = study.manifest.get("configuration")
    models = told.get("models") if isinstance(told, Mapping) else None
    return trained_in(table, [str(name) for name in models] if models else ())


def looks_of_nets(which: Sequence[Trained]) -> dict[Trained, Look]:
    """Return the look of each line; a colour tells the model, dashes what chose the labels."""
    styles = line_styles([(each.chosen_by, each.model) for each in which])
    is_one = len({each.chosen_by for each in which}) == 1
    return {
        each: Look(
            each.model if is_one else f"{each.model} · {each.chosen_by}",
            styles[each.chosen_by, each.model],
        )
        for each in which
    }
