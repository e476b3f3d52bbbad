"""The table of kinds of plots. Importing this module imports nothing that draws.

A new kind is a module here with one function, and a row in `KINDS`. The function takes what it
shows, one or more runs (a folder given twice is drawn once) or one study, and these options:

    metric: a column of the steps, or a metric of a study's tasks (None: the first measured)
    x: the quantity on the x axis
    band: one of `alsim.analysis.statistics.bands`
    baseline: a strategy's name (None: the run's, or random)
    task: one task (None: the mean over all)
    fraction: of the labels (None: the largest)
    title: the text above all

What else can be chosen is on the page (`alsim.plots.drawing.page`): every kind has a size and a
title, its row says what more it takes from there.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from alsim.errors import UsageError, nearest
from alsim.lazy import import_object
from alsim.plots.drawing.page import Page, on_page

FolderKind = Literal["curves", "correlation", "training"]

if TYPE_CHECKING:
    from alsim.plots.drawing.figures import Drawing

_NAMES = ("strategies", "rename")
_LINES = ("x_scale", "x_range", "y_range", *_NAMES)
_ON_PAGE = frozenset(field.name for field in fields(Page)) - {"everyone"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of plot: what it shows, and the function that draws it."""

    about: str
    home: str  # module:function in alsim.plots
    of: FolderKind = "curves"  # the kind of folder that it shows
    takes: tuple[str, ...] = _NAMES  # of what only some kinds have on their page
    file: str = ""  # default file name in the folder; empty: KIND.png
    is_paired: bool = False  # whether it draws the baseline, or compares with it, in any case
    is_of_labels: bool = (
        False  # whether it shows what labels are worth, so that the control has none
    )

    def draw(self) -> "Callable[..., Drawing]":
        """Import and return the function that draws it."""
        return import_object(self.home, "alsim.plots")

    def options(self) -> tuple[str, ...]:
        """Return the options that it takes, by name; those of a page's size and title last."""
        _, *own = inspect.signature(self.draw()).parameters
        own += [*["task"] * (self.of == "curves" and "task" not in own), *self.takes]
        return (*own, *sorted(_ON_PAGE - set(_LINES)))


KINDS: Mapping[str, Kind] = {
    "decision": Kind(
        "the curves, the labels saved and the differences to the baseline, with the verdict",
        "decision:draw_decision", takes=_LINES, is_paired=True,
    ),
    "curve": Kind("the learning curves", "curves:draw_curves", takes=_LINES, file="curves.png"),
    "difference": Kind(
        "each strategy minus the baseline", "difference:draw_difference", takes=_LINES,
        is_paired=True, is_of_labels=True,
    ),
    "savings": Kind(
        "labels saved on average, with verdicts", "savings:draw_savings", is_paired=True,
        is_of_labels=True,
    ),
    "savings-curve": Kind(
        "labels saved by n", "saving_curves:draw_saving_curves", takes=_LINES, is_paired=True,
        is_of_labels=True,
    ),
    "wins": Kind("who beats whom, with verdicts", "wins:draw_wins", is_of_labels=True),
    "classes": Kind("accuracy by class", "classes:draw_classes"),
    "queries": Kind("classes queried, against the pool's", "queries:draw_queries"),
    "heads": Kind("accuracy by head and modalities", "heads:draw_heads", takes=_LINES),
    "sigma": Kind("the σ of each head", "sigma:draw_sigma", takes=_LINES),
    "batch-size": Kind("the training batches", "batch_size:draw_batch_sizes", takes=_LINES),
    "scatter": Kind(
        "groups of a correlation study", "scatter:draw_study", of="correlation", takes=()
    ),
    "losses": Kind(
        "final losses of each net of `alsim train`", "losses:draw_losses", of="training"
    ),
    "fractions": Kind("its models against the labels", "fractions:draw_fractions", of="training"),
    "experts": Kind("its accuracy by how many experts run", "experts:draw_experts", of="training"),
}  # fmt: skip
DEFAULTS: Mapping[FolderKind, str] = {
    "curves": "decision", "correlation": "scatter", "training": "losses"
}  # fmt: skip


def draw(kind: str, folders: Sequence[Any], **options: Any) -> "Drawing":
    """Return a plot of a kind.

    The options are those given, of the kind and of its page; there are defaults for the others.
    Every kind that shows runs takes the name of a `task`, and then shows the runs as if they had
    that task only.

    Raises:
        UsageError: If the kind does not take an option, a run has no such task or strategy, or a
            kind that shows one study gets several.
        StoreError: If none of the runs has a step yet.
    """
    entry, where = KINDS[kind], f"alsim plot --kind {kind}"
    if entry.of == "curves" and not any(run.steps.num_rows for run in folders):
        from alsim.analysis.curves.runs import refuse_empty

        refuse_empty(folders)
    _check_options(kind, options)
    page = Page(**{name: options.pop(name) for name in _ON_PAGE & options.keys()})
    if page.x_scale == "log" and any(end is not None and end <= 0 for end in page.x_range):
        what = "a logarithmic axis has no 0"
        raise UsageError(what, f"{where} --x-range", "give ends above 0")
    if page.no_title and options.get("title"):
        raise UsageError("a title, and none", f"{where} --title --no-title", "give one of the two")
    if entry.of != "curves":
        if len(folders) != 1:
            what = f"{len(folders)} {entry.of} studies in one picture"
            raise UsageError(what, where, "draw each by itself")
        (study,) = folders
        if entry.takes:
            models = [str(name) for name in study.fits.column("model").unique().to_pylist()]
            page = _with_names(page, sorted(models), where)
        with on_page(page):
            return entry.draw()(study, **options)
    page, runs = _prepared(kind, page, folders, options)
    with on_page(page):
        return entry.draw()(runs, **options)


def _prepared(
    kind: str, page: Page, runs: Sequence[Any], options: dict[str, Any]
) -> tuple[Page, list[Any]]:
    """Return the page with all strategies, and the runs as the kind shows them.

    A task's name is taken out of the options.
    """
    from alsim.analysis.curves.runs import check_units
    from alsim.analysis.curves.task_runs import (
        check_auc,
        of_strategies,
        of_task,
        with_control_paired,
        with_metric,
    )
    from alsim.plots.drawing.of_runs import baseline_of, is_control, strategies_of

    entry, task = KINDS[kind], options.get("task")
    _, *known = inspect.signature(entry.draw()).parameters
    if task not in (None, "all"):
        del options["task"]
        options.setdefault("title", task)
        runs = [of_task(run, task) for run in runs]
    if "x" in known:
        mend = "add --x questions or --x cost, or draw runs of one unit"
        check_units(options.get("x", "labels"), runs, mend)
    metric = options.get("metric")
    if metric == "auc" and task != "all":
        check_auc(runs, task)
    if metric is not None:
        runs = [with_metric(run, metric) for run in runs]
    page = _with_names(page, strategies_of(runs), f"alsim plot --kind {kind}")
    silent = [name for name in strategies_of(runs) if is_control(name)]
    _refuse_control(kind, page, silent, options.get("baseline"))
    runs = [with_control_paired(run) for run in runs]
    if entry.is_of_labels and silent:
        runs = [of_strategies(run, {*strategies_of(runs)} - {*silent}) for run in runs]
    if page.strategies:
        baseline = options.get("baseline")
        is_paired = entry.is_paired or options.get("relative") or baseline
        kept = {*page.strategies, *[baseline_of(runs, baseline)] * bool(is_paired)}
        runs = [of_strategies(run, kept) for run in runs]
    return page, list(runs)


def _refuse_control(kind: str, page: Page, silent: Sequence[str], baseline: str | None) -> None:
    """Raise a UsageError if a control is the baseline, or is to be drawn where it has nothing."""
    if baseline in silent:
        what = f"{baseline} queries nothing, so the others save no labels against it"
        raise UsageError(
            what, f"alsim plot --kind {kind} --baseline", "name one that queries, or leave it out"
        )
    asked = [name for name in page.strategies if name in silent]
    if asked and KINDS[kind].is_of_labels:
        what = f"{asked[0]} queries nothing, so it saves no labels"
        mend = "leave it out, or draw --kind curve, which has it"
        raise UsageError(what, f"alsim plot --kind {kind} --strategies", mend)


def _with_names(page: Page, everyone: Sequence[str], where: str) -> Page:
    """Return a page that knows all strategies, or models; refuse names that are none of them."""
    for flag, names in (("--strategies", page.strategies), ("--rename", page.rename)):
        for name in names:
            if name not in everyone:
                what = f"there is no {name!r} in the picture"
                raise UsageError(what, f"{where} {flag}", nearest(name, everyone))
    called = [page.name(name) for name in everyone]
    for name in called:
        if called.count(name) > 1:
            what = f"two would be called {name!r}"
            raise UsageError(what, f"{where} --rename", "give each its own name")
    return replace(page, everyone=tuple(everyone))


def _check_options(kind: str, options: Mapping[str, Any]) -> None:
    """Raise a UsageError for an option that the kind does not take, and name the kinds that do."""
    where, shown = f"alsim plot --kind {kind}", KINDS[kind].options()
    own = inspect.signature(KINDS[kind].draw()).parameters
    if options.get("task") == "all" and "task" not in own:
        raise UsageError(
            f"{kind} shows one task, or the mean over all tasks",
            f"{where} --task all",
            "name a task, or leave it out; --kind curve has a panel for each",
        )
    extra = [name for name in options if name not in shown]
    if extra:
        able = [name for name, entry in KINDS.items() if set(extra) <= set(entry.options())]
        flags = ", ".join(_flag(name) for name in extra)
        mend = f"leave it out; {kind} takes: {', '.join(_flag(name) for name in shown)}"
        if able:
            mend = f"{flags}: kinds {', '.join(able)}; {mend}"
        raise UsageError(f"{flags} has no meaning here", where, mend)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
