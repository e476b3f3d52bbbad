"""What the pictures of training studies share: what is drawn of one, and how its lines look."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.manifest import object_at, value_at
from alsim.analysis.training.values import Trained, trained_in
from alsim.errors import UsageError
from alsim.experiments.training.records import RANDOM
from alsim.plots.drawing.lines import Look
from alsim.plots.drawing.style import line_styles
from alsim.plots.names import as_labels

_MARKERS = "osD^vPX*<>"  # one for each of what chose the labels


class DrawableTraining(Protocol):
    """What is drawn of a training study, such as `alsim.store.training.TrainingStudy`."""

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


def labels_in_words(study: DrawableTraining, fraction: float, chosen_by: str | None = None) -> str:
    """Return which labels nets were trained on, such as "the 50 labels that margin chose".

    Args:
        study: Whose nets.
        fraction: Of its fractions.
        chosen_by: One strategy's alone; None: all that chose labels.
    """
    nets = pc.field("fraction") == fraction
    if chosen_by is not None:
        nets &= pc.field("chosen_by") == chosen_by
    fits = study.fits.filter(nets)
    strategies = sorted(map(str, pc.unique(fits.column("chosen_by")).to_pylist()))
    is_queried = bool(value_at(study.manifest, "configuration", "queries"))
    if not is_queried and strategies == [RANDOM]:
        return "all labels" if fraction == 1 else f"{100 * fraction:g} % of the labels"
    sizes = [int(str(n)) for n in fits.column("n_cells").to_pylist()]
    n = f"{min(sizes):,}" + f" to {max(sizes):,}" * (min(sizes) < max(sizes))
    who = strategies[0] if len(strategies) == 1 else "each strategy"
    return f"the {'first ' * (fraction < 1)}{n} labels that {who} chose"


def nets_of(study: DrawableTraining, table: pa.Table) -> tuple[Trained, ...]:
    """Return which nets a table of a study is of, the models as they were named to be trained."""
    return trained_in(table, list(object_at(study.manifest, "configuration", "models")))


def looks_of_nets(which: Sequence[Trained]) -> dict[Trained, Look]:
    """Return the look of each line; a colour tells the model, marker and dashes who chose."""
    styles = line_styles([(each.chosen_by, each.model) for each in which])
    strategies = list(dict.fromkeys(each.chosen_by for each in which))
    is_one = len(strategies) == 1
    names = [each.model if is_one else f"{each.model} · {each.chosen_by}" for each in which]
    return {
        each: Look(
            label,
            styles[each.chosen_by, each.model],
            _MARKERS[strategies.index(each.chosen_by) % len(_MARKERS)],
        )
        for each, label in zip(which, as_labels(names), strict=True)
    }
