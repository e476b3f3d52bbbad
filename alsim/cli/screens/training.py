"""What passive training shows: which model wins; with details a table a task and one of nets."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any, NamedTuple

from alsim.analysis.manifest import list_at, value_at
from alsim.analysis.statistics.intervals import Estimate, interval_text
from alsim.analysis.training.summary import (
    NetSummary,
    TaskSummary,
    TrainingSummary,
    summarise_training,
)
from alsim.cli.screens.models import comparison_json, explanations, print_answer
from alsim.cli.screens.output import (
    NOTHING,
    print_gap,
    print_json,
    print_lines,
    quoted,
    reporting,
)
from alsim.cli.screens.tables import TextTable, print_table
from alsim.errors import RunError
from alsim.experiments.training.records import RANDOM
from alsim.measures import MEASURES
from alsim.store.layout import EXPORTS
from alsim.store.training import TrainingStudy
from alsim.studies.compare_models import compare_models


def print_training(study: TrainingStudy, *, as_json: bool, with_details: bool = False) -> None:
    """Print a training study to stdout, and fail if some of its nets diverged.

    Raises:
        RunError: Naming the nets whose training diverged.
    """
    with reporting(study.folder, f"print it again: alsim resume {quoted(study.folder)}"):
        if as_json:
            print_json(_as_json(study))
        else:
            _print_text(study, with_details=with_details)
    if lost := list_at(study.manifest, "diverged"):
        nets = [f"{d['model']} with seed {d['seed']} at fraction {d['fraction']:g}" for d in lost]
        raise RunError(
            f"{len(lost)} of the {study.fits.num_rows} nets diverged and are not measured: "
            + ", ".join(nets),
            str(study.folder),
            "the others are whole; lower --learning-rate, or leave the inputs standardised, and "
            "train again into another folder",
        )


def _print_text(study: TrainingStudy, *, with_details: bool) -> None:
    found = compare_models(study)
    print_answer(found, with_details=with_details)
    if with_details:
        print_details(study)
    lines = [*explanations(found), *on_models(study), *on_rows(study)]
    if not with_details:
        lines.append(f"task by task: alsim compare {quoted(study.folder)} --details")
    print_lines([*lines, f"wrote {_path(study)}"])


def print_details(study: TrainingStudy, baseline: str | None = None) -> None:
    """Print each task, the nets, and what their columns mean; differences to a model of it."""
    summary = _summary(study, baseline)
    shown = _Shown(summary)
    n_tasks = len({row.task for row in summary.tasks if row.task is not None})
    for (task, fraction), rows in groupby(summary.tasks, key=lambda row: (row.task, row.fraction)):
        found = list(rows)
        title = f"mean of the {n_tasks} tasks" if task is None else task
        title += f", fraction {fraction:g}" * shown.fractions
        print_lines([f"{title}: {_called(found[0].metric)} on {study.evaluation_split}"])
        shown.print_task(found)
        print_gap()
    print_lines(["nets"])
    shown.print_nets(summary.nets)
    print_gap()
    print_lines([*_on_numbers(study, summary), *_on_gates(summary)])
    print_gap()


def on_models(study: TrainingStudy) -> list[str]:
    """Return how large the models are."""
    sizes = {str(row["model"]): row["n_parameters"] for row in study.fits.to_pylist()}
    listed = [f"{name} {sizes[name]:,}" for name in study.models if name in sizes]
    return [f"parameters: {', '.join(listed)}"]


def on_rows(study: TrainingStudy) -> list[str]:
    """Return on which rows models were measured."""
    lines = [f"measured on {study.n_evaluated:,} {study.evaluation_split} rows"]
    if study.evaluation_split == "validation":
        lines.append("the pool has no test split: these rows also ended the training")
    return lines


def _summary(study: TrainingStudy, baseline: str | None = None) -> TrainingSummary:
    chosen = baseline if baseline in study.models else study.baseline
    return summarise_training(study.fits, study.tasks, study.gates, study.models, chosen)


class _Shown:
    """Which columns there are: those in which rows differ."""

    def __init__(self, summary: TrainingSummary) -> None:
        self.fractions = len({net.fraction for net in summary.nets}) > 1
        self.choosers = {net.chosen_by for net in summary.nets} != {RANDOM}
        self.evaluations = _has_modes(summary)

    def _who(self, rows: Sequence[NetSummary] | Sequence[TaskSummary]) -> list["_Column"]:
        columns = [_Column("model", [row.model for row in rows], is_kept=True)]
        if self.choosers:
            columns.append(_Column("labels by", [row.chosen_by for row in rows], is_kept=True))
        return columns

    def print_task(self, rows: Sequence[TaskSummary]) -> None:
        number = ".4g" if rows[0].metric == "mse" else ".4f"
        columns = self._who(rows)
        if self.evaluations:
            modes = [row.evaluation or NOTHING for row in rows]
            columns.append(_Column("mode", modes, is_kept=True))
        values = [_interval(row.value, number) for row in rows]
        columns.append(_Column(_called(rows[0].metric), values, is_kept=True))
        if any(row.difference is not None for row in rows):
            cells = [_interval(row.difference, f"+z{number}") for row in rows]
            columns.append(_Column("difference", cells))
        if any(row.experts is not None for row in rows):
            cells = [NOTHING if r.experts is None else f"{r.experts.mean:.1f}" for r in rows]
            columns.append(_Column("experts", cells, True))
        _print_columns(columns)

    def print_nets(self, nets: Sequence[NetSummary]) -> None:
        columns = self._who(nets)
        if self.fractions:
            shares = [f"{net.fraction:g}" for net in nets]
            columns.append(_Column("fraction", shares, is_right=True, is_kept=True))
        columns += [
            _Column("objects", [f"{net.n_objects.mean:,.0f}" for net in nets], True),
            _Column("parameters", [f"{net.n_parameters:,}" for net in nets], True),
            _Column("FLOPs", [f"{net.active_flops.mean:,.0f}" for net in nets], True),
            _Column("epochs", [f"{net.epochs.mean:.1f}" for net in nets], True),
            _Column("validation loss", [_interval(net.validation_loss, ".4f") for net in nets]),
        ]
        _print_columns(columns)


def _called(metric: str) -> str:
    return MEASURES[metric].short or MEASURES[metric].words


def _has_modes(summary: TrainingSummary) -> bool:
    """Return whether a model was evaluated in several ways."""
    ways = {(row.model, row.evaluation) for row in summary.tasks}
    return len(ways) > len({model for model, _ in ways})


class _Column(NamedTuple):
    header: str
    cells: Sequence[str]
    is_right: bool = False
    is_kept: bool = False  # on a narrow terminal


def _print_columns(columns: Sequence[_Column]) -> None:
    table = TextTable(
        [column.header for column in columns],
        list(zip(*(column.cells for column in columns), strict=True)),
        right=[place for place, column in enumerate(columns) if column.is_right],
        kept=[place for place, column in enumerate(columns) if column.is_kept],
    )
    print_table(table, otherwise="add --json")


def _on_numbers(study: TrainingStudy, summary: TrainingSummary) -> list[str]:
    """Return what the columns mean, as far as they hold anything."""
    n_seeds = max((net.n_seeds for net in summary.nets), default=0)
    shown = [each for row in summary.tasks for each in (row.value, row.difference)]
    is_cut = any(each is not None and each.is_cut for each in shown)
    cut = "; [ ] where ± would go beyond what can be" if is_cut else ""
    over = f"±: 95 % t-interval over {n_seeds} seeds, at that place alone{cut}"
    lines = [over if n_seeds > 1 else "one seed gives no interval: add --seeds 5"]
    if any(row.difference is not None for row in summary.tasks):
        at_random = "the same model on labels chosen at random"
        other = at_random if summary.compared_with == RANDOM else summary.compared_with
        lines.append(f"difference: to {other}, in pairs by seed")
    if len({net.fraction for net in summary.nets}) > 1:
        is_queried = bool(value_at(study.manifest, "configuration", "queries"))
        of = "what the run queried, in its order" if is_queried else "the labels"
        lines.append(f"fraction: of {of}; a smaller one is the beginning of a larger")
    of_row = ""
    if study.manifest.get("is_disjoint"):
        of_row = ", by the net of its own task, the mean over tasks; not of experts: all of it"
    lines.append(f"FLOPs: multiply-adds of a row in evaluation{of_row}")
    lines.append("validation loss: the mean over tasks, by which training was stopped")
    return lines


def _on_gates(summary: TrainingSummary) -> list[str]:
    is_stochastic = {bool(row.evaluation) for row in summary.tasks if row.experts is not None}
    softmax = "the effective number of a softmax gate's mean weights"
    parts = [softmax] * (False in is_stochastic)
    parts += ["of stochastic gates those that run in evaluation"] * (True in is_stochastic)
    lines = [f"experts: that the task uses, {'; '.join(parts)}"] * bool(parts)
    if _has_modes(summary):
        lines.append("mode: of evaluation, which of a task's experts then run")
    return lines


def _path(study: TrainingStudy) -> str:
    n = len(list((study.folder / EXPORTS).glob("*.safetensors")))
    nets = f", exports ({n} net{'s' * (n > 1)}: alsim.load_task)" if n else ""
    return f"{study.folder}: run.json, fits, tasks and gates (.parquet){nets}"


def _interval(value: Estimate | None, number: str) -> str:
    return NOTHING if value is None else interval_text(value, number.removeprefix("+z"), number)


def _as_json(study: TrainingStudy) -> dict[str, Any]:
    summary = _summary(study)
    return {
        "study": str(study.folder),
        "status": study.status,
        "evaluation_split": study.evaluation_split,
        "n_evaluated": study.n_evaluated,
        "compared_with": summary.compared_with,
        **comparison_json(compare_models(study)),
        "nets": [asdict(net) for net in summary.nets],
        "tasks": [asdict(row) for row in summary.tasks],
    }
