"""`alsim runs`: what lies in `runs/`."""

from pathlib import Path
from typing import Annotated

import typer

from alsim.cli.help import AsJson


def runs(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN]...", help="Folders to list; of several, what differs."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="List all, not only the latest 20.")] = False,
    json: AsJson = False,
) -> None:
    """List the runs in runs/ with what each found, the latest first; of some, what differs.

    Example: alsim runs

    Example: alsim runs runs/posts-margin runs/posts-margin-2
    """
    from alsim.cli.screens.runs import print_differences, print_runs

    if folders and len(folders) > 1:
        print_differences(folders, as_json=json)
    else:
        print_runs(folders, every=every, as_json=json)
