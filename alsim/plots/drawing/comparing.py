"""The comparison behind a picture, as `alsim.compare` makes it, with the names of the page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from alsim.analysis.curves.comparison import Comparison, compare
from alsim.analysis.curves.curves import XAxis
from alsim.analysis.curves.judges import judging_of
from alsim.analysis.curves.runs import counted, merge_runs, own_baselines, renamed
from alsim.errors import UsageError, nearest
from alsim.plots.drawing.lines import Key
from alsim.plots.drawing.of_runs import DrawableRun, baseline_of, strategies_of
from alsim.plots.drawing.page import page


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Strategies compared, their steps, and whose each name in the comparison is."""

    found: Comparison
    steps: pa.Table
    keys: dict[str, Key]  # the name in the comparison -> the first run that has it, its strategy


def compare_runs(
    runs: Sequence[DrawableRun],
    metric: str,
    x: XAxis,
    baseline: str | None,
    *,
    all_pairs: bool = False,
) -> Compared:
    """Return the strategies of one or more runs, compared, each with the baseline of its own run.

    Without a baseline in any of the runs there is none, unless it was asked for.

    Raises:
        UsageError: If the metric is no score, nothing can be compared, or the baseline is unknown.
    """
    drawn = strategies_of(runs)
    names = {old: new for old, new in page().rename.items() if old in drawn}
    merged = renamed(merge_runs(runs), names)
    wanted = baseline_of(runs, baseline)
    called = [label for label, (own, _) in merged.sources.items() if own == wanted]
    if not called and baseline is not None:
        what, where = f"no strategy is called {wanted!r}", "alsim plot --baseline"
        raise UsageError(what, where, nearest(wanted, drawn))
    base = called[0] if called else None
    own = own_baselines(runs, merged) if baseline is None else {}
    judging = judging_of(
        runs, merged, metric=metric, x=x, is_own_question=baseline is None and not all_pairs
    )
    found = compare(
        merged.steps, metric=metric, x=x, baseline=base, baselines=own, all_pairs=all_pairs,
        judging=judging,
    )  # fmt: skip
    first = {label: (names_of[0], own) for label, (own, names_of) in merged.sources.items()}
    return Compared(replace(found, counts=counted(x, runs)), merged.steps, first)
