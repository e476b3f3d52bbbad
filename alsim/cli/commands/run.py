"""`alsim run`."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from alsim.cli.from_options import from_options
from alsim.cli.help import MOST_USED, AsJson
from alsim.cli.screens.done import carry_out
from alsim.options.curves import CurvesOptions


@from_options(CurvesOptions)
def run(
    given: Mapping[str, Any],
    json: AsJson = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the plan, and the time and memory that it would take; write nothing.",
            rich_help_panel=MOST_USED,
        ),
    ] = False,
) -> None:
    """Replay labelling on a pool and record each strategy's learning curve.

    Example: alsim run --pool posts.parquet --budget 3000

    Example: alsim run --pool posts.parquet --strategy margin,badge --query-size 20 --steps 50

    Example: alsim run --pool posts.parquet --oracle noisy --noise 0.1 --out runs/noisy
    """
    if dry_run:
        from alsim.cli.screens.trial import print_trial

        print_trial(given, as_json=json)
        return
    carry_out("run", given, as_json=json)
