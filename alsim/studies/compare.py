"""`alsim.compare`: the Python twin of the command."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from alsim.analysis.curves import comparison
from alsim.analysis.curves.comparison import Comparison
from alsim.analysis.curves.judges import judging_of
from alsim.analysis.curves.runs import (
    Merged,
    check_units,
    counted,
    merge_runs,
    own_baselines,
    recorded_baseline,
    refuse_empty,
    renamed,
    unlike,
)
from alsim.analysis.curves.task_runs import check_auc, of_task, with_metric
from alsim.errors import UsageError
from alsim.options.calling import takes
from alsim.options.compare import CompareOptions, Runs
from alsim.options.faults import Faults
from alsim.options.option import read
from alsim.store.curves import Run, read_run
from alsim.store.manifest import kind_of, open_folder
from alsim.studies.caveats import about_labels, about_names, about_result, about_runs, labels_asked


@takes(CompareOptions)
def compare(given: dict[str, Any]) -> Comparison:
    """Return the strategies of one or more runs compared, as `alsim compare` does.

    `runs` are folders, or runs as `alsim.run` and `alsim.read_run` return them. Every other
    argument is the option of the command of the same name, see `docs/reference.md`.

    Where several runs have a strategy, its name contains its run's too, "margin · posts", unless
    the runs differ in their seeds and strategies alone: then their seeds count as one run's. The
    default baseline is random; of several, that of the run named first.

    Raises:
        UsageError: If an option cannot be used, or runs cannot be compared; runs of different
            units cannot be by their labels, whatever `force` says.
        StoreError: If a run cannot be read, or holds no step.
    """
    faults = Faults()
    options = read(CompareOptions, given, faults)
    if options.cost_per_label is not None and options.x != "labels":
        faults.add(
            f"a label's price says nothing about {options.x} saved",
            "--cost-per-label and --x",
            "leave out --x, or leave out the price: what answers cost is known as --x cost",
        )
    faults.raise_all("options cannot be used", "alsim compare")
    x = options.x
    found = _read(options.runs)
    check_units(x, found, "add --x cost or --x questions, or compare runs of one unit")
    differences = unlike(found)
    if differences and not options.force:
        listed = "".join(f"\n  different {each}" for each in differences)
        raise UsageError(
            f"the runs measure different things, so their numbers cannot be compared:{listed}",
            ", ".join(str(run.folder) for run in found),
            "compare runs on the same pool and splits; or add --force, if you know better",
        )
    of = found if options.task is None else [of_task(run, options.task) for run in found]
    if options.metric == "auc":
        check_auc(of, options.task)
    merged = renamed(merge_runs([with_metric(run, options.metric) for run in of]), options.rename)
    generator = None
    if options.interval == "bootstrap":
        from alsim.seeding import stream  # torch takes seconds to import

        generator = stream(0, "labels saved")
    judging = judging_of(
        of,
        merged,
        metric=options.metric,
        x=x,
        is_own_question=options.baseline is None and not options.all_pairs,
    )
    result = comparison.compare(
        merged.steps,
        metric=options.metric,
        x=x,
        baseline=_baseline(merged, options.baseline, found[0]),
        baselines=own_baselines(found, merged) if options.baseline is None else None,
        reference=options.reference,
        share=options.share,
        cost_per_label=options.cost_per_label,
        bootstrap=generator,
        all_pairs=options.all_pairs,
        judging=judging,
    )
    result = replace(result, counts=counted(x, found))
    notes = [f"compared by force, in spite of different {each}" for each in differences]
    notes += [*about_runs(found), *about_names(merged, result)]
    notes += about_result(result)
    if x == "labels":  # which are objects, where these are the unit
        notes += about_labels(labels_asked(found, merged))
    if options.cost_per_label is not None and result.counts == "objects":
        notes.append("the price of a label was taken for that of an object with all it is asked")
    if options.interval == "bootstrap":
        notes.append(
            "bootstrap intervals of savings are too narrow: over five seeds 95 % ones cover .83 "
            "to .85; those of --interval t-test cover .95 or more"
        )
    return replace(result, notes=tuple(notes), task=options.task)


def _read(runs: Runs) -> list[Run]:
    """Return the runs, each folder once.

    Raises:
        StoreError: If one cannot be read, or nothing was recorded yet.
    """
    several = runs if isinstance(runs, Sequence) and not isinstance(runs, str) else [runs]
    folders = [run if isinstance(run, str | Path | Run) else run.folder for run in several]
    found = [run if isinstance(run, Run) else _read_curves(run) for run in folders]
    if not found:
        raise UsageError("no run to compare", "alsim compare", "name the folder of a run")
    unique = list({run.folder.resolve(): run for run in found}.values())
    refuse_empty(unique)
    return unique


def _read_curves(folder: str | Path) -> Run:
    path, manifest = open_folder(folder)
    if kind_of(manifest) == "training":
        what, mend = (
            "a training study, which has no learning curves",
            "alsim.compare_models(folder)",
        )
        raise UsageError(what, str(path), f"compare its models: {mend}")
    return read_run(path)


def _baseline(merged: Merged, name: str | None, first: Run) -> str | None:
    """Return the baseline's name in the merged steps; by default that of the run named first."""
    if name in merged.sources:
        return name
    wanted = recorded_baseline(first) if name is None else name
    called = [label for label, (own, _) in merged.sources.items() if own == wanted]
    if name is not None and called:
        raise UsageError(
            f"several runs have {name}", "--baseline", f"name one of: {', '.join(called)}"
        )
    return called[0] if called else name
