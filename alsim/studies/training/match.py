"""Models of equal numbers of parameters: each gets the width that brings it closest."""

from collections.abc import Sequence
from dataclasses import replace

from alsim.models import match_width, size_of, with_width
from alsim.models.naming import FLAG
from alsim.options.faults import Faults
from alsim.pool.pool import Pool
from alsim.studies.training.assignment import TrainedModel
from alsim.training.features import shape_of

CLOSE = 0.01  # relative difference to the first's number of parameters


def match_parameters(
    models: Sequence[TrainedModel], pool: Pool, faults: Faults
) -> tuple[list[TrainedModel], list[str]]:
    """Return models with about as many parameters as the first, and notes on their numbers.

    Widths are whole numbers, so a match may differ; a note reports it beyond a hundredth. A model
    without a width is added to the faults.
    """
    shape = shape_of(pool)
    first, *others = models
    wanted = size_of(shape, first.options)
    found, sizes, far = [first], [f"{first.name} {wanted:,}"], list[str]()
    for model in others:
        if size_of(shape, with_width(model.options, 1)) == size_of(
            shape, with_width(model.options, 2)
        ):
            faults.add(
                "the model has no width by which its parameters could be matched",
                f"{FLAG} {model.name}",
                "name it first, or leave out --match-parameters",
            )
            continue
        width = match_width(shape, model.options, wanted)
        options = with_width(model.options, width)
        n = size_of(shape, options)
        found.append(replace(model, options=options))
        sizes.append(f"{model.name} {n:,} (width {width})")
        if abs(n - wanted) > CLOSE * wanted:
            far.append(f"{model.name} {100 * (n - wanted) / wanted:+.1f} %")
    notes = [f"parameters matched to those of {first.name}: {', '.join(sizes)}"]
    if far:
        notes.append(
            f"not closer, since widths are whole numbers: {', '.join(far)}; a wider first model "
            "is met better"
        )
    return found, notes
