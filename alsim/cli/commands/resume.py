"""`alsim resume`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from alsim.cli.from_options import from_options
from alsim.cli.help import AsJson
from alsim.cli.screens.done import carry_out
from alsim.options.resume import ResumeOptions


@from_options(ResumeOptions, help_all=False)
def resume(
    given: Mapping[str, Any],
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[RUN]", help="The run's folder; by default the latest unfinished in runs/."
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Go on with a run that was interrupted or killed, to the same numbers to the bit.

    Example: alsim resume

    Example: alsim resume runs/posts
    """
    if folder is None:
        from alsim.cli.latest import latest_unfinished

        folder = latest_unfinished()
    carry_out("resume", {"folder": folder, **given}, as_json=json)
