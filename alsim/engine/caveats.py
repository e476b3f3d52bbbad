"""What to bear in mind of a comparison: runs that are not whole, and what they do not share."""

from collections.abc import Sequence

from alsim.analysis.comparison import BASELINE, Comparison
from alsim.analysis.runs import Merged, named, settings_that_differ
from alsim.store import Run

_SHOWN = 4  # settings in which runs differ that are listed


def about_runs(runs: Sequence[Run]) -> list[str]:
    """Return what the runs' folders tell: how far they came, and in what they differ."""
    pairs = named(runs)
    notes = [
        f"{name} is marked {run.status}: compared as far as it was written"
        for name, run in pairs
        if run.status != "complete"
    ]
    for name, run in pairs:
        lost = run.manifest.get("diverged")
        of_run = f" of {name}" if len(runs) > 1 else ""
        for each in lost if isinstance(lost, list) else ():
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


def about_names(merged: Merged, result: Comparison, asked: str | None) -> list[str]:
    """Return what strategies that several runs have are called, and what savings are against."""
    together: dict[tuple[str, ...], list[str]] = {}
    for label, (_, names) in merged.sources.items():
        if len(names) > 1:
            together.setdefault(names, []).append(label)
    notes = [
        f"{', '.join(labels)}: the seeds of {' and '.join(names)} count together, since these "
        "runs have the same settings"
        for names, labels in together.items()
    ]
    several = [label for label, (own, _) in merged.sources.items() if own == BASELINE]
    if result.baseline is None:
        notes.append(f"no strategy is called {BASELINE}, so nothing is saved: name a --baseline")
    elif asked is None and len(several) > 1:
        notes.append(
            f"savings are against {result.baseline}, of the run named first; "
            f"--baseline takes another of: {', '.join(several)}"
        )
    return notes


def about_result(result: Comparison) -> list[str]:
    """Return what was left out of a comparison."""
    notes = [
        f"{name} is left out: no point of its curve has a value for all of its seeds"
        for name in result.left_out
    ]
    cut = [numbers.strategy for numbers in result.strategies if numbers.is_cut]
    if cut:
        notes.append(
            f"compared from {result.start:,.6g} to {result.end:,.6g} {result.x}, where all "
            f"strategies have all of their seeds; cut to that: {', '.join(cut)}"
        )
    if result.start == result.end:
        notes.append(
            f"all strategies share one point only, {result.end:,.6g} {result.x}: no savings"
        )
    by_seeds: dict[tuple[int, ...], list[str]] = {}
    for numbers in result.strategies:
        by_seeds.setdefault(numbers.seeds, []).append(numbers.strategy)
    if len(by_seeds) > 1:
        told = "; ".join(
            f"{', '.join(names)}: {', '.join(map(str, seeds))}" for seeds, names in by_seeds.items()
        )
        notes.append(
            f"seeds differ ({told}): verdicts and labels saved are on those that both have, ranks "
            "on those that all have, means and labels to a share on each strategy's own"
        )
    return notes
