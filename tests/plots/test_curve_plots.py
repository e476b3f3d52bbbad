import itertools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pyarrow as pa
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb

from alsim.analysis.curves.curves import learning_curves
from alsim.analysis.statistics.intervals import t_half_width
from alsim.errors import StoreError, UsageError
from alsim.plots import draw_curves, save_figure

COMPLETE = {"status": "complete", "evaluation_split": "test", "pool": {"fingerprint": "abc"}}


@dataclass(frozen=True, eq=False)
class TableRun:
    """A run held in memory, with everything that the pictures need."""

    name: str
    steps: pa.Table
    manifest: Mapping[str, object] = field(default_factory=lambda: dict(COMPLETE))

    @property
    def folder(self) -> Path:
        return Path("runs") / self.name

    @property
    def status(self) -> str:
        return str(self.manifest["status"])


def make_steps(
    strategies: tuple[str, ...] = ("random", "margin"), n_seeds: int = 3, n_steps: int = 20
) -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.Table.from_pylist(
        [
            {
                "strategy": strategy,
                "seed": seed,
                "step": step,
                "n_labelled": 200 + 20 * step,
                "n_questions": 3 * (200 + 20 * step) + seed,
                "cost": 0.25 * (200 + 20 * step),
                "accuracy": 0.7 + 0.01 * step + 0.02 * k + float(rng.normal(0, 0.005)),
                "nll": 1.5 - 0.01 * step,
            }
            for k, strategy in enumerate(strategies)
            for seed in range(n_seeds)
            for step in range(n_steps)
        ]
    )


def make_run(name: str = "posts", **manifest: object) -> TableRun:
    return TableRun(name, make_steps(), {**COMPLETE, **manifest})


def axes_of(*runs: TableRun, **options: str) -> Axes:
    (axes,) = draw_curves(runs, **options).figure.axes  # type: ignore[arg-type]
    return axes


def footnote_of(*runs: TableRun, **options: str) -> str:
    figure = draw_curves(runs, **options).figure  # type: ignore[arg-type]
    return figure._supxlabel.get_text()  # type: ignore[union-attr]


def bands_of(axes: Axes) -> list[PolyCollection]:
    return [c for c in axes.collections if isinstance(c, PolyCollection)]


def test_the_lines_are_the_mean_curves() -> None:
    run = make_run()
    axes = axes_of(run)
    curves = learning_curves(run.steps)
    assert [line.get_label() for line in axes.lines[:2]] == ["margin", "random"]
    for line, curve in zip(axes.lines, curves, strict=False):
        assert np.array_equal(line.get_xdata(), curve.x)
        assert np.array_equal(line.get_ydata(), curve.mean)


def test_the_band_is_the_interval() -> None:
    run = make_run()
    curves = learning_curves(run.steps)
    bands = bands_of(axes_of(run))
    assert len(bands) == 2
    for band, curve in zip(bands, curves, strict=True):
        corners = {tuple(np.round(corner, 12)) for corner in band.get_paths()[0].vertices}
        half_width = t_half_width(curve.values)
        assert half_width is not None
        for edge in (curve.mean - half_width, curve.mean + half_width):
            assert {
                (float(n), round(float(y), 12)) for n, y in zip(curve.x, edge, strict=True)
            } <= corners


def test_nothing_is_shaded_without_a_band_or_with_one_seed() -> None:
    assert bands_of(axes_of(make_run(), band="none")) == []
    assert bands_of(axes_of(TableRun("posts", make_steps(n_seeds=1)))) == []


def test_one_step_is_a_point_with_a_bar() -> None:
    axes = axes_of(TableRun("posts", make_steps(n_steps=1)))
    assert axes.lines[0].get_marker() == "o"
    assert len(axes.collections) == 2


def test_the_axes_name_the_metric_and_the_split() -> None:
    axes = axes_of(make_run(evaluation_split="validation"))
    assert axes.get_xlabel() == "number of labels"
    assert axes.get_ylabel() == "accuracy on the validation split"
    assert axes_of(make_run(), metric="nll").get_ylabel() == (
        "negative log-likelihood (nats) on the test split"
    )


@pytest.mark.parametrize(
    ("x", "label", "first"),
    [
        ("labels", "number of labels", 200),
        ("questions", "questions asked", 602),  # the last seed's start
        ("cost", "cost of the labels", 50),
    ],
)
def test_the_x_axis_is_the_requested_one(x: str, label: str, first: float) -> None:
    axes = axes_of(make_run(), x=x)
    assert axes.get_xlabel() == label
    assert axes.lines[0].get_xdata()[0] == first  # type: ignore[index]
    note = footnote_of(make_run(), x=x)
    assert ("each linear between its steps" in note) == (x == "questions")


def test_small_costs_have_their_fractions_on_the_axis() -> None:
    steps = make_steps(("margin",)).to_pylist()
    cheap = pa.Table.from_pylist([{**row, "cost": row["cost"] / 1000} for row in steps])
    axes = axes_of(TableRun("posts", cheap), x="cost")
    axes.figure.canvas.draw()
    shown = [float(text.get_text()) for text in axes.get_xticklabels()]
    assert len(set(shown)) == len(shown) > 2


def test_the_footnote_names_the_kind_of_band() -> None:
    assert footnote_of(make_run()) == "mean of 3 seeds; band: pointwise 95 % t-interval"
    assert footnote_of(make_run(), band="none") == "mean of 3 seeds"
    assert footnote_of(TableRun("p", make_steps(n_seeds=1))) == "one seed, so no band"
    several = (TableRun("p", make_steps(n_seeds=1)), TableRun("q", make_steps(n_seeds=5)))
    assert footnote_of(*several).startswith("mean of 1 to 5 seeds;")


def test_a_title_is_drawn_as_it_was_typed() -> None:
    axes = axes_of(make_run(), title="cost: $1 a label, $2 an expert's")
    assert axes.get_title(loc="left") == "cost: $1 a label, $2 an expert's"


def test_labels_are_ordered_from_best_to_worst_and_show_the_last_value() -> None:
    steps = make_steps(("a", "b", "c", "d", "e"))
    axes = axes_of(TableRun("posts", steps))
    labels = sorted(axes.texts, key=lambda text: -text.get_position()[1])
    expected = sorted(learning_curves(steps), key=lambda curve: -curve.mean[-1])
    assert [label.get_text() for label in labels] == [
        f"{curve.strategy}  {curve.mean[-1]:.3f}" for curve in expected
    ]


@pytest.mark.long
@pytest.mark.parametrize("n", [1, 8, 20])
def test_labels_never_overlap_and_stay_inside_the_picture(n: int) -> None:
    steps = make_steps(tuple(f"strategy-{k}(k=20)" for k in range(n)))
    figure = draw_curves([TableRun("posts", steps)], title="a title").figure
    figure.canvas.draw()
    boxes = sorted(
        (text.get_window_extent() for text in figure.axes[0].texts), key=lambda box: box.y0
    )
    assert len(boxes) == n
    for lower, upper in itertools.pairwise(boxes):
        assert lower.y1 <= upper.y0
    whole = figure.bbox
    for box in boxes:
        assert whole.x0 <= box.x0 < box.x1 <= whole.x1
        assert whole.y0 <= box.y0 < box.y1 <= whole.y1


def test_up_to_eight_strategies_differ_in_colour_and_in_dashes() -> None:
    names = ("random", "margin", "bald(k=5)", "bald(k=20)", "a", "b", "c", "d")
    lines = axes_of(TableRun("posts", make_steps(names))).lines[: len(names)]
    assert len({to_rgb(line.get_color()) for line in lines}) == 8
    assert len({str(line._dash_pattern) for line in lines}) == 8


def test_many_strategies_all_look_different() -> None:
    names = tuple(f"s{k:02}" for k in range(30))
    lines = axes_of(TableRun("posts", make_steps(names, n_steps=3))).lines[:30]
    assert len({(to_rgb(line.get_color()), str(line._dash_pattern)) for line in lines}) == 30


def test_the_colour_of_a_strategy_does_not_depend_on_the_others() -> None:
    alone = axes_of(TableRun("posts", make_steps(("margin",)))).lines[0]
    beside = {
        line.get_label(): line
        for line in axes_of(TableRun("posts", make_steps(("a", "entropy", "margin", "z")))).lines
    }
    assert to_rgb(alone.get_color()) == to_rgb(beside["margin"].get_color())


def test_with_several_runs_colour_shows_the_strategy_and_dashes_the_run() -> None:
    axes = axes_of(make_run("one"), make_run("two"))
    lines = {line.get_label(): line for line in axes.lines}
    one, two = lines["margin · one"], lines["margin · two"]
    assert to_rgb(one.get_color()) == to_rgb(two.get_color())
    assert to_rgb(one.get_color()) != to_rgb(lines["random · one"].get_color())
    assert one._dash_pattern != two._dash_pattern
    assert one._dash_pattern == lines["random · one"]._dash_pattern


def test_the_same_run_given_twice_is_drawn_once() -> None:
    labels = {line.get_label() for line in axes_of(make_run(), make_run()).lines}
    assert {"margin", "random"} <= labels


@dataclass(frozen=True, eq=False)
class ElsewhereRun(TableRun):
    """A run with the same name in another folder."""

    @property
    def folder(self) -> Path:
        return Path("archive") / self.name


def test_runs_with_the_same_name_are_labelled_by_their_folders() -> None:
    axes = axes_of(make_run(), ElsewhereRun("posts", make_steps()))
    labels = {line.get_label() for line in axes.lines}
    assert {f"margin · {Path('runs/posts')}", f"margin · {Path('archive/posts')}"} <= labels


def test_comparable_complete_runs_give_no_warning() -> None:
    assert draw_curves([make_run("one"), make_run("two")]).warnings == ()


def test_runs_on_other_pools_or_splits_are_drawn_with_a_warning() -> None:
    other = make_run("two", pool={"fingerprint": "xyz"}, evaluation_split="validation")
    drawing = draw_curves([make_run("one"), other])
    pools, splits = drawing.warnings
    assert "different pools" in pools
    assert "one (abc), two (xyz)" in pools
    assert "one (test), two (validation)" in splits
    assert drawing.figure.axes[0].get_ylabel() == "accuracy on the test and validation splits"


def test_an_unfinished_run_is_drawn_with_a_warning() -> None:
    (warning,) = draw_curves([make_run(status="interrupted")]).warnings
    assert "posts is marked interrupted" in warning


def test_curves_cut_to_their_common_points_are_drawn_with_a_warning() -> None:
    steps = make_steps(("margin",))
    drawing = draw_curves([TableRun("posts", steps.slice(0, steps.num_rows - 5))])
    assert drawing.warnings == ("margin: drawn only where all of its seeds have a value",)
    assert len(drawing.figure.axes[0].lines[0].get_xdata()) == 15


def test_a_run_without_a_step_cannot_be_drawn() -> None:
    with pytest.raises(StoreError, match="no accuracy to draw"):
        draw_curves([TableRun("posts", make_steps().slice(0, 0))])


def test_an_unknown_metric_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"did you mean accuracy\?"):
        draw_curves([make_run()], metric="acuracy")


def test_wide_bands_do_not_flatten_the_curves() -> None:
    rows = [
        {"strategy": "margin", "seed": seed, "step": k, "n_labelled": k, "accuracy": value + k / 50}
        for seed, value in ((0, 0.2), (1, 0.8))
        for k in range(10)
    ]
    axes = axes_of(TableRun("posts", pa.Table.from_pylist(rows)))
    bottom, top = axes.get_ylim()
    mean = axes.lines[0].get_ydata()
    assert float(np.max(mean) - np.min(mean)) > 0.4 * (top - bottom)


@pytest.mark.long
@pytest.mark.parametrize(
    ("suffix", "head"),
    [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF"), (".PNG", b"\x89PNG")],
)
def test_the_suffix_sets_the_file_format_and_the_bytes_are_reproducible(
    tmp_path: Path, suffix: str, head: bytes
) -> None:
    for name in ("one", "two"):
        save_figure(draw_curves([make_run()]).figure, tmp_path / f"{name}{suffix}")
    one, two = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("one", "two"))
    assert one.startswith(head)
    assert one == two
    assert not re.search(rb"20\d\d-\d\d-\d\dT", one)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.long
def test_the_users_matplotlib_settings_have_no_effect_and_are_restored(tmp_path: Path) -> None:
    save_figure(draw_curves([make_run()]).figure, tmp_path / "one.svg")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black", "svg.hashsalt": None}):
        save_figure(draw_curves([make_run()]).figure, tmp_path / "two.svg")
        assert mpl.rcParams["font.size"] == 30
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("curves.gif", "unknown picture format '.gif'"),
        ("curves", "no suffix"),
        ("absent/curves.png", "no such folder"),
        ("folder.png", "a folder has this name"),
        ("pipe.png", "a device, a pipe or a socket"),
    ],
)
def test_a_target_that_cannot_be_written_is_refused(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    figure = draw_curves([make_run()]).figure
    with pytest.raises(UsageError, match=what):
        save_figure(figure, tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"folder.png", "pipe.png"}
    assert (tmp_path / "pipe.png").is_fifo()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc, which takes no files")
def test_a_target_in_a_read_only_folder_is_refused() -> None:
    figure = draw_curves([make_run()]).figure
    with pytest.raises(UsageError, match="cannot write"):
        save_figure(figure, Path("/proc/curves.png"))
