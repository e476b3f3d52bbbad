"""Each strategy minus the baseline, in pairs by seed, against the labels."""

from collections.abc import Sequence

from alsim.analysis.curve import Curve
from alsim.analysis.curves.curves import XAxis
from alsim.analysis.curves.differences import difference_curve
from alsim.analysis.statistics.bands import BandKind
from alsim.analysis.statistics.intervals import bounds_of, difference_bounds
from alsim.errors import UsageError
from alsim.plots.drawing.baselines import CUT_SHARED, NOT_SHARED, pair_curves
from alsim.plots.drawing.figures import Drawing, own_style
from alsim.plots.drawing.lines import Look, draw_figure, make_lines
from alsim.plots.drawing.of_runs import DrawableRun, baseline_of, distinct, label_of
from alsim.plots.drawing.words import axis_label, x_label


@own_style()
def draw_difference(
    runs: Sequence[DrawableRun],
    *,
    metric: str = "accuracy",
    band: BandKind = "t",
    title: str | None = None,
    x: XAxis = "labels",
    baseline: str | None = None,
) -> Drawing:
    """Return each strategy's metric minus the baseline's, in pairs by seed, with a line at 0.

    The band is that of the mean difference, so variation that both strategies of a seed share does
    not count. Where it excludes 0 the two differ at that point, taken alone.

    Raises:
        UsageError: If there is no such metric or baseline, or nothing that shares seeds and
            labels with it.
    """
    unique = distinct(runs)
    pairs, warnings = pair_curves(unique, metric, x, baseline, "difference")
    curves: list[tuple[Look, Curve]] = []
    for look, mine, other in pairs:
        curve = difference_curve(mine, other)
        if curve is None:
            warnings.append(f"{look.label}: {NOT_SHARED}")
        else:
            curves.append((look, curve))
    if not curves:
        raise UsageError(
            "no strategy shares seeds and labels with the baseline",
            "alsim plot --kind difference",
            "run them with the same --seeds and sizes, best in one run: --strategy random,margin",
        )
    name = label_of(baseline_of(unique, baseline))
    within = difference_bounds(bounds_of(metric))
    lines = make_lines(curves, band, x, warnings, CUT_SHARED, within)
    return draw_figure(
        lines,
        warnings=warnings,
        ylabel=f"{axis_label(metric, unique)}, minus {name}",
        xlabel=x_label(x, unique),
        x=x,
        is_share=False,
        number="+z.4f",
        title=title,
        zero=name,
    )
