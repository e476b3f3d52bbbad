"""A correlation study: the score of each group of rows, and the accuracy after training on it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.correlation import Correlation
from alsim.errors import StoreError
from alsim.experiments.correlation import CONTROL
from alsim.plots.drawing.figures import Drawing, finished, make_panels, own_style
from alsim.plots.drawing.names import shortened
from alsim.plots.drawing.style import STYLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "os^Dv<>P"


class DrawableStudy(Protocol):
    """The parts of a correlation study that its plot uses, as `read_correlation` returns them."""

    @property
    def groups(self) -> pa.Table:
        """One row per group."""
        ...

    @property
    def correlations(self) -> Sequence[Correlation]:
        """One per metric."""
        ...


def draw_study(study: DrawableStudy, *, title: str | None = None) -> Drawing:
    """Return the scatter of a study.

    Raises:
        StoreError: If it has no group.
    """
    return draw_scatter(study.groups, study.correlations, title=title)


@own_style()
def draw_scatter(
    groups: pa.Table, correlations: Sequence[Correlation], *, title: str | None = None
) -> Drawing:
    """Return one panel per metric: a group's mean score against the accuracy of its copy.

    Each seed has its colour and marker. A panel's title gives Spearman's ρ, averaged over the
    seeds, with its interval over seeds; with one seed, or if all agree, the interval over groups.
    The control, groups at random, has the last panel. Groups without a finite score and accuracy
    are left out, with a warning. Correlations of other metrics, such as "margin (raw)", which
    mirrors the same points, have no panel.

    Raises:
        StoreError: If there is no group to draw.
    """
    # A filter drops nulls, too.
    score, accuracy = (pc.is_finite(groups.column(n)) for n in ("mean_score", "accuracy"))
    usable = groups.filter(pc.and_(score, accuracy))
    if not usable.num_rows:
        raise StoreError(
            "there is no group to draw",
            "the groups of the correlation study",
            "run it again: alsim correlate --out FOLDER",
        )
    n_lost = groups.num_rows - usable.num_rows
    lost = f"{n_lost} groups without a finite score and accuracy are not drawn"
    metrics = [str(name) for name in usable.column("metric").unique().to_pylist()]
    metrics.sort(key=lambda name: name == CONTROL)  # stable: only the control moves
    seeds = sorted({int(str(seed)) for seed in usable.column("seed").to_pylist()})
    found = {each.metric: each for each in correlations}
    names = shortened([f"{m} (control)" if m == CONTROL else m for m in metrics])
    figure, panels = make_panels(
        [f"{name}\n{_in_words(found.get(m))}" for m, name in zip(metrics, names, strict=True)],
        2 if len(metrics) == 4 else min(3, len(metrics)),
        around=(1.5, 1.0),
        each=(2.7, 2.5),
        xlabel="mean score of the group",
        ylabel="accuracy of its copy",
        sharey=True,
    )
    for axes, metric in zip(panels, metrics, strict=True):
        _draw_seeds(axes, usable.filter(pc.field("metric") == metric), seeds)
    if len(seeds) > 1:
        handles = panels[0].collections
        figure.legend(handles=handles, title="seed", loc="outside right upper", frameon=False)
    note = _footnote(metrics, found, len(seeds))
    records = usable.select(["metric", "seed", "group", "mean_score", "accuracy"]).to_pylist()
    return finished(figure, [lost] * bool(n_lost), title=title, footnote=note, records=records)


def _draw_seeds(axes: "Axes", groups: pa.Table, seeds: Sequence[int]) -> None:
    """Draw the groups of one metric, each seed alike in every panel."""
    of_seed = groups.column("seed").to_numpy()
    x, y = (groups.column(name).to_numpy() for name in ("mean_score", "accuracy"))
    for k, seed in enumerate(seeds):
        rows = of_seed == seed
        axes.scatter(
            x[rows],
            y[rows],
            s=14,
            color=STYLES[k % len(STYLES)].colour,
            # Beyond eight seeds, colours repeat with other markers.
            marker=_MARKERS[(k + k // len(STYLES)) % len(_MARKERS)],
            alpha=0.65,
            linewidths=0,
            label=str(seed),
        )
    axes.locator_params(axis="x", nbins=5)
    if np.ptp(x) == 0:  # otherwise matplotlib's limits would be a millionth wide
        axes.set_xlim(x[0] - 1, x[0] + 1)


def _in_words(found: Correlation | None) -> str:
    if found is None or found.mean is None:
        return "ρ undefined"
    interval = found.fisher or found.bootstrap
    words = f"ρ = {found.mean:+.2f}"
    if interval is not None:
        words += f" [{interval[0]:+.2f}, {interval[1]:+.2f}]"
    return words.replace("-", "−")


def _footnote(metrics: Sequence[str], found: Mapping[str, Correlation], n_seeds: int) -> str:
    """Return a footnote that explains points, ρ and the interval."""
    known = [found[metric] for metric in metrics if metric in found]
    over = [
        *["seeds"] * any(each.fisher is not None for each in known),
        *["groups"] * any(each.fisher is None and each.bootstrap is not None for each in known),
    ]
    seeds = "one seed" if n_seeds == 1 else f"mean over {n_seeds} seeds"
    interval = f" [95 % interval over {' or '.join(over)}]" if over else ""
    return f"a point is a group of rows; ρ: Spearman's, {seeds}{interval}"
