"""`alsim plot`: a run, or several, as a picture."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from alsim.plots.kinds import KINDS

Kinds = StrEnum("Kinds", list(KINDS))
_CURVE = Kinds("curve")


class X(StrEnum):
    """What the curves are drawn against."""

    labels = "labels"
    questions = "questions"
    cost = "cost"


class Band(StrEnum):
    """What is drawn about each mean."""

    t = "t"
    bootstrap = "bootstrap"
    sd = "sd"
    seeds = "seeds"
    none = "none"


def plot(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="Folders of runs; several go into one picture. For scatter that of a "
            "correlation study, for losses, fractions and experts of a training study.",
        ),
    ],
    kind: Annotated[
        Kinds,
        typer.Option(
            help="; ".join(f"{name}: {entry.about}" for name, entry in KINDS.items()) + "."
        ),
    ] = _CURVE,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The picture: .png, .svg or .pdf. For one run RUN/KIND.png if not given, "
            "RUN/curves.png for curve.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="What to draw: a column of the run's steps, with a --task of two classes also "
            "auc; accuracy if not given. For losses validation_loss, train_loss, mse or accuracy.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="Of several tasks that one alone; all: a panel for each and for their mean. "
            "[default: the mean of the tasks]",
            show_default=False,
        ),
    ] = None,
    fraction: Annotated[
        float | None,
        typer.Option(
            help="For losses and experts: of the labels trained on; the largest if not given.",
            show_default=False,
        ),
    ] = None,
    x: Annotated[
        X | None,
        typer.Option(
            help="Against what: labels, which is the default, the oracle's questions, or what "
            "the answers cost.",
            show_default=False,
        ),
    ] = None,
    band: Annotated[
        Band | None,
        typer.Option(
            help="t, which is the default: pointwise 95 % t-interval over seeds. bootstrap: "
            "percentile bootstrap over seeds, too narrow for few. sd: one standard deviation of "
            "the seeds. seeds: each of them. none: no band.",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            help="Strategy to compare with, for difference, savings and classes; random if not "
            "given.",
            show_default=False,
        ),
    ] = None,
    relative: Annotated[
        bool, typer.Option("--relative", help="For classes: the difference to the baseline.")
    ] = False,
    title: Annotated[
        str | None, typer.Option(help="A title above the picture.", show_default=False)
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the path and the warnings as JSON.")
    ] = False,
) -> None:
    """Draw a run: by default the learning curves, the mean over seeds against the labels.

    Example: alsim plot runs/posts

    Example: alsim plot runs/posts --kind savings --out saved.svg

    Example: alsim plot runs/posts runs/posts-retrain --metric macro_f1 --out compared.svg

    Example: alsim plot runs/clothes --task all --x cost
    """
    # Slow imports only once they are needed, so that `alsim --help` stays quick.
    from alsim.cli.screens.output import print_json, print_lines, print_remarks, reporting
    from alsim.errors import UsageError
    from alsim.plots import check_target, draw, save_figure
    from alsim.store.correlation import read_correlation
    from alsim.store.curves import read_run
    from alsim.store.training import read_training

    entry = KINDS[kind]
    if out is None and len(runs) > 1:
        raise UsageError(
            "several runs need a name for their picture", "alsim plot", f"add: --out {kind}.png"
        )
    if out is not None:
        check_target(out)
    readers = {"run": read_run, "correlation": read_correlation, "training": read_training}
    options: dict[str, Any] = {
        "metric": metric,
        "task": task,
        "fraction": fraction,
        "x": x and x.value,
        "band": band and band.value,
        "baseline": baseline,
        "relative": relative or None,
        "title": title,
    }
    found: list[Any] = [readers[entry.of](folder) for folder in runs]
    target = out or found[0].folder / (entry.file or f"{kind}.png")
    given = {name: value for name, value in options.items() if value is not None}
    drawing = draw(kind, found, **given)
    save_figure(drawing.figure, target)
    with reporting(target, "look at the picture"):
        if as_json:
            print_json({"path": str(target), "warnings": drawing.warnings})
            return
        print_remarks("warning", drawing.warnings)
        print_lines([str(target)])
