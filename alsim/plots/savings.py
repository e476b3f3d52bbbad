"""Labels saved by each strategy on average: a dot, its interval and the verdict."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alsim.analysis.curves.answer import lead_ends, signed_number, unit, verdict_on
from alsim.analysis.curves.comparison import Comparison, StrategyNumbers
from alsim.analysis.curves.curves import XAxis
from alsim.analysis.curves.savings import Saving
from alsim.errors import UsageError
from alsim.plots.drawing.comparing import compare_runs
from alsim.plots.drawing.figures import Drawing, finished, make_figure, own_style
from alsim.plots.drawing.lines import looks_of, signed
from alsim.plots.drawing.names import as_labels
from alsim.plots.drawing.of_runs import DrawableRun, baseline_of, differences, distinct, label_of
from alsim.plots.drawing.page import page, points
from alsim.plots.drawing.records import Record
from alsim.plots.drawing.style import LineStyle
from alsim.plots.drawing.words import check_score, measured_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KIND = "savings"
_ROW = 0.34  # inches


@own_style()
def draw_savings(
    runs: Sequence[DrawableRun],
    *,
    metric: str = "accuracy",
    title: str | None = None,
    x: XAxis = "labels",
    baseline: str | None = None,
) -> Drawing:
    """Return how many fewer labels each strategy needs for the same accuracy, on average.

    A dot is the average lead and a line its 95 % interval, all of them together (see
    `alsim.analysis.curves.lead`), which agrees with the verdict of `alsim.compare`; an arrow leads
    to an end beyond what was measured. Left of 0 it is a loss. Where the mean curves do not meet
    there is no dot. Strategies are sorted by their saving, unless an order was chosen.

    Raises:
        UsageError: If the metric cannot be used, or there is no baseline or nothing beside it.
    """
    check_score(metric, _KIND)
    unique = distinct(runs)
    compared = compare_runs(unique, metric, x, baseline)
    found = compared.found
    shown = [each for each in found.ranking if each.saving is not None]
    if found.baseline is None or not shown:
        base = label_of(baseline_of(unique, baseline))
        raise UsageError(
            f"there is no {base} to compare with, nothing beside it, or one point alone",
            f"alsim plot --kind {_KIND}",
            f"run with more strategies, such as --strategy {base},margin; or name another "
            "baseline: --baseline NAME",
        )
    shown.sort(key=_amount, reverse=True)
    shown = page().in_order(shown, lambda each: compared.keys[each.strategy][1])
    keys = [compared.keys[each.strategy] for each in shown]
    looks = looks_of(keys, unique)
    figure = make_figure(7.6, 1.5 + _ROW * len(shown))
    axes = figure.add_subplot()
    span = found.end - found.start
    for row, (each, key) in enumerate(zip(shown, keys, strict=True)):
        _draw_row(axes, row, each, looks[key].style, found)
    axes.axvline(0, color="#444444", linewidth=points(0.9), zorder=1.5)
    labels = as_labels([each.strategy for each in shown])
    axes.set_yticks(range(len(shown)), labels)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(*_limits(shown, span))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda value, _: signed(value, "+,.6g") if value else "0")
    base = "each baseline" if found.baselines else as_labels([found.baseline])[0]
    axes.set_xlabel(
        f"{found.counts} saved against {base}, on average over the curve to {found.end:,.6g}"
    )
    warnings = differences(unique)
    warnings += [f"{name}: not drawn, its seeds share no label count" for name in found.left_out]
    note = _footnote(unique, shown, found)
    records = [_record(each, label, found) for each, label in zip(shown, labels, strict=True)]
    return finished(figure, warnings, title=title, footnote=note, axes=axes, records=records)


def _record(each: StrategyNumbers, label: str, found: Comparison) -> Record:
    saving, verdict = each.saving, verdict_on(found, each.strategy)
    assert saving is not None
    return {
        "strategy": label,
        "saved": saving.amount,
        "low": saving.low,
        "high": saving.high,
        "is_open_low": saving.is_censored_low,
        "is_open_high": saving.is_censored_high,
        "n_seeds": saving.n,
        "verdict": None if verdict is None else verdict.outcome,
        "p_adjusted": None if verdict is None else verdict.p_adjusted,
    }


def _draw_row(
    axes: "Axes", row: int, each: StrategyNumbers, style: LineStyle, found: Comparison
) -> None:
    saving = each.saving
    assert saving is not None
    if saving.low is not None and saving.high is not None:
        axes.plot(
            [saving.low, saving.high], [row, row], color=style.colour, linewidth=points(2.2),
            solid_capstyle="butt", label="_interval", zorder=2,
        )  # fmt: skip
        ends = (
            (saving.low, saving.is_censored_low, "<"),
            (saving.high, saving.is_censored_high, ">"),
        )
        for end, is_open, arrow in ends:
            if is_open:
                axes.plot(
                    end, row, marker=arrow, color=style.colour, markersize=points(7),
                    label="_open", zorder=2, clip_on=False,
                )  # fmt: skip
    if saving.amount is not None:
        axes.plot(
            saving.amount, row, marker="o", color=style.colour, markersize=points(8),
            markeredgecolor="white", markeredgewidth=points(0.8), label=each.strategy, zorder=3,
        )  # fmt: skip
    axes.annotate(
        _in_words(saving, found, each.strategy),
        (1, row),
        xycoords=("axes fraction", "data"),
        xytext=(points(8), 0),
        textcoords="offset points",
        va="center",
        fontsize=points(9),
        color="#222222",
    )


def _in_words(saving: Saving, found: Comparison, strategy: str) -> str:
    form, verdict = unit(found), verdict_on(found, strategy)
    ends = ""
    if saving.low is not None:
        ends = " [{}, {}]".format(*lead_ends(found, strategy, saving, form))
    amount = "–" if ends else "not measured"
    if saving.amount is not None:
        amount = signed_number(saving.amount, form, signed=True)
    return f"{amount}{ends}  {'' if verdict is None else verdict.outcome}"


def _amount(each: StrategyNumbers) -> float:
    saving = each.saving
    assert saving is not None
    if saving.amount is not None:
        return saving.amount
    ends = [end for end in (saving.low, saving.high) if end is not None]
    return sum(ends) / len(ends) if ends else 0.0


def _limits(shown: Sequence[StrategyNumbers], span: float) -> tuple[float, float]:
    """Return limits that show 0 and every interval."""
    seen = [0.0]
    for each in shown:
        if each.saving is not None:
            parts = (each.saving.amount, each.saving.low, each.saving.high)
            seen += [part for part in parts if part is not None]
    low, high = min(seen), max(seen)
    if low == high:  # nothing was measured: as far as it could have been
        low, high = -span, span
    room = 0.06 * (high - low or 1.0)
    return low - room, high + room


def _footnote(
    runs: Sequence[DrawableRun], shown: Sequence[StrategyNumbers], found: Comparison
) -> str:
    counts = sorted({each.saving.n for each in shown if each.saving is not None})
    seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    text = f"{measured_on(runs)}; {seeds} seed{'s' * (counts != [1])}"
    if counts == [1]:
        return f"{text}, so neither interval nor verdict"
    is_open = any(
        each.saving.is_censored_low or each.saving.is_censored_high for each in shown if each.saving
    )
    arrows = "; arrow: goes on beyond what was measured" if is_open else ""
    n = len(found.verdicts)
    all_ = "both" if n == 2 else f"all {n}"
    together, holm = (f", {all_} together", " by Holm") if n > 1 else ("", "")
    return f"{text}; line: 95 % interval{together}{arrows}; verdict: paired t-test{holm}"
