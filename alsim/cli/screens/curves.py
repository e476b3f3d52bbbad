"""What a finished run shows: the answer, a table of strategies, what they rest on, the paths."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from alsim.analysis.curves.comparison import Comparison
from alsim.analysis.curves.summary import StrategySummary, summarise
from alsim.analysis.manifest import list_at, object_at
from alsim.analysis.statistics.intervals import Estimate, interval_text
from alsim.cli.screens.comparison import basis, print_answer
from alsim.cli.screens.comparison_cells import judges_in_table, level_cell
from alsim.cli.screens.output import print_json, print_lines, quoted, reporting
from alsim.errors import RunError
from alsim.store.curves import Run
from alsim.studies.compare import compare


def print_run(run: Run, *, as_json: bool) -> None:
    """Print the summary of a run to stdout, and fail if some of its curves had to end early.

    Raises:
        RunError: Naming the curves whose training diverged.
    """
    with reporting(run.folder, f"print it again: alsim resume {quoted(run.folder)}"):
        print_summary(run, as_json=as_json)
    if lost := list_at(run.manifest, "diverged"):
        raise RunError(
            f"{len(lost)} of the learning curves diverged and ended early: "
            + ", ".join(f"{d['strategy']} with seed {d['seed']} at step {d['step']}" for d in lost),
            str(run.folder),
            "the others are whole; lower --learning-rate, or leave the inputs standardised, and "
            "run again into another folder",
        )


def print_summary(run: Run, *, as_json: bool) -> None:
    """Print to stdout which strategy is better, by how much, and what that rests on."""
    found, summaries = compare(run), summarise(run.steps, run.n_evaluated)
    if as_json:
        print_json(_as_json(run, found, summaries))
        return
    print_answer(found, _more_columns(found, summaries))
    lines = basis(found, run)
    if run.evaluation_split == "validation":
        lines.append("the pool has no test split: these rows also ended the passive phase")
    if len({s.n_labelled for s in summaries}) > 1 or any(s.is_cut for s in summaries):
        lines.append(
            f"the curves end at different {found.counts}: all is compared where the first ends"
        )
    lines.append(
        f"wrote {run.folder}: run.json, steps, metrics, curves, queries, items, contributions and "
        "timings (.parquet)"
    )
    folder = quoted(run.folder)
    if len(summaries) > 2 and not found.all_pairs:
        lines.append(f"every pair of strategies: alsim compare {folder} --all-pairs")
    print_lines([*lines, f"see the curves: alsim plot {folder} --out curves.png"])


def _more_columns(
    found: Comparison, summaries: Sequence[StrategySummary]
) -> dict[str, dict[str, str]]:
    """Return what `alsim compare` does not show: what was spent, where it differs; the start."""
    columns: dict[str, dict[str, str]] = {}

    def spent(value: Estimate, number: str = ",.0f") -> str:
        with_interval = value.half_width and not judges_in_table(found)
        return interval_text(value, number) if with_interval else f"{value.mean:{number}}"

    if len({s.n_labelled for s in summaries}) > 1 or any(s.is_cut for s in summaries):
        columns[found.counts] = {s.strategy: spent(s.labels_used) for s in summaries}
    if any(s.questions.mean not in (s.labels_used.mean, s.cost.mean) for s in summaries):
        columns["questions"] = {s.strategy: spent(s.questions) for s in summaries}
    if any(s.cost.mean != s.labels_used.mean for s in summaries):
        form = ",.0f" if max(s.cost.mean for s in summaries) >= 1000 else ",.4g"
        columns["cost"] = {s.strategy: spent(s.cost, form) for s in summaries}
    columns["first accuracy"] = {s.strategy: level_cell(s.first_accuracy, found) for s in summaries}
    return columns


def _as_json(run: Run, found: Comparison, summaries: Sequence[StrategySummary]) -> dict[str, Any]:
    # The errors of several tasks on the same rows are no binomial one.
    has_tasks = bool(object_at(run.manifest, "tasks"))
    left_out = {"strategy", "n_labelled_first", *["sampling_interval"] * has_tasks}
    return {
        "run": str(run.folder),
        "status": run.status,
        "evaluation_split": run.evaluation_split,
        "n_evaluated": run.n_evaluated,
        "strategies": {
            s.strategy: {"sampling_interval": None}
            | {name: value for name, value in asdict(s).items() if name not in left_out}
            for s in summaries
        },
        "comparison": asdict(found),
    }
