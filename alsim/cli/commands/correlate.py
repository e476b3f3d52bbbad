"""`alsim correlate`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from alsim.cli.from_options import from_options
from alsim.cli.help import AsJson
from alsim.options.correlation import CorrelateOptions


@from_options(CorrelateOptions)
def correlate(
    given: Mapping[str, Any],
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Picture of each metric's groups to write: .png, .svg or .pdf.",
            rich_help_panel="Engine",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Correlate what rows score with what they teach: copies of one net, each on a group of rows.

    Example: alsim correlate --pool posts.parquet

    Example: alsim correlate --pool posts.parquet --metric margin,loss --plot groups.png
    """
    from alsim.cli.screens.progress import watching

    with watching() as watch:
        watch.stage("starting")  # what is imported next takes a few seconds
        import alsim
        from alsim.plots import check_target

        if plot is not None:
            check_target(plot)
        done = alsim.correlate(**given, watch=watch)
    from alsim.cli.screens.correlation import draw, print_correlation

    if plot is not None:
        draw(done, plot)
    print_correlation(done, as_json=json, picture=plot)
