"""Notes on a comparison: on runs that are not complete, and on what they do not share."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.curves.comparison import Comparison
from alsim.analysis.curves.runs import BASELINE, Merged, named, settings_that_differ
from alsim.analysis.manifest import list_at, value_at
from alsim.store.curves import Run

_SHOWN = 4  # settings in which runs differ that are listed
_UNLIKE = 1.05  # ratio of the labels for each object from which on strategies are noted
_FEWEST, _MOST = 3, 2  # strategies named at either end, if there are more than these


def about_runs(runs: Sequence[Run]) -> list[str]:
    """Return notes on the runs' folders: how far they came, and in what they differ."""
    pairs = named(runs)
    notes = [
        f"{name} is marked {run.status}: compared as far as it was written"
        for name, run in pairs
        if run.status != "complete"
    ]
    for name, run in pairs:
        of_run = f" of {name}" if len(runs) > 1 else ""
        for each in list_at(run.manifest, "diverged"):
            where = "{strategy}, seed {seed}".format_map(each)
            notes.append(f"{where}{of_run} diverged at step {each['step']}: its curve ends there")
    if any(run.evaluation_split == "validation" for run in runs):
        notes.append(
            "the pool has no test split: the rows measured on also ended the passive phase"
        )
    settings = settings_that_differ(runs)
    start = {"schedule.initial_size", "initial_ids"} & settings.keys()
    if start:
        notes.append(
            "the runs start from different labels: strategies of different runs are still "
            "compared by seed, but their seeds no longer share a start"
        )
    others = [f"{path} ({' / '.join(each)})" for path, each in settings.items()]
    if others:
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        names = " / ".join(name for name, _ in pairs)
        notes.append(f"the runs differ ({names}): {', '.join(others[:_SHOWN])}{more}")
    return notes


def about_labels(asked: Mapping[str, tuple[int, int]]) -> list[str]:
    """Return a note where strategies got unlike numbers of labels for an object, else none.

    `asked` has the number of labels and of objects that each strategy asked for, without the
    initial ones.
    """
    means = sorted((labels / objects, name) for name, (labels, objects) in asked.items() if objects)
    if not means or means[-1][0] <= _UNLIKE * means[0][0]:
        return []
    listed = [f"{name} {mean:.2f}" for mean, name in means]
    if (n_between := len(listed) - _FEWEST - _MOST) > 0:
        listed[_FEWEST:-_MOST] = [f"{n_between} more between"]
    return [
        f"labels for each object queried: {', '.join(listed)}; the same number of objects is not "
        "the same effort, so compare them by what they cost: alsim compare or alsim plot, --x cost"
    ]


def labels_asked(runs: Sequence[Run], merged: Merged) -> dict[str, tuple[int, int]]:
    """Return the argument of `about_labels`, of those runs that query objects of several tasks.

    All objects that a strategy queried count, also beyond the span of a comparison. A seed that
    two runs share counts once.
    """
    by_objects = {name: run for name, run in named(runs) if _is_by_objects(run)}
    asked: dict[str, tuple[int, int]] = {}
    for label, (own, names) in merged.sources.items():
        queried = (pc.field("strategy") == own) & (pc.field("step") > 0)
        tables = [
            by_objects[name].queries.filter(queried).select(["seed", "step", "rank", "task"])
            for name in names
            if name in by_objects
        ]
        if tables:  # the labels of an object share its rank
            cells = pa.concat_tables(tables).group_by(["seed", "step", "rank", "task"])
            labels = cells.aggregate([])
            objects = labels.group_by(["seed", "step", "rank"]).aggregate([])
            asked[label] = labels.num_rows, objects.num_rows
    return asked


def _is_by_objects(run: Run) -> bool:
    """Return whether a run queried objects of several tasks; runs of one task record no unit."""
    return value_at(run.manifest, "configuration", "unit") == "object"


def about_names(merged: Merged, result: Comparison) -> list[str]:
    """Return notes on the names of strategies that several runs have, and on the baseline."""
    together: dict[tuple[str, ...], list[str]] = {}
    for label, (_, names) in merged.sources.items():
        if len(names) > 1:
            together.setdefault(names, []).append(label)
    notes = [
        f"{', '.join(labels)}: the seeds of {' and '.join(names)} count together, since these "
        "runs have the same settings"
        for names, labels in together.items()
    ]
    if result.baseline is None:
        notes.append(f"no strategy is called {BASELINE}, so nothing is saved: name a --baseline")
    elif result.baselines:
        bases = dict.fromkeys([result.baseline, *result.baselines.values()])
        notes.append(
            "each strategy is compared with the baseline of its own run; --baseline takes one for "
            f"all: {', '.join(bases)}"
        )
    return notes


def about_result(result: Comparison) -> list[str]:
    """Return notes on what was left out of a comparison."""
    notes = [
        f"{name} is left out: no point of its curve has a value for all of its seeds"
        for name in result.left_out
    ]
    cut = [numbers.strategy for numbers in result.strategies if numbers.is_cut]
    if cut:
        notes.append(
            f"compared from {result.start:,.6g} to {result.end:,.6g} {result.counts}, where all "
            f"strategies have all of their seeds; cut to that: {', '.join(cut)}"
        )
    if result.start == result.end:
        notes.append(
            f"all strategies share one point only, {result.end:,.6g} {result.counts}: no savings"
        )
    by_seeds: dict[tuple[int, ...], list[str]] = {}
    for numbers in result.strategies:
        by_seeds.setdefault(numbers.seeds, []).append(numbers.strategy)
    if len(by_seeds) > 1:
        listed = "; ".join(
            f"{', '.join(names)}: {', '.join(map(str, seeds))}" for seeds, names in by_seeds.items()
        )
        notes.append(
            f"seeds differ ({listed}): verdicts and {result.counts} saved are on those that both "
            f"have, ranks on those that all have, means and {result.counts} to a share on each "
            "strategy's own"
        )
    return notes
