"""Trained models compared: the answer in a sentence, a row a model, and what the numbers are."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from alsim.analysis.curves.answer import p_text, signed_number
from alsim.analysis.statistics.intervals import Estimate, interval_text
from alsim.analysis.training.verdicts import (
    R2,
    ModelComparison,
    ModelVerdict,
    Score,
)
from alsim.cli.screens.comparison_cells import points
from alsim.cli.screens.formats import Value
from alsim.cli.screens.output import NOTHING, print_gap, print_lines
from alsim.cli.screens.tables import TextTable, print_table
from alsim.experiments.training.records import RANDOM

_FEW = 3  # tasks that are named
_MANY = 1000  # seeds: above, no exact number is given


def headline(found: ModelComparison) -> str:
    """Return which model wins, by each score, on the largest fraction of the labels."""
    if not found.scores:
        return "nothing to compare all models by: targets have units of their own, see --details"
    largest = found.fractions[0]
    parts = [_answer(found, score, largest) for score in found.scores]
    if len(found.fractions) > 1:
        parts = [f"at fraction {largest:g}, {part}" for part in parts]
    return "; ".join(parts)


def _answer(found: ModelComparison, score: Score, fraction: float) -> str:
    verdicts = [v for v in found.verdicts if (v.score, v.fraction) == (score, fraction)]
    if not verdicts:
        (one,) = found.of(score, fraction)
        return f"{one.name} is the only model, with {_of(score)} {_estimate(one.value, score)}"
    if len(verdicts) == 1:
        return verdict_sentence(verdicts[0])
    baseline = "random labels" if found.baseline == RANDOM else found.baseline
    better = [each for each in verdicts if each.outcome == "better"]
    if better:
        best, *others = better
        too = " and ".join(each.first for each in others)
        more = f"; {too} {'are' if len(others) > 1 else 'is'} better too" if others else ""
        return verdict_sentence(best) + more
    if all(each.outcome == "worse" for each in verdicts):
        return f"{baseline} is better than every other model by {_of(score)}"
    nearest = next(each for each in verdicts if each.outcome == "cannot tell")
    none = f"cannot tell that any model is better than {baseline} by {_of(score)}"
    return f"{none}{_needed(nearest, f': {nearest.first} would need')}"


def verdict_sentence(verdict: ModelVerdict) -> str:
    """Return a verdict in words, the better model first."""
    first, second, n = verdict.first, verdict.second, len(verdict.seeds)
    found, score = verdict.difference, verdict.score
    if found is None:
        return f"{first} and {second}: cannot tell, they share no seed"
    seeds = "1 seed" if n == 1 else f"{n} seeds"
    won = (verdict.wins or 0) * n
    if verdict.outcome == "worse":
        first, second, found, won = second, first, found.negated(), n - won
    gap = f"{_of(score)} {_estimate(found, score, signed=True)}"
    if verdict.p_adjusted is None:
        why = f", all {seeds} differ by the same" if n > 1 else f" with {seeds}"
        return f"{first} and {second}: cannot tell{why} ({gap})"
    p = p_text(verdict.p_adjusted)
    gap += f", p {p}" if p.startswith("<") else f", p = {p}"
    if verdict.outcome == "cannot tell":
        text = f"{first} and {second}: cannot tell with {seeds} ({gap})"
        return text + _needed(verdict, "; a difference of this size would need")
    return f"{first} is better than {second}: {gap}, {won:g} of {n} seeds"


def _needed(verdict: ModelVerdict, words: str) -> str:
    needed = verdict.seeds_needed
    if needed is None or needed <= len(verdict.seeds):
        return ""
    about = f"about {needed}" if needed <= _MANY else f"more than {_MANY:,}"
    return f"{words} a new study of {about} seeds"


def model_table(found: ModelComparison, score: Score) -> TextTable:
    """Return a row for each model, the largest fraction first, then the best."""
    shown = [each for each in found.models if each.score == score]
    verdicts = {(v.fraction, v.first): v for v in found.verdicts if v.score == score}
    has_fractions = len(found.fractions) > 1
    headers = ["model", *["fraction"] * has_fractions, _metric(score), "difference"]
    has_seeds = len({each.value.n for each in shown}) > 1
    headers += ["verdict", "p (Holm)", *["seeds"] * has_seeds]
    rows: list[tuple[str, ...]] = []
    for each in shown:
        verdict = verdicts.get((each.fraction, each.name))
        row = [each.name, *[f"{each.fraction:g}"] * has_fractions, _estimate(each.value, score)]
        if verdict is None:
            row += [NOTHING, "baseline", NOTHING]
        else:
            difference, p = verdict.difference, verdict.p_adjusted
            row.append(NOTHING if difference is None else _estimate(difference, score, signed=True))
            row += [verdict.outcome, NOTHING if p is None else p_text(p)]
        rows.append((*row, *[str(each.value.n)] * has_seeds))
    right = (*(1,) * has_fractions, *range(4 + has_fractions, len(headers)))
    return TextTable(headers, rows, right, kept=tuple(range(2 + has_fractions)))


def pair_table(found: ModelComparison) -> TextTable:
    """Return a row for each verdict."""
    headers = ("model", "against", "fraction", "score", "verdict", "difference", "p (Holm)")
    rows = tuple(
        (
            each.first,
            each.second,
            f"{each.fraction:g}",
            _of(each.score),
            each.outcome,
            NOTHING if (d := each.difference) is None else _estimate(d, each.score, signed=True),
            NOTHING if each.p_adjusted is None else p_text(each.p_adjusted),
        )
        for each in found.verdicts
    )
    return TextTable(headers, rows, right=(2, 6), kept=(0, 1))


def model_records(found: ModelComparison) -> list[dict[str, Value]]:
    """Return a record for each model and score, always with the same keys."""
    return [
        {
            "model": each.model,
            "chosen_by": each.chosen_by,
            "fraction": each.fraction,
            **_of_score(each.score),
            "n_seeds": each.value.n,
            **_numbers("mean", each.value),
        }
        for each in found.models
    ]


def pair_records(found: ModelComparison) -> list[dict[str, Value]]:
    """Return a record for each verdict, always with the same keys."""
    return [
        {
            "first": each.first,
            "second": each.second,
            "fraction": each.fraction,
            **_of_score(each.score),
            "outcome": each.outcome,
            "n_seeds": len(each.seeds),
            **_numbers("difference", each.difference),
            "p": getattr(each.difference, "p", None),
            "p_adjusted": each.p_adjusted,
            "level": each.level,
            "seeds_needed": each.seeds_needed,
            "wins": each.wins,
        }
        for each in found.verdicts
    ]


def comparison_json(found: ModelComparison) -> dict[str, Any]:
    """Return a comparison as JSON values, the answer in words first."""
    return {"answer": headline(found), **asdict(found)}


def print_answer(found: ModelComparison, *, with_details: bool) -> None:
    """Print the answer, a table for each score, and with details each verdict in words."""
    print_lines([headline(found)])
    print_gap()
    for score in found.scores:
        names = f": {_listed(score.tasks)}" if len(score.tasks) > 1 else ""
        print_lines([f"{_of(score)}{names}"])
        table = model_table(found, score)
        print_table(table, otherwise="add --json")
        print_gap()
    if with_details and found.verdicts:
        print_lines([verdict_sentence(each) for each in found.verdicts])
        print_gap()


def explanations(found: ModelComparison) -> list[str]:
    """Return what the numbers are."""
    if not found.models:
        return []
    n_seeds, n_pairs = max(each.value.n for each in found.models), len(found.verdicts)
    estimates = [each.value for each in found.models]
    estimates += [each.difference for each in found.verdicts if each.difference is not None]
    cut = "; [ ] where ± would go beyond what can be" if any(e.is_cut for e in estimates) else ""
    lines = [f"±: 95 % t-interval over {n_seeds} seeds, each for itself alone{cut}"]
    if n_seeds == 1:
        lines = ["one seed gives neither interval nor verdict: add --seeds 5"]
    elif n_pairs:
        other = "the same model on random labels" if found.baseline == RANDOM else found.baseline
        holm = f"; p by Holm over {n_pairs} pairs" if n_pairs > 1 else ""
        lines.append(f"difference: to {other}, by a paired t-test over the seeds{holm}")
    if any(score.metric == R2 for score in found.scores):
        lines.append("R²: 1 − MSE / the target's variance over the rows measured on")
    if len(found.scores) > 1:
        lines.append("classes and targets have a score each: they have no common unit")
    return lines


def _metric(score: Score) -> str:
    return score.measure.short or score.measure.words


def _of(score: Score) -> str:
    """Return a score in words: "mean accuracy of 3 tasks"."""
    metric, n = _metric(score), len(score.tasks)
    return f"{metric} of {score.tasks[0]}" if n == 1 else f"mean {metric} of {n} tasks"


def _listed(tasks: Sequence[str]) -> str:
    more = f" and {len(tasks) - _FEW} more" if len(tasks) > _FEW else ""
    return ", ".join(tasks[:_FEW]) + more


def _estimate(value: Estimate, score: Score, *, signed: bool = False) -> str:
    form = ".4g" if score.metric == "mse" else ".4f"
    if score.measure.most == 1:
        return interval_text(
            value, lambda v: points(v, form), lambda mean: points(mean, form, signed=signed)
        )
    return interval_text(
        value,
        lambda v: signed_number(v, form),
        lambda mean: signed_number(mean, form, signed=signed),
    )


def _of_score(score: Score) -> dict[str, Value]:
    return {"metric": score.metric, "tasks": ";".join(score.tasks)}


def _numbers(name: str, value: Estimate | None) -> dict[str, Value]:
    parts = {f"{name}_{part}": getattr(value, part, None) for part in ("half_width", "low", "high")}
    return {name: getattr(value, "mean", None), **parts}
