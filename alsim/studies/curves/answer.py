"""What learning curves found, in a few words."""

from pathlib import Path

from alsim.analysis.curves.answer import best_of, verdict_on
from alsim.analysis.curves.comparison import Comparison
from alsim.store.curves import read_run
from alsim.studies.compare import compare


def answer_in(folder: Path) -> str:
    """Return which strategy is better than the baseline, such as "margin saves 1,180 labels"."""
    return answer(compare(read_run(folder)))


def answer(found: Comparison) -> str:
    """Return the verdict on the strategy that the answer of a comparison is about."""
    name = best_of(found)
    if name is None:
        first = found.ranking[0]
        return f"{first.strategy} ends at {found.metric} {first.last.mean:.3f}"
    verdicts = {each.strategy: verdict_on(found, each.strategy) for each in found.ranking}
    outcomes = [verdict.outcome for verdict in verdicts.values() if verdict is not None]
    verdict = verdicts[name]
    assert verdict is not None
    n_more = outcomes.count(verdict.outcome) - 1
    others = f" (as {n_more} more)" if n_more else ""
    if verdict.outcome == "cannot tell":
        if len(outcomes) > 1:
            return f"cannot tell that any of {len(outcomes)} beats {found.baseline}"
        return f"cannot tell {name} from {found.baseline}"
    best = next(each for each in found.ranking if each.strategy == name)
    saving = best.saving
    if verdict.outcome == "better" and saving is not None and (saving.amount or 0) > 0:
        return f"{name} saves {saving.amount:,.0f} {found.counts}, better{others}"
    return f"{name} {verdict.outcome} than {found.baseline}{others}"
