"""What passive training found, in a few words."""

from pathlib import Path

from alsim.store.training import read_training
from alsim.studies.compare_models import compare_models


def answer_in(folder: Path) -> str:
    """Return which model is better than the baseline by the first score on the most labels."""
    found = compare_models(read_training(folder))
    if not found.scores:
        return ""
    score, fraction = found.scores[0], found.fractions[0]
    best = found.of(score, fraction)[0]
    verdicts = [v for v in found.verdicts if (v.score, v.fraction) == (score, fraction)]
    if not verdicts:
        return f"{best.name} {score.metric} {best.value.mean:.4g}"
    better = [each for each in verdicts if each.outcome == "better"]
    if better:
        others = f" (as {len(better) - 1} more)" if len(better) > 1 else ""
        return f"{better[0].first} better than {better[0].second}{others}"
    unclear = [each for each in verdicts if each.outcome == "cannot tell"]
    if not unclear:
        others = f"the other {len(verdicts)}" if len(verdicts) > 1 else verdicts[0].first
        return f"{found.baseline} better than {others}"
    if len(verdicts) > 1:
        return f"cannot tell that any of {len(verdicts)} beats {found.baseline}"
    return f"cannot tell {unclear[0].first} from {unclear[0].second}"
