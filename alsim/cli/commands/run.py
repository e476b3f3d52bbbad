"""`alsim run`."""

from collections.abc import Mapping
from typing import Any

from alsim.cli.from_options import from_options
from alsim.cli.help import AsJson
from alsim.cli.screens.done import carry_out
from alsim.options.curves import CurvesOptions


@from_options(CurvesOptions)
def run(given: Mapping[str, Any], json: AsJson = False) -> None:
    """Replay labelling on a pool and record each strategy's learning curve.

    Example: alsim run --pool posts.parquet --strategy random,margin --query-size 20

    Example: alsim run --pool posts.parquet --model "mlp(width=128)" --until labels=5000

    Example: alsim run --pool posts.parquet --oracle noisy --noise 0.1 --out runs/noisy
    """
    carry_out("run", given, as_json=json)
