"""The decision: which strategy to take, how many labels it saves, and how sure that is."""

from collections.abc import Sequence

from alsim.analysis.curve import Curve
from alsim.analysis.curves.answer import best_of, headline
from alsim.analysis.curves.curves import X_COLUMNS, XAxis, learning_curves
from alsim.analysis.curves.differences import difference_curve
from alsim.analysis.curves.runs import unlike
from alsim.analysis.curves.spans import share_span
from alsim.analysis.statistics.bands import BandKind
from alsim.analysis.statistics.intervals import bounds_of, difference_bounds
from alsim.measures import SCORES, SHARES
from alsim.plots.curves import draw_mean_curves
from alsim.plots.drawing.bracket import Bracket, draw_bracket
from alsim.plots.drawing.comparing import Compared, compare_runs
from alsim.plots.drawing.figures import Drawing, finished, lay_out, make_figure, own_style
from alsim.plots.drawing.labels import LABEL_POINTS, label_ends
from alsim.plots.drawing.levels import ceilings_of, draw_level
from alsim.plots.drawing.lines import (
    Line,
    Look,
    control_words,
    draw_line,
    draw_zero,
    ends_of,
    format_x,
    limits,
    looks_of,
    make_lines,
    seeds_in_words,
)
from alsim.plots.drawing.names import as_labels
from alsim.plots.drawing.of_runs import (
    DrawableRun,
    called,
    differences,
    distinct,
    is_control,
)
from alsim.plots.drawing.page import page
from alsim.plots.drawing.records import records_of_lines
from alsim.plots.drawing.words import axis_label, measured_on, x_label

_FEW = 3  # up to this many differences all have a band; of more, that of the best alone
_OPACITY = 0.16


@own_style()
def draw_decision(
    runs: Sequence[DrawableRun],
    *,
    metric: str = "accuracy",
    band: BandKind = "t",
    title: str | None = None,
    x: XAxis = "labels",
    baseline: str | None = None,
) -> Drawing:
    """Return the learning curves above, each strategy minus the baseline below, and the verdict.

    Everything is on the span that all strategies share, and says what `alsim.compare` says: the
    title is its answer. The bracket stands at the baseline's last value, and spans the labels that
    the best strategy saves there at the end, with its interval if the verdict was reached; for one
    that loses, at its own last value. Above, the best strategy and the baseline have bands; below,
    the paired differences have.

    Where there is nothing to decide (one strategy, no baseline, runs that measure different things,
    or a metric of which less is better) it is the picture of the curves.

    Raises:
        UsageError: If there is no such metric or baseline, or nothing in common to compare on.
        StoreError: If there is no point to draw.
    """
    unique = distinct(runs)
    compared = None
    if metric in SCORES and not unlike(unique):
        compared = compare_runs(unique, metric, x, baseline)
    best = None if compared is None else best_of(compared.found)
    if compared is None or best is None:
        alone = (
            "nothing to compare with: run with more strategies, such as --strategy random,margin"
        )
        return draw_mean_curves(
            unique,
            metric,
            band,
            title,
            x,
            note=f"{measured_on(unique)}; ",
            warnings=[alone] * (compared is not None),
        )
    found, base = compared.found, str(compared.found.baseline_of(best))
    whose = "its baseline" if found.baselines else ""  # of several runs
    warnings = differences(unique)
    warnings += [f"{name}: not drawn, its seeds share no label count" for name in found.left_out]
    curves = _curves(compared, metric, x)
    looks = _looks(compared, curves, unique)
    lines = make_lines([(looks[name], curve) for name, curve in curves.items()], band, x, warnings)
    lesser, cut = _differences(compared, curves, looks, band, x)
    warnings += cut
    levels = ceilings_of(unique, metric)
    records = [
        *records_of_lines(lines, metric, X_COLUMNS[x]),
        *(level.record(metric, X_COLUMNS[x]) for level in levels),
        *records_of_lines(lesser, f"{metric} minus {whose or looks[base].label}", X_COLUMNS[x]),
    ]
    lines = [e if e.label in {looks[best].label, looks[base].label} else e.plain() for e in lines]
    if len(lesser) > _FEW:
        lesser = [e if e.label == looks[best].label else e.plain() for e in lesser]

    height = 5.4 + max(0, 2 * len(lines) - 12) * LABEL_POINTS / 72
    figure = make_figure(7.6, height)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    heights = [level.height for level in levels]
    for axes, drawn, include in ((top, lines, heights), (bottom, lesser, [0.0])):
        for line in drawn:
            draw_line(axes, line, opacity=_OPACITY)
        axes.margins(x=0.015)
        axes.set_ylim(*limits(drawn, is_share=False, include=include))
    for level in levels:
        draw_level(top, level)
    draw_zero(bottom, whose or looks[base].label)
    format_x(bottom, x, with_y=False)
    format_x(top, x)
    top.set_ylabel(axis_label(metric, unique))
    bottom.set_ylabel(f"minus {whose or looks[base].label}")
    bottom.set_xlabel(x_label(x, unique))
    number = ".3f" if metric in SHARES else ".4g"
    ends = [level.end(found.end, number) for level in levels]
    placed = label_ends(top, [*ends_of(lines, number), *ends])
    placed += label_ends(bottom, ends_of(lesser, "+z.4f" if metric in SHARES else "+z.4g"))
    bracket = _bracket(compared, best, curves, looks)
    note = _footnote(unique, lines, lesser, band)
    title = title or headline(found)
    drawing = finished(figure, warnings, title=title, footnote=note, ends=placed, records=records)
    if bracket is not None:
        lay_out(figure)
        draw_bracket(top, bracket)
    return drawing


def _curves(compared: Compared, metric: str, x: XAxis) -> dict[str, Curve]:
    """Return the curve of each strategy on the span that all share, in the order chosen."""
    found = [each for each in learning_curves(compared.steps, metric, x=x) if each.x.size]
    ordered = page().in_order(share_span(found), lambda each: compared.keys[each.strategy][1])
    return {each.strategy: each for each in ordered}


def _looks(
    compared: Compared, curves: dict[str, Curve], runs: Sequence[DrawableRun]
) -> dict[str, Look]:
    """Return the look of each strategy, called as the comparison calls it."""
    looks = looks_of([compared.keys[name] for name in curves], runs)
    keys = compared.keys
    names = [called(name) if keys[name][1] == name else name for name in curves]
    labels = as_labels(names)
    return {
        name: Look(label, looks[compared.keys[name]].style)
        for name, label in zip(curves, labels, strict=True)
    }


def _differences(
    compared: Compared, curves: dict[str, Curve], looks: dict[str, Look], band: BandKind, x: XAxis
) -> tuple[list[Line], list[str]]:
    """Return the lines of the strategies minus their baselines, in pairs by seed, and warnings.

    The control has none: it lies so far below that the others could not be told apart.
    """
    warnings: list[str] = []
    found: list[tuple[Look, Curve]] = []
    for name, curve in curves.items():
        base = str(compared.found.baseline_of(name))
        if name == base or is_control(compared.keys[name][1]):
            continue
        lesser = difference_curve(curve, curves[base])
        if lesser is None:
            warnings.append(f"{looks[name].label}: shares no seed with {looks[base].label}")
        else:
            found.append((looks[name], lesser))
    within = difference_bounds(bounds_of(compared.found.metric))
    quiet: list[str] = []  # of curves that are cut the other panel warns
    return make_lines(found, band, x, quiet, within=within), warnings


def _bracket(
    compared: Compared, best: str, curves: dict[str, Curve], looks: dict[str, Look]
) -> Bracket | None:
    """Return what the best strategy saves, None where the mean curves do not meet."""
    found = compared.found
    numbers = next(each for each in found.strategies if each.strategy == best)
    saving = numbers.end_saving
    if saving is None or saving.amount is None:
        return None
    loses = saving.amount < 0
    reached = curves[best if loses else str(found.baseline_of(best))]
    return Bracket.of(found, best, saving, float(reached.mean[-1]), looks[best].style.colour)


def _footnote(
    runs: Sequence[DrawableRun], lines: Sequence[Line], lesser: Sequence[Line], band: BandKind
) -> str:
    curves = [line.curve for line in (*lines, *lesser)]
    between = any(curve.is_interpolated for curve in curves)
    seeds = seeds_in_words([len(c.seeds) for c in curves], band, is_interpolated=between)
    paired = "" if seeds.startswith("one seed") else "; differences paired by seed"
    return f"{measured_on(runs)}; {seeds}{paired}{control_words(curves)}"
