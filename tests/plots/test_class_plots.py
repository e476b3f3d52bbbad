import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from pictures import COMPLETE, MemoryRun, footnote, make_metrics, make_queries, make_steps, rising

from alsim.errors import StoreError, UsageError
from alsim.plots.classes import draw_classes
from alsim.plots.drawing.figures import save_figure

POOL = {"cats": 30, "newts": 5, "dogs": 30}
ORDER = ("cats", "dogs", "newts")  # by rows, equal ones by name
STEPS = make_steps({name: rising(2, 4) for name in ("margin", "random")})
# strategy -> (classes in ORDER, seeds, steps)
VALUES = {
    "margin": np.linspace(0, 1, 24).reshape(3, 2, 4),
    "random": np.linspace(1, 0, 24).reshape(3, 2, 4) ** 2,
}


def metrics_of(classes: tuple[str, ...] = ORDER) -> pa.Table:
    return make_metrics(
        [
            (strategy, seed, step, "mixed", "all", "recall", ORDER[c], float(value))
            for strategy, values in VALUES.items()
            for (c, seed, step), value in np.ndenumerate(values)
            if ORDER[c] in classes
        ]
    )


def make_run(
    name: str = "posts", classes: tuple[str, ...] = ORDER, pool: dict[str, int] | None = None
) -> MemoryRun:
    recorded = {"fingerprint": "abc", "classes": POOL if pool is None else pool}
    manifest = {**COMPLETE, "pool": recorded}
    return MemoryRun(name, STEPS, metrics_of(classes), manifest=manifest)


def map_of(axes: Axes) -> np.ndarray:
    (mesh,) = (each for each in axes.collections if isinstance(each, QuadMesh))
    cells = mesh.get_array()
    assert cells is not None
    return np.ma.asarray(cells).filled(np.nan)


def test_a_panel_shows_the_mean_recalls_with_the_most_frequent_class_on_top() -> None:
    figure = draw_classes([make_run()]).figure
    margin, random, bar = figure.axes
    assert [axes.get_title(loc="left") for axes in (margin, random)] == ["margin", "random"]
    assert map_of(margin) == pytest.approx(VALUES["margin"].mean(1))
    assert map_of(random) == pytest.approx(VALUES["random"].mean(1))
    assert [label.get_text() for label in margin.get_yticklabels()] == list(ORDER)
    bottom, top = margin.get_ylim()
    assert bottom > top
    assert bar.get_ylabel() == "recall"
    assert "on the test split that is found, mean of 2 seeds" in footnote(figure)


def test_a_column_is_centred_at_its_number_of_labels() -> None:
    (mesh,) = draw_classes([make_run()]).figure.axes[0].collections
    edges = np.asarray(mesh.get_coordinates())[0, :, 0]  # type: ignore[attr-defined]
    assert edges.tolist() == [75, 125, 175, 225, 275]


@pytest.mark.long
def test_all_panels_share_one_scale_from_0_to_1() -> None:
    meshes = [axes.collections[0] for axes in draw_classes([make_run()]).figure.axes[:2]]
    assert {mesh.get_clim() for mesh in meshes} == {(0.0, 1.0)}
    assert {mesh.get_cmap().name for mesh in meshes} == {"cividis"}


@pytest.mark.parametrize("options", [{"relative": True}, {"baseline": "random"}])
def test_relative_maps_show_differences_from_the_baseline_on_a_scale_around_zero(
    options: dict[str, object],
) -> None:
    figure = draw_classes([make_run()], **options).figure  # type: ignore[arg-type]
    panel, bar = figure.axes
    assert panel.get_title(loc="left") == "margin"
    expected = (VALUES["margin"] - VALUES["random"]).mean(1)
    assert map_of(panel) == pytest.approx(expected)
    low, high = panel.collections[0].get_clim()
    assert low == -high
    assert high == pytest.approx(np.percentile(np.abs(expected), 98))
    assert bar.get_ylabel() == "recall, minus random"


def test_classes_without_an_evaluated_row_are_left_out_with_a_warning() -> None:
    drawing = draw_classes([make_run(classes=("cats", "newts"))])
    assert drawing.warnings == ("1 class without a row on the test split is left out",)
    labels = [label.get_text() for label in drawing.figure.axes[0].get_yticklabels()]
    assert labels == ["cats", "newts"]


@pytest.mark.long
def test_of_fifty_classes_the_extremes_are_legible_and_do_not_overlap() -> None:
    names = [f"category-{k:02}-of-the-catalogue" for k in range(50)]
    metrics = make_metrics(
        [
            ("margin", 0, step, "mixed", "all", "recall", name, (k * 7 % 50) / 100 * step)
            for k, name in enumerate(names)
            for step in (0, 1)
        ]
    )
    manifest = {**COMPLETE, "pool": {"fingerprint": "abc", "classes": dict.fromkeys(names, 3)}}
    run = MemoryRun("posts", make_steps({"margin": rising(1, 2)}), metrics, manifest=manifest)
    drawing = draw_classes([run])
    figure = drawing.figure
    figure.canvas.draw()
    labels = figure.axes[0].get_yticklabels()
    boxes = [label.get_window_extent() for label in labels]
    best_first = sorted(range(50), key=lambda k: -(k * 7 % 50))
    kept = [f"category-{k:02}…-catalogue" for k in [*best_first[:15], *best_first[-15:]]]
    assert [label.get_text() for label in labels] == kept
    assert "highest and the lowest last values, 20 between are left out" in footnote(figure)
    assert {row["class"] for row in drawing.records} == set(names)
    assert all(below.y1 <= above.y0 + 1 for above, below in itertools.pairwise(boxes))
    assert all(box.x0 >= figure.bbox.x0 for box in boxes)


def test_a_single_step_has_a_column() -> None:
    metrics = make_metrics([("margin", 0, 0, "mixed", "all", "recall", "cats", 0.5)])
    run = MemoryRun("posts", STEPS, metrics, manifest=make_run().manifest)
    panel = draw_classes([run]).figure.axes[0]
    assert map_of(panel).shape == (1, 1)


def test_runs_without_recalls_are_refused() -> None:
    accuracy = make_metrics([("margin", 0, 0, "mixed", "all", "accuracy", None, 0.5)])
    for metrics in (accuracy, accuracy.drop_columns(["label"])):
        run = MemoryRun("posts", STEPS, metrics, manifest=make_run().manifest)
        with pytest.raises(StoreError, match=r"no accuracy by class(.*\n)+.*run it again"):
            draw_classes([run])


def test_runs_on_other_pools_are_refused() -> None:
    other = make_run("other")
    elsewhere = {**other.manifest, "pool": {"fingerprint": "xyz", "classes": POOL}}
    run = MemoryRun("other", STEPS, metrics_of(), manifest=elsewhere)
    with pytest.raises(UsageError, match="different pools"):
        draw_classes([make_run(), run])


def test_without_the_classes_of_the_pool_the_first_labels_give_the_order() -> None:
    queries = make_queries({("margin", 0, 0): ["newts", "newts", "dogs"]})
    run = MemoryRun("old", STEPS, metrics_of(), queries)
    drawing = draw_classes([run])
    assert "old was written before runs recorded the classes" in drawing.warnings[0]
    labels = [label.get_text() for label in drawing.figure.axes[0].get_yticklabels()]
    assert labels == ["newts", "dogs"]
    with pytest.raises(StoreError, match="does not record the classes"):
        draw_classes([MemoryRun("old", STEPS, metrics_of())])


def test_without_the_baseline_a_relative_map_is_refused() -> None:
    with pytest.raises(UsageError, match="'bald'"):
        draw_classes([make_run()], baseline="bald")


@pytest.mark.long
def test_equal_runs_give_equal_pictures(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_figure(draw_classes([make_run()], title="a title").figure, tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
