"""The table of kinds of plots. Importing this module imports nothing that draws.

A new kind is a module here with one function, and a row in `KINDS`. The function takes what it
shows, one or more runs (a folder given twice is drawn once) or one study, and these options:

    metric: a column of the steps, or a metric of a study's tasks (None: the first measured)
    x: the quantity on the x axis
    band: one of `alsim.analysis.statistics.bands`
    baseline: a strategy's name (None: random)
    task: one task (None: the mean over all)
    fraction: of the labels (None: the largest)
    title: the text above all
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from alsim.errors import UsageError
from alsim.lazy import import_object

FolderKind = Literal["curves", "correlation", "training"]

if TYPE_CHECKING:
    from alsim.plots.drawing.figures import Drawing


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of plot: what it shows, and the function that draws it."""

    about: str
    home: str  # module:function in alsim.plots
    of: FolderKind = "curves"  # the kind of folder that it shows
    file: str = ""  # default file name in the folder; empty: KIND.png

    def draw(self) -> "Callable[..., Drawing]":
        """Import and return the function that draws it."""
        return import_object(self.home, "alsim.plots")


KINDS: Mapping[str, Kind] = {
    "curve": Kind("the learning curves", "curves:draw_curves", file="curves.png"),
    "difference": Kind("each strategy minus the baseline", "difference:draw_difference"),
    "savings": Kind("labels saved against the baseline by n", "savings:draw_savings"),
    "wins": Kind("who beats whom, with verdicts", "wins:draw_wins"),
    "classes": Kind("accuracy by class", "classes:draw_classes"),
    "queries": Kind("classes queried, against the pool's", "queries:draw_queries"),
    "heads": Kind("accuracy by head and modalities", "heads:draw_heads"),
    "sigma": Kind("the σ of each head", "sigma:draw_sigma"),
    "batch-size": Kind("the training batches", "batch_size:draw_batch_sizes"),
    "scatter": Kind("groups of a correlation study", "scatter:draw_study", of="correlation"),
    "losses": Kind(
        "final losses of each net of `alsim train`", "losses:draw_losses", of="training"
    ),
    "fractions": Kind("its models against the labels", "fractions:draw_fractions", of="training"),
    "experts": Kind("its accuracy by how many experts run", "experts:draw_experts", of="training"),
}
DEFAULTS: Mapping[FolderKind, str] = {
    "curves": "curve", "correlation": "scatter", "training": "losses"
}  # fmt: skip


def draw(kind: str, folders: Sequence[Any], **options: Any) -> "Drawing":
    """Return a plot of a kind.

    The options are those given; the kind has defaults for the others. Every kind that shows runs
    takes the name of a `task`, and then shows the runs as if they had that task only.

    Raises:
        UsageError: If the kind does not take an option, a run has no such task, or a kind that
            shows one study gets several.
        StoreError: If none of the runs has a step yet.
    """
    function, of = KINDS[kind].draw(), KINDS[kind].of
    where = f"alsim plot --kind {kind}"
    task = options.get("task")
    if of == "curves" and not any(run.steps.num_rows for run in folders):
        from alsim.analysis.curves.runs import refuse_empty

        refuse_empty(folders)
    if of == "curves" and task not in (None, "all"):
        from alsim.analysis.curves.task_runs import of_task

        del options["task"]
        options.setdefault("title", task)
        folders = [of_task(run, task) for run in folders]
    _, *known = inspect.signature(function).parameters
    if of == "curves" and task == "all" and "task" not in known:
        raise UsageError(
            f"{kind} shows one task, or the mean over all tasks",
            f"{where} --task all",
            "name a task, or leave it out; --kind curve has a panel for each",
        )
    shown = [*known, *["task"] * (of == "curves" and "task" not in known)]
    if extra := [name for name in options if name not in known]:
        raise UsageError(
            f"{', '.join(_flag(name) for name in extra)} has no meaning here",
            where,
            f"leave it out; {kind} takes: {', '.join(_flag(name) for name in shown)}",
        )
    if of != "curves":
        if len(folders) != 1:
            what = f"{len(folders)} {of} studies in one picture"
            raise UsageError(what, where, "draw each by itself")
        return function(folders[0], **options)
    from alsim.analysis.curves.runs import check_units
    from alsim.analysis.curves.task_runs import check_auc, with_metric

    if "x" in known:
        mend = "add --x questions or --x cost, or draw runs of one unit"
        check_units(options.get("x", "labels"), folders, mend)
    metric = options.get("metric")
    if metric == "auc" and task != "all":
        check_auc(folders, task)
    if metric is not None:
        folders = [with_metric(run, metric) for run in folders]
    return function(folders, **options)


def _flag(name: str) -> str:
    return f"--{name}"
