"""`alsim train`."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from alsim.cli.from_options import from_options
from alsim.cli.help import AsJson
from alsim.cli.screens.done import carry_out
from alsim.options.training_study import TrainOptions


@from_options(TrainOptions)
def train(
    given: Mapping[str, Any],
    details: Annotated[bool, typer.Option("--details", help="Print each task, too.")] = False,
    json: AsJson = False,
) -> None:
    """Train models on the tasks of a pool, on all labels or some, and report which model wins.

    Example: alsim train --pool census.parquet --model shared-bottom,mmoe --match-parameters

    Example: alsim train --pool census.parquet --model "mmoe(experts=4)" --fractions 0.1,1

    Example: alsim train --pool posts.parquet --queries runs/posts --model linear
    """
    carry_out("train", given, as_json=json, with_details=details)
