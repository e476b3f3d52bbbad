"""Helpers for the plots of training studies: what they use of a study, and its lines' looks."""

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.curves.runs import RunFacts
from alsim.analysis.manifest import object_at, value_at
from alsim.analysis.training.values import Trained, trained_in
from alsim.experiments.training.records import RANDOM
from alsim.plots.drawing.lines import Look
from alsim.plots.drawing.names import as_labels
from alsim.plots.drawing.page import page
from alsim.plots.drawing.style import line_styles

_MARKERS = "osD^vPX*<>"  # one for each strategy that chose labels


class DrawableTraining(RunFacts, Protocol):
    """The parts of a training study that plots use, as `read_training` returns them."""

    @property
    def status(self) -> str:
        """Its status, such as "complete"."""
        ...

    @property
    def fits(self) -> pa.Table:
        """One row per net."""
        ...

    @property
    def tasks(self) -> pa.Table:
        """One row per net, task, evaluation and metric."""
        ...


def study_warnings(study: DrawableTraining) -> list[str]:
    """Return warnings about an unfinished study and about diverged nets."""
    warnings: list[str] = []
    if study.status != "complete":
        warnings.append(f"the study is marked {study.status}: drawn as far as it was recorded")
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
    """Return the labels that nets were trained on, such as "the 50 labels that margin chose".

    Without `chosen_by` they are those of all strategies.
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
    """Return the nets of a study's table, the models in the order chosen, or of the command."""
    found = trained_in(table, list(object_at(study.manifest, "configuration", "models")))
    chosen = page().strategies
    return tuple(
        page().in_order(
            (each for each in found if not chosen or each.model in chosen), lambda each: each.model
        )
    )


def looks_of_nets(which: Sequence[Trained]) -> dict[Trained, Look]:
    """Return the look of each line: colours for models, marker and dashes for who chose labels."""
    styles = line_styles([(each.chosen_by, each.model) for each in which], page().everyone)
    strategies = list(dict.fromkeys(each.chosen_by for each in which))
    is_one = len(strategies) == 1
    models = [page().name(each.model) for each in which]
    names = [
        model if is_one else f"{model} · {each.chosen_by}"
        for model, each in zip(models, which, strict=True)
    ]
    return {
        each: Look(
            label,
            styles[each.chosen_by, each.model],
            _MARKERS[strategies.index(each.chosen_by) % len(_MARKERS)],
        )
        for each, label in zip(which, as_labels(names), strict=True)
    }
