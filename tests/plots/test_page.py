"""The page of a picture: its size, its text, its axes and the names on it."""

import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from pictures import MemoryRun, make_steps, rising
from PIL import Image

from alsim.errors import UsageError
from alsim.plots import KINDS, draw
from alsim.plots.drawing.figures import save_figure
from alsim.plots.drawing.page import Page, on_page

CURVES = {name: rising(ahead=0.002 * k) for k, name in enumerate(("bald", "entropy", "margin"))}
RUN = MemoryRun(steps=make_steps({**CURVES, "random": rising()}))


def figure_of(kind: str = "curve", **options: object) -> Figure:
    return draw(kind, [RUN], **options).figure


def drawn(figure: Figure) -> list[str]:
    """Return the labels of the lines, in the order drawn."""
    labels = [str(line.get_label()) for line in figure.axes[0].lines]
    return [label for label in labels if label and not label.startswith("_")]


def colours(figure: Figure) -> dict[str, object]:
    return {str(line.get_label()): line.get_color() for line in figure.axes[0].lines}


def largest_text(figure: Figure) -> float:
    return max(text.get_fontsize() for text in figure.findobj(Text) if text.get_text())  # pyright: ignore[reportAttributeAccessIssue]


def test_a_figure_has_the_width_and_height_asked_for() -> None:
    figure = figure_of(width=3.4, height=2.5)
    assert tuple(figure.get_size_inches()) == (3.4, 2.5)


def test_the_size_of_the_text_sets_that_of_all_text_lines_and_of_the_figure() -> None:
    plain, small = figure_of(title="t"), figure_of(font_size=5, title="t")
    assert largest_text(small) == largest_text(plain) / 2
    assert small.axes[0].lines[0].get_linewidth() == plain.axes[0].lines[0].get_linewidth() / 2
    assert small.get_figwidth() == plain.get_figwidth() / 2


def test_styles_have_sizes_for_their_purpose() -> None:
    screen, paper, slides = (figure_of("decision", style=s) for s in ("screen", "paper", "slides"))
    assert largest_text(paper) < largest_text(screen) < largest_text(slides)
    assert paper.get_figwidth() < screen.get_figwidth() < slides.get_figwidth()
    wide, high = slides.get_size_inches()
    assert wide <= 12
    assert high <= 6.75


@pytest.mark.parametrize(("page", "dpi"), [(Page(), 160), (Page("paper"), 300), (Page(dpi=72), 72)])
def test_a_png_has_the_dots_per_inch_of_its_page(tmp_path: Path, page: Page, dpi: int) -> None:
    figure = figure_of(width=3.0, height=2.0)
    with on_page(page):
        save_figure(figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (3 * dpi, 2 * dpi)


def test_the_axes_have_the_scale_and_the_limits_asked_for() -> None:
    (axes,) = figure_of(x_scale="log", x_range=(150, None), y_range=(0.5, 0.9)).axes
    assert axes.get_xscale() == "log"
    assert axes.get_xlim()[0] == 150
    assert axes.get_ylim() == (0.5, 0.9)
    axes.figure.canvas.draw()
    low, high = axes.get_xlim()
    ticks = [
        each.get_text() for each in axes.get_xticklabels() if low <= each.get_position()[0] <= high
    ]
    assert ticks == ["200", "300"]


def test_limits_of_a_decision_are_those_of_its_curves() -> None:
    top, bottom = figure_of("decision", y_range=(0.4, 0.8), x_scale="log").axes
    assert top.get_ylim() == (0.4, 0.8)
    assert bottom.get_ylim() != (0.4, 0.8)
    assert top.get_xscale() == bottom.get_xscale() == "log"


def test_labels_stand_where_the_axis_ends() -> None:
    (axes,) = figure_of(x_range=(None, 300), strategies=("margin",)).axes
    value = CURVES["margin"].mean(axis=0)[4]  # at 100 + 4 · 50 labels
    assert f"margin  {value:.3f}" in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("kind", ["decision", "curve", "difference", "savings-curve"])
def test_a_range_without_a_point_is_refused(kind: str) -> None:
    with pytest.raises(UsageError, match=r"(?s)no point lies in the range.*to 450"):
        draw(kind, [RUN], x_range=(3000, None))


def test_a_logarithmic_axis_cannot_begin_at_0() -> None:
    with pytest.raises(UsageError, match="logarithmic axis has no 0"):
        figure_of(x_scale="log", x_range=(0, None))


def test_strategies_are_chosen_and_ordered() -> None:
    assert drawn(figure_of(strategies=("margin", "bald"))) == ["margin", "bald"]
    paired = figure_of("difference", strategies=("margin", "bald"))
    assert drawn(paired) == ["margin", "bald"]  # the baseline is what they are compared with
    assert drawn(figure_of("decision", strategies=("margin",))) == ["margin", "random"]


def test_a_strategy_looks_the_same_whatever_else_is_drawn() -> None:
    alone, all_of_them = figure_of(strategies=("entropy",)), figure_of()
    assert colours(alone)["entropy"] == colours(all_of_them)["entropy"]
    dashed = figure_of("decision")
    assert {name: colours(dashed)[name] for name in CURVES} == {
        name: colours(all_of_them)[name] for name in CURVES
    }


def test_strategies_are_called_as_wished_and_look_as_before() -> None:
    new = figure_of(rename={"margin": "ours"})
    assert drawn(new) == ["bald", "entropy", "ours", "random"]
    assert colours(new)["ours"] == colours(figure_of())["margin"]
    called = figure_of("decision", rename={"margin": "ours", "random": "chance"})
    assert called.get_suptitle().startswith("ours is better than chance: it needs ")
    assert called.axes[1].get_ylabel() == "minus chance"
    assert {row["strategy"] for row in draw("wins", [RUN], rename={"margin": "ours"}).records} == {
        "bald", "entropy", "ours", "random",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"strategies": ("margn",)}, r"(?s)no 'margn' in the picture.*did you mean margin\?"),
        ({"rename": {"margn": "ours"}}, r"(?s)no 'margn' in the picture.*--rename"),
        ({"rename": {"margin": "bald"}}, "two would be called 'bald'"),
        ({"no_title": True, "title": "a"}, "a title, and none"),
    ],
)
def test_names_that_mean_nothing_are_refused(options: dict[str, object], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        figure_of(**options)


def test_a_title_can_be_left_out() -> None:
    assert figure_of("decision").get_suptitle()
    assert not figure_of("decision", no_title=True).get_suptitle()


def test_an_option_that_a_kind_cannot_honour_names_the_kinds_that_can() -> None:
    with pytest.raises(UsageError, match=r"--x-scale: kinds decision, curve, difference, savings-"):
        figure_of("wins", x_scale="log")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_size(kind: str) -> None:
    assert {"width", "height", "dpi", "font_size", "style", "no_title"} <= {*KINDS[kind].options()}


@pytest.mark.parametrize("kind", ["decision", "curve", "savings", "wins"])
def test_no_picture_is_wider_than_12_inches(kind: str) -> None:
    crowd = {f"a-strategy-with-a-name-{k}": rising(2, ahead=0.001 * k) for k in range(25)}
    run = MemoryRun(steps=make_steps({**crowd, "random": rising(2)}))
    assert draw(kind, [run], style="slides").figure.get_figwidth() <= 12


def test_a_pdf_holds_truetype_fonts_and_none_of_type_3(tmp_path: Path) -> None:
    save_figure(figure_of("decision"), tmp_path / "a.pdf")
    data = (tmp_path / "a.pdf").read_bytes()
    inflated = b"".join(map(_inflated, re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL)))
    subtypes = set(re.findall(rb"/Subtype */(\w+)", data + inflated))
    assert b"CIDFontType2" in subtypes
    assert b"Type3" not in subtypes
    assert b"/FontFile2" in data + inflated  # embedded


def test_an_svg_holds_its_text_as_text(tmp_path: Path) -> None:
    save_figure(figure_of("decision", rename={"margin": "ours"}), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", text)
    assert any(text.startswith("ours  0.") for text in texts)
    assert "number of labels" in texts


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream.strip(b"\r\n"))
    except zlib.error:
        return b""


def test_labels_of_axes_longer_than_these_are_broken() -> None:
    (axes,) = figure_of("difference", metric="nll", height=2.5).axes
    axes.figure.canvas.draw()
    label = axes.yaxis.label
    assert "\n" in label.get_text()
    assert np.ptp(label.get_window_extent().intervaly) <= axes.bbox.height + 1


def test_a_picture_without_room_for_its_axes_says_what_to_change(tmp_path: Path) -> None:
    drawing = draw("decision", [RUN], width=1.0, height=1.0)
    (warning,) = drawing.warnings
    assert warning.startswith("the picture has no room for its axes")
    save_figure(drawing.figure, tmp_path / "a.png")  # without a warning of matplotlib's
    assert not draw("decision", [RUN], width=3.4, font_size=7).warnings


def test_a_matrix_has_room_for_long_names() -> None:
    names = {f"{'long name ' * 5}{k}": rising(2, ahead=0.001 * k) for k in range(25)}
    drawing = draw("wins", [MemoryRun(steps=make_steps({**names, "random": rising(2)}))])
    assert not drawing.warnings
    drawing.figure.canvas.draw()
    axes = drawing.figure.axes[0]
    labels = [*axes.get_xticklabels(), *axes.get_yticklabels()]
    boxes = [label.get_window_extent() for label in labels]
    assert all(drawing.figure.bbox.x0 <= box.x0 and box.y0 >= 0 for box in boxes)
    assert drawing.figure.get_figwidth() <= 12
