"""What can be chosen about a picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from alsim.options.compare import XAxis
from alsim.options.option import option
from alsim.plots.kinds import KINDS

if TYPE_CHECKING:
    KindName = str
else:
    KindName = Literal[tuple(KINDS)]


@dataclass(frozen=True, kw_only=True)
class PlotOptions:
    """All that can be chosen about a picture of runs or of a study."""

    heading: ClassVar = "Picture"

    kind: KindName | None = option(
        None,
        f"Kind of picture. {'; '.join(f'{name}: {entry.about}' for name, entry in KINDS.items())}.",
        otherwise="curve; of a correlation study scatter, of a training study losses",
    )
    out: Path | None = option(
        None,
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
    band: Literal["t", "bootstrap", "sd", "seeds", "none"] | None = option(
        None,
        "Band about each mean. t: pointwise 95 % t-interval over seeds; bootstrap: percentile "
        "bootstrap over seeds, too narrow for few; sd: one standard deviation of the seeds; seeds: "
        "each of them; none: no band.",
        otherwise="t",
    )
    baseline: str | None = option(
        None,
        "Strategy to compare with, for difference, savings and classes.",
        otherwise="random",
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
