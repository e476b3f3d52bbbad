"""What can be chosen about a picture."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from alsim.options.compare import Runs, XAxis
from alsim.options.names import NameOptions
from alsim.options.option import Option, Range, option, parsed
from alsim.options.texts import Span, parse_names, parse_path, parse_span
from alsim.plots.drawing.page import StyleName
from alsim.plots.kinds import KINDS

if TYPE_CHECKING:
    KindName = str
else:
    KindName = Literal[tuple(KINDS)]
_INCHES = Range(least=1, most=40)


def _kinds_with(name: str) -> str:
    """Return the kinds that take an option which only some kinds have on their page."""
    return ", ".join(kind for kind, entry in KINDS.items() if name in entry.takes)


@dataclass(frozen=True, kw_only=True)
class PageOptions(NameOptions):
    """All that can be chosen about the size of a picture, its text and its axes."""

    heading: ClassVar = "Page"

    style: StyleName = option(
        "screen",
        "Sizes for a purpose. paper: smaller, at 300 dots an inch; slides: text of about 15 points "
        "on at most 12 by 6.75 inches.",
    )
    width: float | None = option(
        None,
        "Width in inches.",
        within=_INCHES,
        otherwise="by kind and size of the text, at most 12",
    )
    height: float | None = option(
        None, "Height in inches.", within=_INCHES, otherwise="by kind and text"
    )
    dpi: int | None = option(
        None,
        "Dots per inch of a PNG.",
        within=Range(least=30, most=1200),
        otherwise="160, or 300 on paper",
    )
    font_size: float | None = option(
        None,
        "Size of the main text in points; other text and lines follow in proportion.",
        within=Range(least=3, most=60),
        otherwise="10 on a screen",
    )
    strategies: Option[str | tuple[str, ...] | list[str] | None, tuple[str, ...]] = parsed(
        None,
        parse_names,
        "Strategies, or models, to draw, in this order, joined by commas. A baseline is drawn "
        "where a kind compares with it.",
        otherwise="all, by name",
    )
    x_scale: Literal["linear", "log"] = option(
        "linear", f"Scale of the horizontal axis, for {_kinds_with('x_scale')}."
    )
    x_range: Option[Span, tuple[float | None, float | None]] = parsed(
        None,
        partial(parse_span, flag="--x-range"),
        "Ends of the horizontal axis, such as 200:1200 or 200:, for the same kinds.",
    )
    y_range: Option[Span, tuple[float | None, float | None]] = parsed(
        None,
        partial(parse_span, flag="--y-range"),
        "Ends of the vertical axis, such as 0.5:1, for the same kinds; of decision that of the "
        "curves.",
    )
    no_title: bool = option(False, "Draw no title: a paper has captions.")


@dataclass(frozen=True, kw_only=True)
class PlotOptions(PageOptions):
    """All that can be chosen about a picture of runs or of a study."""

    heading: ClassVar = "Picture"

    runs: Runs = field(kw_only=False)
    kind: KindName | None = option(
        None,
        f"Kind of picture. {'; '.join(f'{name}: {entry.about}' for name, entry in KINDS.items())}.",
        otherwise="decision; of a correlation study scatter, of a training study losses",
    )
    out: Option[str | Path | None, Path | None] = parsed(
        None,
        parse_path,
        "Picture to write: .png, .svg or .pdf.",
        otherwise="for one run RUN/KIND.png; RUN/curves.png for curve",
    )
    metric: str | None = option(
        None,
        "What to draw: a column of the run's steps, with a --task of two classes also auc; for "
        "losses validation_loss, train_loss, mse or accuracy.",
        otherwise="accuracy",
    )
    task: str | None = option(
        None,
        "Task to draw, of several; all: a panel for each and for their mean.",
        otherwise="the mean of the tasks",
    )
    fraction: float | None = option(
        None,
        "Share of the labels trained on, for losses and experts.",
        otherwise="the largest",
    )
    x: XAxis | None = option(
        None,
        "Horizontal axis: labels, the oracle's questions, or the cost of its answers.",
        otherwise="labels",
    )
    band: Literal["t", "simultaneous", "bootstrap", "sd", "seeds", "none"] | None = option(
        None,
        "Band about each mean. t: pointwise 95 % t-interval over seeds; simultaneous: 95 % for the "
        "whole curve at once, from 5 seeds on; bootstrap: percentile bootstrap over seeds, too "
        "narrow for few; sd: one standard deviation of the seeds; seeds: "
        "each of them; none: no band.",
        otherwise="t",
    )
    baseline: str | None = option(
        None,
        "Strategy to compare with, for decision, difference, savings, savings-curve and classes.",
        otherwise="the run's, or random",
    )
    relative: bool = option(False, "Draw the difference to the baseline, for classes.")
    title: str | None = option(None, "Title above the picture.")


@dataclass(frozen=True, kw_only=True)
class GatesOptions:
    """All that can be chosen about a map of gates."""

    heading: ClassVar = "Gates"

    model: str | None = option(
        None,
        "Model of the study, by the name it has there.",
        otherwise="the first with stochastic gates, else the first with any",
    )
    fraction: float | None = option(
        None, "Share of the labels trained on, such as 0.25.", otherwise="the largest"
    )
    chosen_by: str | None = option(
        None, "Strategy that chose the labels, in a study of a run's queries."
    )
    seed: int | None = option(
        None,
        "Seed whose map is drawn; experts have no counterpart in another seed.",
        otherwise="the first",
    )
    out: Path | None = option(
        None,
        "Picture to write: .png, .svg or .pdf.",
        otherwise="RUN/gates.png, its name with the model, strategy and fraction asked for",
    )
    title: str | None = option(None, "Title above the picture.")
