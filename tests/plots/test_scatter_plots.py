from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.colors import to_rgb
from pictures import footnote

from alsim.analysis.correlation import Correlation
from alsim.errors import StoreError, UsageError
from alsim.plots import draw as draw_kind
from alsim.plots.drawing.figures import Drawing, save_figure
from alsim.plots.scatter import draw_scatter


def make_groups(metrics: tuple[str, ...], n_seeds: int = 2, n: int = 6) -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.Table.from_pylist(
        [
            {
                "metric": metric,
                "seed": seed,
                "group": group,
                "n": 100,
                "mean_score": float(group) + k,
                "accuracy": 0.5 + float(rng.normal(0, 0.02)),
                "nll": 1.0,
            }
            for k, metric in enumerate(metrics)
            for seed in range(n_seeds)
            for group in range(n)
        ]
    )


def found(metric: str, mean: float | None, **intervals: tuple[float, float]) -> Correlation:
    return Correlation(
        metric,
        {0: mean, 1: mean},
        mean,
        intervals.get("fisher"),
        intervals.get("bootstrap"),
        null_mean=(-0.1, 0.1),
        null_seed=(-0.2, 0.2),
    )


CORRELATIONS = [
    found("random", 0.05, fisher=(-0.2, 0.3)),
    found("margin", -0.5, bootstrap=(-0.7, -0.25)),
    found("margin (raw)", 0.5, bootstrap=(0.25, 0.7)),
    found("loss", None),
]


def draw(n_seeds: int = 2) -> Drawing:
    return draw_scatter(make_groups(("random", "margin", "loss"), n_seeds), CORRELATIONS)


def test_a_panel_shows_the_groups_of_one_metric_coloured_by_seed() -> None:
    groups = make_groups(("random", "margin", "loss"))
    panel = draw().figure.axes[0]
    assert len(panel.collections) == 2
    for seed, points in enumerate(panel.collections):
        rows = groups.filter(
            (pa.compute.field("metric") == "margin") & (pa.compute.field("seed") == seed)
        )
        expected = np.stack([rows["mean_score"].to_numpy(), rows["accuracy"].to_numpy()], axis=1)
        assert np.array_equal(np.asarray(points.get_offsets()), expected)
    colours = {tuple(points.get_facecolor()[0]) for points in panel.collections}
    assert len(colours) == 2


def test_titles_show_rho_and_its_interval_and_the_control_comes_last() -> None:
    titles = [axes.get_title(loc="left") for axes in draw().figure.axes]
    assert titles == [
        "margin\nρ = −0.50 [−0.70, −0.25]",
        "loss\nρ undefined",
        "random (control)\nρ = +0.05 [−0.20, +0.30]",
    ]


def test_the_footnote_describes_the_intervals() -> None:
    assert footnote(draw().figure) == (
        "a point is a group of rows; ρ: Spearman's, mean over 2 seeds "
        "[95 % interval over seeds or groups]"
    )
    alone = draw_scatter(make_groups(("loss",), 1), CORRELATIONS)
    assert footnote(alone.figure) == "a point is a group of rows; ρ: Spearman's, one seed"


def test_panels_share_the_axis_of_accuracy_and_a_legend_names_the_seeds() -> None:
    figure = draw().figure
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["0", "1"]
    assert draw(n_seeds=1).figure.legends == []


def test_twelve_seeds_all_look_different() -> None:
    (panel,) = draw_scatter(make_groups(("margin",), 12), []).figure.axes
    looks = {
        (to_rgb(points.get_facecolor()[0][:3]), points.get_paths()[0].vertices.tobytes())
        for points in panel.collections
    }
    assert len(looks) == 12


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf")])
def test_groups_without_numbers_are_left_out_with_a_warning(bad: float | None) -> None:
    rows = make_groups(("margin",), 1).to_pylist()
    rows[2]["accuracy"] = bad
    rows[3]["mean_score"] = bad
    drawing = draw_scatter(pa.Table.from_pylist(rows), [])
    assert drawing.warnings == ("2 groups without a finite score and accuracy are not drawn",)
    assert len(drawing.figure.axes[0].collections[0].get_offsets()) == 4


def test_a_metric_with_equal_scores_has_a_readable_axis() -> None:
    rows = [{**row, "mean_score": 0.5} for row in make_groups(("margin",), 1).to_pylist()]
    (panel,) = draw_scatter(pa.Table.from_pylist(rows), []).figure.axes
    assert panel.get_xlim() == (-0.5, 1.5)


def test_a_study_without_any_group_is_refused() -> None:
    with pytest.raises(StoreError, match="no group to draw"):
        draw_scatter(make_groups(("margin",)).slice(0, 0), [])


class Study:
    groups = make_groups(("margin",))
    correlations = CORRELATIONS


def test_studies_are_drawn_one_at_a_time() -> None:
    assert len(draw_kind("scatter", [Study()], title="a title").figure.axes) == 1
    with pytest.raises(UsageError, match="2 correlation studies in one picture"):
        draw_kind("scatter", [Study(), Study()])


@pytest.mark.long
def test_equal_studies_give_equal_pictures(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_figure(draw().figure, tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
