"""`alsim run`."""

from collections.abc import Mapping
from typing import Any

from alsim.cli.from_options import from_options
from alsim.cli.help import AsJson
from alsim.options.curves import CurvesOptions


@from_options(CurvesOptions)
def run(given: Mapping[str, Any], json: AsJson = False) -> None:
    """Replay labelling on a pool and record each strategy's learning curve.

    Example: alsim run --pool posts.parquet --strategy random,margin --query-size 20

    Example: alsim run --pool posts.parquet --model "mlp(width=128)" --until labels=5000

    Example: alsim run --pool posts.parquet --oracle noisy --noise 0.1 --out runs/noisy
    """
    from alsim.cli.screens.progress import watching

    with watching() as watch:
        watch.stage("starting")  # what is imported next takes a few seconds
        import alsim

        done = alsim.run(**given, watch=watch)
    from alsim.cli.screens.curves import print_run

    print_run(done, as_json=json)
