"""What learning curves found, in a few words."""

from pathlib import Path

from alsim.analysis.curves.comparison import Comparison, StrategyNumbers
from alsim.analysis.curves.verdicts import Verdict
from alsim.store.curves import read_run
from alsim.studies.compare import compare


def answer_in(folder: Path) -> str:
    """Return which strategy is better than the baseline, such as "margin saves 1,180 labels"."""
    return answer(compare(read_run(folder)))


def answer(found: Comparison) -> str:
    """Return the verdict on the strategy that saves the most among those that are better.

    Where none is better, it is that on the best by its area.
    """
    if len(found.strategies) == 1 or found.baseline is None:
        best = found.ranking[0]
        return f"{best.strategy} ends at {found.metric} {best.last.mean:.3f}"
    rivals = [each for each in found.ranking if each.strategy != found.baseline]
    verdicts = {each.strategy: _verdict(found, each.strategy) for each in rivals}
    better = [each for each in rivals if verdicts[each.strategy].outcome == "better"]
    if better:
        best = max(better, key=_saved)
        others = f" (as {len(better) - 1} more)" if len(better) > 1 else ""
        if (amount := _saved(best)) > 0:
            return f"{best.strategy} saves {amount:,.0f} {found.counts}, better{others}"
        return f"{best.strategy} better than {found.baseline}{others}"
    unclear = [each for each in rivals if verdicts[each.strategy].outcome == "cannot tell"]
    if not unclear:
        others = f" (as {len(rivals) - 1} more)" if len(rivals) > 1 else ""
        return f"{rivals[0].strategy} worse than {found.baseline}{others}"
    if len(rivals) > 1:
        return f"cannot tell that any of {len(rivals)} beats {found.baseline}"
    return f"cannot tell {rivals[0].strategy} from {found.baseline}"


def _verdict(found: Comparison, strategy: str) -> Verdict:
    """Return the verdict on a strategy against the baseline."""
    pair = {strategy, found.baseline}
    verdict = next(each for each in found.verdicts if {each.first, each.second} == pair)
    return verdict if verdict.first == strategy else verdict.swapped()


def _saved(each: StrategyNumbers) -> float:
    """Return what a strategy saves, 0 if that is not sure."""
    saving = each.saving
    if saving is None or saving.amount is None or saving.low is None or saving.low <= 0:
        return 0.0
    return saving.amount
