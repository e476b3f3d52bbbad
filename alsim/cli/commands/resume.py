"""`alsim resume`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from alsim.cli.from_options import from_options
from alsim.cli.help import AsJson
from alsim.options.resume import ResumeOptions


@from_options(ResumeOptions, help_all=False)
def resume(
    given: Mapping[str, Any],
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")],
    json: AsJson = False,
) -> None:
    """Go on with a run that was interrupted or killed, to the same numbers to the bit.

    Example: alsim resume runs/posts
    """
    from alsim.cli.screens.progress import watching

    with watching() as watch:
        watch.stage("starting")  # what is imported next takes a few seconds
        import alsim

        done = alsim.resume(folder, **given, watch=watch)
    from alsim.cli.screens.done import print_done

    print_done(done, as_json=json)
