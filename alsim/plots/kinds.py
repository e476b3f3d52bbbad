"""The kinds of pictures there are. Importing this imports nothing that draws."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from alsim.errors import UsageError

if TYPE_CHECKING:
    from alsim.plots.drawing.figures import Drawing


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of picture: what it shows, and what draws it."""

    about: str
    home: str  # module:function of alsim.plots; its keyword arguments are the kind's options
    of: Literal["run", "correlation", "training"] = "run"  # what kind of folder it is drawn of
    file: str = ""  # in the folder, if no other is asked for; empty: KIND.png

    def draw(self) -> "Callable[..., Drawing]":
        """Import and return what draws it."""
        module, _, name = self.home.partition(":")
        return getattr(import_module(f"alsim.plots.{module}"), name)


KINDS: Mapping[str, Kind] = {
    "curve": Kind("the learning curves", "curves:draw_curves", file="curves.png"),
    "difference": Kind("each strategy minus the baseline", "difference:draw_difference"),
    "savings": Kind("labels saved against the baseline by n", "savings:draw_savings"),
    "wins": Kind("who beats whom, with verdicts", "wins:draw_wins"),
    "classes": Kind("accuracy by class", "classes:draw_classes"),
    "queries": Kind("classes asked for against the pool's", "queries:draw_queries"),
    "heads": Kind("accuracy by head and modalities", "heads:draw_heads"),
    "sigma": Kind("the σ of each head", "sigma:draw_sigma"),
    "batch-size": Kind("the training batches", "curves:draw_batch_sizes"),
    "scatter": Kind("groups of a correlation study", "scatter:draw_studies", of="correlation"),
    "losses": Kind(
        "final losses of each net of `alsim train`", "losses:draw_losses", of="training"
    ),
    "fractions": Kind("its models against the labels", "fractions:draw_fractions", of="training"),
    "experts": Kind("its accuracy by how many experts run", "experts:draw_experts", of="training"),
}

# What to do about runs of different units, by whether the kind can be drawn against another x.
_ONE_AXIS = ("draw runs of one unit", "add --x questions or --x cost, or draw runs of one unit")


def draw(kind: str, folders: Sequence[Any], **options: Any) -> "Drawing":
    """Return a picture of a kind.

    Args:
        kind: One of `KINDS`.
        folders: What was read: runs, or what the kind is drawn of.
        options: Those given; the kind has its own defaults. Every kind that is drawn of runs takes
            the name of a `task`: then it draws what it would of runs of that task alone.

    Raises:
        UsageError: If the kind does not take an option, or a run has no such task.
    """
    function = KINDS[kind].draw()
    task = options.get("task")
    if KINDS[kind].of == "run" and task not in (None, "all"):
        from alsim.analysis.curves.task_runs import of_task

        del options["task"]
        options.setdefault("title", task)
        folders = [of_task(run, task) for run in folders]
    _, *known = inspect.signature(function).parameters
    if KINDS[kind].of == "run" and task == "all" and "task" not in known:
        raise UsageError(
            f"{kind} is of one task, or of the mean over all",
            f"alsim plot --kind {kind} --task all",
            "name a task, or leave it out; --kind curve has a panel for each",
        )
    shown = [*known, *["task"] * (KINDS[kind].of == "run" and "task" not in known)]
    if extra := [name for name in options if name not in known]:
        raise UsageError(
            f"{', '.join(_flag(name) for name in extra)} has no meaning here",
            f"alsim plot --kind {kind}",
            f"leave it out; {kind} takes: {', '.join(_flag(name) for name in shown)}",
        )
    if KINDS[kind].of == "run":
        from alsim.analysis.curves.runs import check_units
        from alsim.analysis.curves.task_runs import check_auc

        if "x" in known or kind == "classes":
            check_units(options.get("x", "labels"), folders, _ONE_AXIS["x" in known])
        if options.get("metric") == "auc" and task != "all":
            check_auc(folders, task)
    return function(folders, **options)


def _flag(name: str) -> str:
    return f"--{name}"
