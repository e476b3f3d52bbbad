"""`alsim resume`."""

from pathlib import Path
from typing import Annotated

import typer

from alsim.cli.help import AsJson


def resume(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")],
    pool: Annotated[
        str | None,
        typer.Option(help="Where the pool is now, if it was moved. [default: where it was]"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes; 0: this one alone. [default: as many as before]")
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run plug-ins that lie in the run's own folder.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Go on with a run that was interrupted or killed, to the same numbers to the bit.

    Example: alsim resume runs/posts
    """
    from alsim.cli.screens.progress import watching

    with watching() as watch:
        watch.stage("starting")  # what is imported next takes a few seconds
        import alsim

        done = alsim.resume(folder, pool=pool, workers=workers, trust=trust, watch=watch)
    from alsim.cli.screens.done import print_done

    print_done(done, as_json=json)
