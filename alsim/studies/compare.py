"""`alsim.compare`: the Python twin of the command, with the same names and the same defaults."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from alsim.analysis.curves import comparison
from alsim.analysis.curves.comparison import BASELINE, SHARE, Comparison
from alsim.analysis.curves.curves import XAxis
from alsim.analysis.curves.runs import Merged, check_units, counted, merge_runs, unlike
from alsim.analysis.curves.task_runs import check_auc, of_task, with_metric
from alsim.errors import StoreError, UsageError, nearest
from alsim.options.faults import Faults
from alsim.store.curves import Run, read_run
from alsim.studies.caveats import (
    about_labels,
    about_names,
    about_result,
    about_runs,
    labels_asked,
)

Interval = Literal["t-test", "bootstrap"]


def compare(
    runs: str | Path | Run | Sequence[str | Path | Run],
    *,
    metric: str = "accuracy",
    task: str | None = None,
    x: XAxis = "labels",
    baseline: str | None = None,
    reference: float | None = None,
    share: float = SHARE,
    cost_per_label: float | None = None,
    interval: Interval = "t-test",
    force: bool = False,
) -> Comparison:
    """Return the strategies of one or more runs compared, as `alsim compare` does.

    Where several runs have a strategy, it is called by its run too, "margin · posts", unless the
    runs differ in nothing but their seeds and strategies: then their seeds count as one run's.
    Without a name the baseline is random; of several, that of the run named first.

    Args:
        runs: Folders of runs, or runs as `alsim.run` and `alsim.read_run` return them.
        metric: What to compare by, such as accuracy or macro_f1, one of `alsim.measures.SCORES`;
            auc of one task of two classes alone.
        task: Of runs of several tasks, the one to compare by; None is the mean over them. Labels
            and cost stay those of all tasks.
        x: Savings are in labels, in the oracle's questions, or in what the answers cost.
        baseline: The strategy that savings are against.
        reference: An accuracy, such as that of training on all labels; None is the baseline's
            mean at the end.
        share: Of the reference, the accuracy that is to be reached.
        cost_per_label: To tell what is saved in money, too.
        interval: Of the savings; a bootstrap's is too narrow over a few seeds.
        force: Whether runs on other pools, splits or tasks are compared all the same.

    Raises:
        UsageError: If an option cannot be used, or runs cannot be compared; by their labels no
            runs of different units, whatever `force` says.
        StoreError: If a run cannot be read, or holds no step.
    """
    _check(x, reference, share, cost_per_label, interval)
    found = _read([runs] if isinstance(runs, str | Path | Run) else runs)
    check_units(x, found, "add --x cost or --x questions, or compare runs of one unit")
    differences = unlike(found)
    if differences and not force:
        listed = "".join(f"\n  different {each}" for each in differences)
        raise UsageError(
            f"the runs measure different things, so their numbers cannot be compared:{listed}",
            ", ".join(str(run.folder) for run in found),
            "compare runs on the same pool and splits; or add --force, if you know better",
        )
    of = found if task is None else [of_task(run, task) for run in found]
    if metric == "auc":
        check_auc(of, task)
    merged = merge_runs([with_metric(run, metric) for run in of])
    generator = None
    if interval == "bootstrap":
        from alsim.seeding import stream  # torch takes seconds to import

        generator = stream(0, "labels saved")
    chosen = _baseline(merged, baseline)
    result = comparison.compare(
        merged.steps,
        metric=metric,
        x=x,
        baseline=chosen,
        reference=reference,
        share=share,
        cost_per_label=cost_per_label,
        bootstrap=generator,
    )
    result = replace(result, counts=counted(x, found))
    notes = [f"compared by force, in spite of different {each}" for each in differences]
    notes += [*about_runs(found), *about_names(merged, result, asked=baseline)]
    notes += about_result(result)
    if x == "labels":  # which are objects, where these are the unit
        notes += about_labels(labels_asked(found, merged))
    if cost_per_label is not None and result.counts == "objects":
        notes.append("the price of a label was taken for that of an object with all it is asked")
    if interval == "bootstrap":
        notes.append(
            "bootstrap intervals of savings are too narrow: over five seeds 95 % ones cover .83 "
            "to .85; those of --interval t-test cover .95 or more"
        )
    return replace(result, notes=tuple(notes), task=task)


def _check(
    x: str, reference: float | None, share: float, cost: float | None, interval: str
) -> None:
    """Raise a UsageError that names every option whose value cannot be used."""
    faults = Faults()
    for flag, value, known in (
        ("--x", x, get_args(XAxis)),
        ("--interval", interval, get_args(Interval)),
    ):
        if value not in known:
            faults.add(f"there is no {value!r}", flag, nearest(str(value), known))
    for flag, value in (("--share", share), ("--reference", reference)):
        if value is not None and not 0 < value <= 1:
            faults.add(f"{value:g} is not a share", flag, "0.95 is 95 %")
    if cost is not None and not 0 < cost < math.inf:
        what = f"a price of {cost:g} is not positive and finite"
        faults.add(what, "--cost-per-label", "say what a label costs, such as 0.08")
    if cost is not None and x != "labels":
        faults.add(
            f"a label's price tells nothing of {x} saved",
            "--cost-per-label and --x",
            "leave out --x, or leave out the price: what answers cost is known as --x cost",
        )
    faults.raise_all("options cannot be used", "alsim compare")


def _read(runs: Sequence[str | Path | Run]) -> list[Run]:
    """Return the runs, each folder once.

    Raises:
        StoreError: If one cannot be read, or nothing was recorded yet.
    """
    read = [run if isinstance(run, Run) else read_run(Path(run)) for run in runs]
    if not read:
        raise UsageError("no run to compare", "alsim compare", "name the folder of a run")
    unique = list({run.folder.resolve(): run for run in read}.values())
    for run in unique:
        if not run.steps.num_rows:
            raise StoreError(
                "the run has no step yet",
                str(run.folder),
                f"wait for its first, or go on with it: alsim resume {run.folder}",
            )
    return unique


def _baseline(merged: Merged, name: str | None) -> str | None:
    """Return what the strategy that savings are against is called in the merged steps."""
    if name in merged.sources:
        return name
    called = [label for label, (own, _) in merged.sources.items() if own == (name or BASELINE)]
    if name is not None and called:
        raise UsageError(
            f"several runs have {name}", "--baseline", f"name one of: {', '.join(called)}"
        )
    return called[0] if called else name
