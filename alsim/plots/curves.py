"""Learning curves as a picture: mean over seeds, a band, labels or their cost on the x axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from alsim.analysis.curves import Curve, XAxis, learning_curves
from alsim.errors import StoreError
from alsim.plots.figures import own_style
from alsim.plots.labels import LABEL_POINTS, EndLabel, label_ends
from alsim.plots.runs import DrawableRun, differences, named
from alsim.plots.style import LineStyle, line_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BandKind = Literal["t", "none"]

_FEW_POINTS = 12  # up to here each point is marked
# Columns in words, and whether they are measured on the evaluation split.
_WORDS: Mapping[str, tuple[str, bool]] = {
    "accuracy": ("accuracy", True),
    "balanced_accuracy": ("balanced accuracy", True),
    "macro_f1": ("macro F1", True),
    "nll": ("negative log-likelihood (nats)", True),
    "ece": ("expected calibration error", True),
    "cost": ("cost of the labels", False),
    "n_questions": ("questions asked", False),
    "batch_size": ("largest batch (objects)", False),
}
_X_WORDS: Mapping[XAxis, str] = {
    "labels": "number of labels",
    "questions": "questions asked",
    "cost": "cost of the labels",
}
_SHARES = frozenset({"accuracy", "balanced_accuracy", "macro_f1", "ece"})  # lie in [0, 1]


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A figure, and what its reader should be told beside it."""

    figure: "Figure"
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """One curve with its label and its look."""

    label: str
    curve: Curve
    style: LineStyle


def draw_curves(
    runs: Sequence[DrawableRun],
    metric: str = "accuracy",
    band: BandKind = "t",
    title: str | None = None,
    x: XAxis = "labels",
) -> Drawing:
    """Return the learning curves of one or more runs in one figure.

    Each label stands at the height where its curve ends, so that the labels read from the best
    to the worst. Runs on other pools or splits are drawn too, with a warning.

    Args:
        runs: At least one; a folder given twice is drawn once.
        metric: A column of the steps.
        band: `t` shades the pointwise 95 % t-interval over seeds; `none` shades nothing.
        title: Above the axes.
        x: Against what the curves are drawn.

    Raises:
        UsageError: If a run has no such metric.
        StoreError: If there is not one point to draw.
    """
    unique = list({run.folder.resolve(): run for run in runs}.values())
    warnings = differences(unique)
    found = [
        (name, curve)
        for name, run in named(unique)
        for curve in learning_curves(run.steps, metric, x=x)
    ]
    styles = line_styles([(name, curve.strategy) for name, curve in found])
    lines: list[_Line] = []
    for name, curve in found:
        label = curve.strategy if len(unique) == 1 else f"{curve.strategy} · {name}"
        if not curve.x.size:
            what = "label count" if x == "labels" else f"range of {x}"
            warnings.append(f"{label}: not drawn, its seeds have no {what} in common")
            continue
        if curve.is_cut:
            warnings.append(f"{label}: drawn only where all of its seeds have a value")
        lines.append(_Line(label, curve, styles[name, curve.strategy]))
    if not lines:
        raise StoreError(
            f"there is no {metric} to draw",
            ", ".join(str(run.folder) for run in unique),
            "wait for the first step, or run it again: alsim run --out FOLDER",
        )
    split = " and ".join(sorted({str(run.manifest.get("evaluation_split")) for run in unique}))
    with own_style():
        figure = _figure(lines, band, _axis_label(metric, split), metric in _SHARES, title, x)
    return Drawing(figure, tuple(warnings))


def _figure(
    lines: Sequence[_Line],
    band: BandKind,
    axis_label: str,
    is_share: bool,
    title: str | None,
    x: XAxis,
) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import StrMethodFormatter

    height = max(4.4, 1.3 + len(lines) * LABEL_POINTS / 72)
    figure = Figure(figsize=(7.6, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for line in lines:
        _draw_line(axes, line, band, opacity=0.14 if len(lines) <= 4 else 0.09)
    axes.set_ylim(*_limits([line.curve for line in lines], band, is_share))
    axes.margins(x=0.015)
    # A cost can be a fraction; of labels and questions there are whole numbers only.
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.6g}" if x == "cost" else "{x:,.0f}"))
    axes.locator_params(axis="x", integer=x != "cost", nbins=8)
    axes.set_xlabel(_X_WORDS[x])
    axes.set_ylabel(axis_label)
    if title:
        axes.set_title(title, loc="left", fontsize=11, fontweight="bold", parse_math=False)
    figure.supxlabel(_footnote(lines, band), x=0.99, ha="right", fontsize=7.5, color="#666666")
    number = ".3f" if is_share else ".4g"
    ends = [
        EndLabel(
            f"{line.label}  {line.curve.mean[-1]:{number}}",
            float(line.curve.x[-1]),
            float(line.curve.mean[-1]),
            line.style,
        )
        for line in lines
    ]
    label_ends(axes, ends, gap=LABEL_POINTS / 72 / (height - 1.0))
    return figure


def _draw_line(axes: "Axes", line: _Line, band: BandKind, opacity: float) -> None:
    curve, style = line.curve, line.style
    marker = "o" if curve.x.size <= _FEW_POINTS else ""
    axes.plot(
        curve.x,
        curve.mean,
        color=style.colour,
        linestyle=style.dashes,
        marker=marker,
        markersize=4,
        label=line.label,
        zorder=3,
    )
    if band == "none" or curve.half_width is None:
        return
    low, high = curve.mean - curve.half_width, curve.mean + curve.half_width
    if curve.x.size == 1:  # an area over one point would be invisible
        axes.vlines(curve.x, low, high, color=style.colour, linewidth=1, zorder=2)
    else:
        axes.fill_between(
            curve.x, low, high, color=style.colour, alpha=opacity, linewidth=0, zorder=2
        )


def _limits(curves: Sequence[Curve], band: BandKind, is_share: bool) -> tuple[float, float]:
    """Return limits that show every mean, and of the bands no more than leaves those legible."""
    low = min(float(curve.mean.min()) for curve in curves)
    high = max(float(curve.mean.max()) for curve in curves)
    span = high - low or abs(high) * 0.1 or 0.1
    bottom, top = low, high
    if band == "t":
        for curve in curves:
            if curve.half_width is not None:
                bottom = min(bottom, float((curve.mean - curve.half_width).min()))
                top = max(top, float((curve.mean + curve.half_width).max()))
    # With two seeds an interval may be twelve deviations wide.
    bottom, top = max(bottom, low - span / 2) - span * 0.04, min(top, high + span / 2) + span * 0.04
    if is_share:
        bottom, top = max(bottom, -span * 0.02), min(top, max(1.0, high) + span * 0.02)
    return bottom, top


def _axis_label(metric: str, split: str) -> str:
    words, is_measured = _WORDS.get(metric, (metric.replace("_", " "), True))
    if not is_measured:
        return words
    return f"{words} on the {split} split{'s' if ' and ' in split else ''}"


def _footnote(lines: Sequence[_Line], band: BandKind) -> str:
    """Return what a point is, and what the band is and is not."""
    counts = sorted({len(line.curve.seeds) for line in lines})
    if counts == [1]:
        return "one seed, so no band" if band == "t" else "one seed"
    seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    between = any(line.curve.is_interpolated for line in lines)
    return (
        f"mean of {seeds} seeds"
        + (", each linear between its steps" if between else "")
        + ("; band: pointwise 95 % t-interval" if band == "t" else "")
    )
