"""Pairs of a strategy and its baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from alsim.analysis.curve import Curve
from alsim.analysis.curves.curves import XAxis, learning_curves
from alsim.analysis.curves.runs import named, unlike
from alsim.errors import UsageError, nearest
from alsim.plots.drawing.lines import Key, Look, looks_of
from alsim.plots.drawing.of_runs import DrawableRun, baseline_of, differences
from alsim.plots.drawing.page import page

T = TypeVar("T")

NOT_SHARED = "not drawn, it shares no seed or no labels with the baseline"
CUT_SHARED = "drawn only where all seeds of it and of the baseline have a value"


@dataclass(frozen=True, slots=True, eq=False)
class Pair(Generic[T]):
    """A value of a strategy, and the same of its baseline."""

    key: Key
    mine: T
    baseline: T


def pair_up(
    found: Sequence[tuple[str, DrawableRun, dict[str, T]]], baseline: str | None, kind: str
) -> tuple[list[Pair[T]], list[str]]:
    """Return each strategy with the baseline of its own run, and warnings.

    A run without the baseline is compared with that of the first run that has it, with a warning,
    if both have the same pool and evaluation split. `found` has each run with its name and a value
    for each of its strategies.

    Raises:
        UsageError: If there is no such baseline, or no other strategy.
    """
    name = baseline_of([run for _, run, _ in found], baseline)
    where = f"alsim plot --kind {kind}"
    known = sorted({strategy for _, _, mine in found for strategy in mine})
    if name not in known:
        if baseline is not None:
            raise UsageError(f"no strategy is called {name!r}", where, nearest(name, known))
        again = f"run with --strategy {','.join([name, *known])}"
        other = f"name another baseline: --baseline {known[0]}; or " if len(known) > 1 else ""
        raise UsageError(f"there is no {name} to compare with", where, other + again)
    lender, lending, lent = next(each for each in found if name in each[2])
    pairs: list[Pair[T]] = []
    warnings: list[str] = []
    for run_name, run, mine in found:
        others = [strategy for strategy in mine if strategy != name]
        if name not in mine and others:
            for difference in unlike([lending, run]):
                raise UsageError(
                    f"{run_name} has no {name}, and the runs use different {difference}",
                    where,
                    "draw each run by itself; run it with the baseline, too",
                )
            warnings.append(f"{run_name} has no {name}: compared with that of {lender}")
        base = mine.get(name, lent[name])
        pairs += [Pair((run_name, strategy), mine[strategy], base) for strategy in others]
    if not pairs:
        raise UsageError(
            f"there is nothing to compare {name} with",
            where,
            f"run with more strategies, such as --strategy {name},margin; or draw --kind curve",
        )
    return pairs, warnings


def pair_curves(
    runs: Sequence[DrawableRun], metric: str, x: XAxis, baseline: str | None, kind: str
) -> tuple[list[tuple[Look, Curve, Curve]], list[str]]:
    """Return each strategy's look, its curve and the baseline's, and warnings; see `pair_up`."""
    found = [
        (name, run, {curve.strategy: curve for curve in learning_curves(run.steps, metric, x=x)})
        for name, run in named(runs)
    ]
    pairs, borrowed = pair_up(found, baseline, kind)
    pairs = page().in_order(pairs, lambda pair: pair.key[1])
    looks = looks_of([pair.key for pair in pairs], runs)
    of_pairs = [(looks[pair.key], pair.mine, pair.baseline) for pair in pairs]
    return of_pairs, [*differences(runs), *borrowed]
