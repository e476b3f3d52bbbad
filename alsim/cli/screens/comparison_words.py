"""A comparison in sentences after its answer: one a pair, and what is behind the numbers."""

import math

from alsim.analysis.curves.answer import (
    metric_words,
    p_text,
    p_words,
    unit,
    what_would_decide,
)
from alsim.analysis.curves.comparison import Comparison
from alsim.analysis.curves.verdicts import Verdict
from alsim.analysis.statistics.intervals import widest_sampling_interval
from alsim.analysis.statistics.spread import spread_of
from alsim.cli.screens.comparison_cells import joint_cell, judges_in_table, points, wins_cell


def explanations(
    found: Comparison, split: str, n_evaluated: int, of: str = "", is_mean: bool = False
) -> list[str]:
    """Return what the numbers are, and of which rows.

    Several tasks are named by `of`; the sampling error of the mean over them is not known.
    """
    metric, form = metric_words(found.metric), unit(found)
    span = f"mean height of the curve from {found.start:{form}} to {found.end:{form}}"
    if found.start == found.end:
        span = f"{metric} at the only point that all share, {found.end:{form}}"
    lines = [f"AUBC: {span} {found.counts}"]
    if any(each.saving for each in found.strategies):
        less = "how much less" if found.counts == "cost" else "how many fewer"
        lines.append(
            f"{found.counts} saved: {less} for the same {metric}, on average over the curve"
        )
    lines += _about_certainty(found, split)
    on = f"{of}{metric} on {n_evaluated:,} {split} rows"
    if found.metric == "accuracy" and not is_mean:
        lasts = [each.last.mean for each in found.strategies]
        share, ends = widest_sampling_interval(lasts, n_evaluated)
        low, high = map(points, ends)
        on += f"; sampling error: {points(share)} is known to within [{low}, {high}]"
        on += "; all strategies share it"
    lines.append(on)
    if found.reference is not None:
        ends = {each.strategy: each.last.mean for each in found.strategies}
        own = ends.get(found.baseline or "")
        is_own = own is not None and math.isclose(own, found.reference)
        whose = f"{found.baseline}'s last" if is_own else "the reference"
        target, share = points(found.share * found.reference), f"{100 * found.share:g} %"
        lines.append(f"{share} of {whose} {metric}, {points(found.reference)}, is {target}")
        reaches = [each.reach for each in found.strategies if each.reach is not None]
        if any(reach.n_missed and reach.labels for reach in reaches):
            lines.append("≥ … (1 of 3): seeds that reached it; the others count as at the end")
    return lines


def _about_certainty(found: Comparison, split: str) -> list[str]:
    """Return what was tested, what the verdicts speak of, and what intervals are."""
    if all(len(each.seeds) == 1 for each in found.strategies):
        return ["one seed gives neither interval nor verdict: add --seeds 5"]
    alone = "95 % interval over seeds, each for itself alone"
    n, outside = len(found.verdicts), [s for s in found.strategies if s.outside]
    if not n:
        return [f"{'[ ]' if outside else '±'}: {alone}"]
    base = "a baseline" if found.baselines else "the baseline"
    what = "pairs" if found.all_pairs else f"comparisons with {base}"
    all_ = "both" if n == 2 else f"all {n}"
    holm, together = (f", Holm over {n} {what}", f", {all_} together") if n > 1 else ("", "")
    basis = found.verdicts[0].basis
    if basis == "planned":
        holm = ", at looks that were planned, each at its level"
    elif basis == "anytime":
        holm += ", by a p that holds at any time: the number of seeds was not fixed"
    rows = f"new seeds and new {split} rows" if found.counts_rows else "new seeds on these rows"
    s = "s" * (n > 1)
    lines = [
        f"verdict{s}: paired t-test{s} of the AUBC{holm}",
        f"[ ]: 95 % interval{together}; like the verdict{s} it speaks of {rows}",
    ]
    if basis == "planned":
        levels = [
            f"{each.first} {each.level:.4f}".replace(" 0.", " .")
            for each in found.verdicts
            if each.look is not None
        ]
        lines += [f"levels: {', '.join(levels)}"] * bool(levels)
    if basis == "anytime":
        fixed = [
            f"{each.first} {p_text(each.p_if_fixed)}"
            for each in found.verdicts
            if each.p_if_fixed is not None
        ]
        lines.append(
            f"had the number of seeds been fixed, p would be: {', '.join(fixed)}; it was not, so "
            "these do not hold"
        )
    if outside:
        line = f"{', '.join(each.strategy for each in outside)}: outside of ranks and verdicts"
        lines.append(line + f"; [ ]: {alone}" * any(each.saving for each in outside))
    if found.ceiling is not None:
        top = f"{points(found.ceiling.mean)}, of nets trained on all labels"
        lines.append(f"of the ceiling: share of the way from the start to {top}")
    if any(each.by_labels for each in found.strategies):
        lines.append(
            "by labels: share of the gain that is beyond the control's, which trained on as long "
            "without new labels"
        )
    if not judges_in_table(found):
        lines.append(f"± and [ ] in the table: {alone}")
    return lines


def verdict_sentence(verdict: Verdict) -> str:
    """Return a verdict in words; the first strategy is the one with the greater AUBC."""
    first, second, n = verdict.first, verdict.second, len(verdict.seeds)
    if verdict.area is None:
        return f"{first} and {second}: cannot tell{what_would_decide(verdict)}"
    gap = f"AUBC {joint_cell(verdict)}{p_words(verdict)}"
    if verdict.outcome == "better":
        return f"{first} is better than {second}: {gap}, {wins_cell(verdict)} seeds"
    seeds = f" with {n} seed{'s' * (n > 1)}" if n == 1 or verdict.p_adjusted is not None else ""
    return f"{first} and {second}: cannot tell{seeds} ({gap}){what_would_decide(verdict)}"


def parts_sentence(verdict: Verdict) -> str:
    """Return what the interval comes from, and what more seeds or test rows would do to it.

    Empty where the test rows are not counted.
    """
    spread = verdict.area and verdict.area.spread
    if not spread or not spread.parts:
        return ""
    parts, level = spread.parts, verdict.joint_level

    def width(n_seeds: int, n_rows: int) -> str:
        return points(spread_of(parts.with_rows(n_rows).with_seeds(n_seeds)).half_width(level))

    s, r = parts.n_seeds, parts.n_rows
    seeds, rows = (points(math.sqrt(part)) for part in (parts.seeds, parts.rows))
    return (
        f"  standard error {points(spread.error)}: seeds {seeds}, test rows {rows}; ± "
        f"{width(s, r)} becomes {width(2 * s, r)} with {2 * s} seeds, {width(s, 2 * r)} with "
        f"{2 * r:,} test rows; more seeds alone cannot go below ± {width(1_000_000, r)}"
    )
