"""`alsim resume`."""

from pathlib import Path
from typing import Annotated

import typer


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
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Go on with a run that was interrupted or killed, to the same numbers to the bit.

    Example: alsim resume runs/posts
    """
    from alsim.cli.screens.progress import watching

    with watching() as watch:
        watch.stage("starting")  # what is imported next takes a few seconds
        import alsim

        done = alsim.resume(folder, pool=pool, workers=workers, trust=trust, watch=watch)
    from alsim.store.curves import Run
    from alsim.store.training import TrainingStudy

    if isinstance(done, Run):
        from alsim.cli.screens.curves import print_run

        print_run(done, as_json=json)
    elif isinstance(done, TrainingStudy):
        from alsim.cli.screens.training import print_training

        print_training(done, as_json=json)
    else:
        from alsim.cli.screens.correlation import print_correlation

        print_correlation(done, as_json=json)
