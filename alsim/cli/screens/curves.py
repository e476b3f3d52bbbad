"""What a finished run shows: a table of strategies, the test set's error, the paths."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from alsim.analysis.curves.runs import counted
from alsim.analysis.curves.summary import StrategySummary, summarise
from alsim.analysis.manifest import list_at, object_at
from alsim.analysis.statistics.intervals import Estimate, interval_text, widest_sampling_interval
from alsim.cli.screens.output import print_json, print_lines, print_table, quoted, reporting
from alsim.errors import RunError
from alsim.store.curves import Run


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
    """Print the summary of a run to stdout."""
    # Of several tasks accuracy is the mean over them.
    n_evaluated, n_tasks = run.n_evaluated, len(object_at(run.manifest, "tasks"))
    summaries = summarise(run.steps, n_evaluated)
    if as_json:
        print_json(_as_json(run, summaries, has_tasks=n_tasks > 0))
        return
    accuracy = f"mean accuracy of {n_tasks} tasks" if n_tasks else "accuracy"
    split, labels = run.evaluation_split, counted("labels", [run])
    has_questions = any(s.questions.mean != s.labels_used.mean for s in summaries)
    has_cost = any(s.cost.mean != s.questions.mean for s in summaries)
    spent = [*["questions"] * has_questions, *["cost"] * has_cost]
    print_table(
        ["strategy", "seeds", labels, *spent, "first accuracy", "last accuracy",
         "area under the curve"],
        [
            [
                s.strategy,
                str(s.n_seeds),
                f"{s.n_labelled:,}" if not s.is_cut else interval_text(s.labels_used, ",.0f"),
                *[_spent(s.questions, ",.0f")] * has_questions,
                *[_spent(s.cost, ",.0f" if s.cost.mean >= 1000 else ",.4g")] * has_cost,
                interval_text(s.first_accuracy, ".4f"),
                interval_text(s.last_accuracy, ".4f"),
                interval_text(s.aubc, ".4f"),
            ]
            for s in summaries
        ],
        title=f"{run.name}: {accuracy} on {split}",
        right=tuple(range(1, 3 + len(spent))),
    )  # fmt: skip
    shown = [e for s in summaries for e in (s.first_accuracy, s.last_accuracy, s.aubc)]
    cut = "; [ ] where ± would go below 0 or above 1" if any(e.is_cut for e in shown) else ""
    lines = [
        f"± is a 95 % t-interval over seeds, at that point alone{cut}"
        if any(s.n_seeds > 1 for s in summaries)
        else "one seed gives no interval: add --seeds 5",
        f"mean over {n_tasks} tasks: accuracy on {n_evaluated:,} {split} rows"
        if n_tasks
        else _sampling(summaries, n_evaluated, split),
    ]
    if split == "validation":
        lines.append("the pool has no test split: these rows also ended the passive phase")
    if len({s.n_labelled for s in summaries}) > 1 or any(s.is_cut for s in summaries):
        lines.append(
            f"the curves end at different {labels}: accuracies are those at the last count that "
            "all seeds of a strategy reached, areas end where the first strategy does"
        )
    names = {s.strategy for s in summaries}
    if "random" not in names:
        with_random = shlex.quote(",".join(["random", *sorted(names)]))
        lines.append(f"what would chance have done? --strategy {with_random}")
    lines.append(f"wrote {run.folder}: run.json, steps, metrics, queries and timings (.parquet)")
    print_lines([*lines, f"see the curves: alsim plot {quoted(run.folder)} --out curves.png"])


def _sampling(summaries: Sequence[StrategySummary], n_evaluated: int, split: str) -> str:
    """Return how sure so few rows make an accuracy."""
    share, (low, high) = widest_sampling_interval(
        [s.last_accuracy.mean for s in summaries], n_evaluated
    )
    return (
        f"sampling error: an accuracy of {share:.4f} on {n_evaluated:,} {split} rows is known to "
        f"within [{low:.4f}, {high:.4f}]; all strategies share it"
    )


def _spent(value: Estimate, number: str) -> str:
    """Return an amount, with an interval where the seeds differ."""
    return interval_text(value, number) if value.half_width else f"{value.mean:{number}}"


def _as_json(run: Run, summaries: Sequence[StrategySummary], *, has_tasks: bool) -> dict[str, Any]:
    # The errors of several tasks on the same rows are no binomial one.
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
    }
