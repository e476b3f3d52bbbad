"""`alsim plot`: learning curves as a picture."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class X(StrEnum):
    """What the curves are drawn against."""

    labels = "labels"
    questions = "questions"
    cost = "cost"


class Band(StrEnum):
    """What is shaded about each mean curve."""

    t = "t"
    none = "none"


def plot(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Folders of runs; several are drawn over each other."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The picture: .png, .svg or .pdf. For one run RUN/curves.png if not given.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        str, typer.Option(help="What to draw: a column of the run's steps.")
    ] = "accuracy",
    x: Annotated[
        X,
        typer.Option(
            help="Against what: labels, the oracle's questions, or what the answers cost."
        ),
    ] = X.labels,
    band: Annotated[
        Band, typer.Option(help="t: the pointwise 95 % t-interval over seeds. none: no band.")
    ] = Band.t,
    title: Annotated[
        str | None, typer.Option(help="A title above the curves.", show_default=False)
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the path and the warnings as JSON.")
    ] = False,
) -> None:
    """Draw learning curves: the mean over seeds against the labels, with a confidence band.

    Example: alsim plot runs/posts

    Example: alsim plot runs/posts runs/posts-retrain --metric macro_f1 --out compared.svg
    """
    # Slow imports only once they are needed, so that `alsim --help` stays quick.
    from alsim.errors import UsageError
    from alsim.plots import check_target, draw_curves, save_figure
    from alsim.store import read_run

    if out is None and len(runs) > 1:
        raise UsageError(
            "several runs need a name for their picture", "alsim plot", "add: --out curves.png"
        )
    if out is not None:
        check_target(out)
    read = [read_run(folder) for folder in runs]
    target = out or read[0].folder / "curves.png"
    drawing = draw_curves(read, metric, band.value, title, x.value)
    save_figure(drawing.figure, target)
    if as_json:
        typer.echo(json.dumps({"path": str(target), "warnings": drawing.warnings}))
        return
    for warning in drawing.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(str(target))
