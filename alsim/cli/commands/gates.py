"""`alsim gates`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from alsim.cli.from_options import from_options
from alsim.cli.help import AsJson
from alsim.plots.options import GatesOptions


@from_options(GatesOptions, help_all=False)
def gates(
    given: Mapping[str, Any],
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="[RUN]", help="Folder of a training study; by default the latest in runs/."
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show which experts each task of a trained net uses, how many, and which tasks agree.

    Example: alsim gates runs/domains

    Example: alsim gates runs/domains --model 'multi-cluster(density=0.1)' --fraction 0.25
    """
    # Slow imports only once they are needed, so that `alsim --help` stays quick.
    from alsim.cli.latest import latest_with_gates
    from alsim.cli.screens.gates import print_gates

    print_gates(run or latest_with_gates(), GatesOptions(**given), as_json=json)
