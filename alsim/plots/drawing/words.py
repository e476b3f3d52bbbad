"""The labels of axes."""

from collections.abc import Mapping, Sequence

from alsim.analysis.curves.curves import XAxis
from alsim.analysis.curves.runs import RunFacts, counted
from alsim.analysis.manifest import object_at, value_at
from alsim.errors import UsageError, nearest
from alsim.measures import MEASURES, SCORES

# Columns in words, and whether they are measured on the evaluation split.
_WORDS: Mapping[str, tuple[str, bool]] = {
    **{name: (measure.words, True) for name, measure in MEASURES.items()},
    "cost": ("cost of the labels", False),
    "n_questions": ("questions asked", False),
    "batch_size": ("largest batch (objects)", False),
}
X_WORDS: Mapping[XAxis, str] = {
    "labels": "number of labels",
    "questions": "questions asked",
    "cost": "cost of the labels",
}


def axis_label(metric: str, runs: Sequence[RunFacts]) -> str:
    """Return a metric's name in words, and the split on which it was measured."""
    words, is_measured = _WORDS.get(metric, (metric.replace("_", " "), True))
    return f"{words} on {split_in_words(runs)}" if is_measured else words


def x_label(x: XAxis, runs: Sequence[RunFacts]) -> str:
    """Return the label of the x axis; with several tasks, objects are counted, not labels."""
    return "number of labelled objects" if counted(x, runs) == "objects" else X_WORDS[x]


def split_in_words(runs: Sequence[RunFacts]) -> str:
    """Return the splits that runs were evaluated on, such as "the test split"."""
    splits = sorted({str(run.manifest.get("evaluation_split")) for run in runs})
    return f"the {' and '.join(splits)} split{'s' * (len(splits) > 1)}"


def measured_on(runs: Sequence[RunFacts]) -> str:
    """Return the pool and the rows that runs were evaluated on, "posts: 1,000 test rows"."""
    names = sorted({str(value_at(run.manifest, "pool", "name") or run.name) for run in runs})
    tasks = {len(object_at(run.manifest, "tasks")) for run in runs if "task" not in run.manifest}
    rows = {run.manifest.get("n_evaluated") for run in runs}
    splits = sorted({str(run.manifest.get("evaluation_split")) for run in runs})
    text = f"{' and '.join(splits)} rows"
    if len(rows) == 1 and isinstance(n := rows.pop(), int):
        text = f"{n:,} {text}"
    if len(tasks) == 1 and (n_tasks := tasks.pop()) > 1:
        text = f"mean of {n_tasks} tasks on {text}"
    return f"{' and '.join(names)}: {text}"


def check_score(metric: str, kind: str) -> None:
    """Check that more is better for a metric.

    Raises:
        UsageError: If it is not.
    """
    if metric not in SCORES:
        raise UsageError(
            f"{metric!r} is not a score of which more is better",
            f"alsim plot --kind {kind}",
            nearest(metric, SCORES),
        )
