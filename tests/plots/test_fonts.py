"""Names in any script, with any characters and of any length, in every kind of picture."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hostile import ESCAPE, NAMES
from made_trainings import make_results, write_made_training
from matplotlib.figure import Figure
from matplotlib.text import Text
from pictures import COMPLETE, MemoryRun, footnote, make_metrics, make_queries, make_steps, rising

from alsim.analysis.correlation import Correlation
from alsim.analysis.training.gates import GateMap
from alsim.escaping import visible
from alsim.plots import KINDS, Drawing, draw, save_figure
from alsim.plots.drawing.figures import finished, make_figure, own_style
from alsim.plots.gates import draw_gates
from alsim.plots.scatter import draw_scatter
from alsim.store.training import read_training

LONG = [f"{'long name ' * 30}{end}" for end in "ab"]
DOLLARS = ["$\\frac", "$x$", "_hidden", "\\alpha^{2}_3", "%&#"]
SCRIPTS = ["日本", "Straße", "été", "🎉", "한국", "עברית", "कक्षा", "Ωμέγα"]
ALL = [*NAMES[:10], *DOLLARS, *SCRIPTS, *LONG]
OF_RUNS = [kind for kind, entry in KINDS.items() if entry.of == "curves"]
# Neither is in DejaVu Sans; matplotlib ships a font with the first and none with the second.
SOMEWHERE, NOWHERE = "\ue0d3", "日"


SETS = {"marks": NAMES, "dollars": DOLLARS, "scripts": SCRIPTS, "long": LONG}
each_set = pytest.mark.parametrize(
    "names",
    [
        pytest.param([DOLLARS[0], ESCAPE, "日本", *LONG], id="some of each"),
        *(pytest.param(names, id=name, marks=pytest.mark.slow) for name, names in SETS.items()),
    ],
)


def run_of(names: list[str]) -> MemoryRun:
    """Return a run with these strategies, classes and heads, and this name."""
    strategies = ["random", *names]
    metrics = [
        (s, seed, step, head, "all", metric, None, 0.5 + 0.1 * step)
        for s in strategies
        for seed in (0, 1)
        for step in (0, 1)
        for head in ("mixed", *names[:3])
        for metric in ("accuracy", "sigma")
    ]
    metrics += [
        (s, seed, step, "mixed", "all", "recall", name, 0.5)
        for s in strategies
        for seed in (0, 1)
        for step in (0, 1)
        for name in names
    ]
    return MemoryRun(
        name=names[0],
        steps=make_steps({name: rising(2, 2) for name in strategies}),
        metrics=make_metrics(metrics),
        queries=make_queries({(s, k, 1): names for s in strategies for k in (0, 1)}),
        manifest={**COMPLETE, "pool": {"fingerprint": "abc", "classes": dict.fromkeys(names, 2)}},
    )


def draw_study(kind: str, names: list[str], folder: Path) -> Drawing:
    models = ["multi-cluster", *names[:2]]
    by = names[:2]
    results = make_results(models, tasks=names, chosen_by=by, n_seeds=2, accuracy=lambda *_: 0.5)
    return draw(kind, [read_training(write_made_training(folder, results))])


def draw_map(names: list[str]) -> Drawing:
    values = np.random.default_rng(0).random((2, len(names), 4))
    return draw_gates(GateMap(names[0], names[0], 1.0, "weight", (0, 1), tuple(names), values))


def draw_groups(names: list[str]) -> Drawing:
    rows = [
        {"metric": name, "seed": 0, "group": k, "n": 2, "mean_score": k, "accuracy": 0.1 * k}
        for name in names
        for k in (1.0, 2.0)
    ]
    found = [Correlation(name, {0: 1.0}, 1.0) for name in names]
    return draw_scatter(pa.Table.from_pylist(rows), found)


def save(drawing: Drawing, suffix: str, folder: Path) -> None:
    """Write a picture; a missing glyph gives a warning, which is an error here."""
    save_figure(drawing.figure, folder / f"picture{suffix}")


def utf8(names: list[str]) -> list[str]:
    return [name for name in names if "\udcff" not in name]  # in the form of the tables


@pytest.mark.long
@each_set
@pytest.mark.parametrize("kind", OF_RUNS)
def test_any_name_can_be_drawn_in_pictures_of_runs(
    kind: str, names: list[str], tmp_path: Path
) -> None:
    drawing = draw(kind, [run_of(utf8(names))], title="".join(names))
    save(drawing, ".png", tmp_path)


@pytest.mark.long
@each_set
@pytest.mark.parametrize("kind", [k for k, entry in KINDS.items() if entry.of == "training"])
def test_any_name_can_be_drawn_in_pictures_of_training_studies(
    kind: str, names: list[str], tmp_path: Path
) -> None:
    save(draw_study(kind, utf8(names)[:4], tmp_path / "study"), ".png", tmp_path)


@pytest.mark.long
@each_set
@pytest.mark.parametrize("kind", [draw_map, draw_groups])
def test_any_name_can_be_drawn_in_pictures_of_gates_and_groups(
    kind: Callable[[list[str]], Drawing], names: list[str], tmp_path: Path
) -> None:
    save(kind(utf8(names)), ".png", tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("suffix", [".svg", ".pdf"])
def test_any_name_can_be_drawn_in_every_file_format(suffix: str, tmp_path: Path) -> None:
    save(draw("queries", [run_of(utf8(ALL))], title="".join(ALL)), suffix, tmp_path)


def test_a_picture_can_be_written_to_a_path_that_is_not_utf_8(tmp_path: Path) -> None:
    drawing = draw("curve", [run_of(["half \udcff"[:4]])], title="half \udcff $\\x \x00")
    save_figure(drawing.figure, tmp_path / "half \udcff.png")
    assert (tmp_path / "half \udcff.png").exists()
    (axes,) = drawing.figure.axes
    assert axes.get_title(loc="left") == r"half \udcff $\x \x00"


def figure_with(text: str) -> Figure:
    from alsim.plots.drawing.figures import write_footnote

    with own_style():
        figure = make_figure(4, 2)
        axes = figure.add_subplot()
        axes.set_xticks([0, 1], [text, "b"])
        axes.set_title(text)
        write_footnote(figure, "before")
    return figure


def test_a_character_that_another_font_has_is_drawn_in_it() -> None:
    drawing = finished(figure_with(SOMEWHERE), [])
    assert drawing.warnings == ()
    shown = [t for t in drawing.figure.findobj(Text) if t.get_text() == SOMEWHERE]  # pyright: ignore[reportAttributeAccessIssue]
    assert len(shown) >= 2
    assert all(len(text.get_fontfamily()) == 2 for text in shown)  # pyright: ignore[reportAttributeAccessIssue]
    drawing.figure.savefig(BytesIO())


def test_a_word_that_no_font_has_is_replaced_by_a_number_that_is_explained() -> None:
    drawing = finished(figure_with(f"a{NOWHERE * 2}b"), ["another"])
    (axes,) = drawing.figure.axes
    assert axes.get_title() == "a[1]b"
    drawing.figure.savefig(BytesIO())
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a[1]b", "b"]
    assert footnote(drawing.figure) == "before; not in any font here: [1] U+65E5 U+65E5"
    first, second = drawing.warnings
    assert first == "another"
    assert f"[1] {NOWHERE * 2}" in second


def test_characters_in_dejavu_are_left_unchanged() -> None:
    drawing = finished(figure_with("Straße Ωμέγα"), [])
    assert drawing.warnings == ()
    # Who opens an SVG may have no DejaVu Sans.
    own = ["DejaVu Sans", "sans-serif"]
    assert all(t.get_fontfamily() == own for t in drawing.figure.findobj(Text))  # pyright: ignore[reportAttributeAccessIssue]
    assert visible("Straße Ωμέγα") == "Straße Ωμέγα"
