"""The tables of a comparison: cells to look at, and records for other programs."""

from collections.abc import Mapping, Sequence

from alsim.analysis.curves.answer import metric_words, p_text, unit
from alsim.analysis.curves.comparison import Comparison
from alsim.analysis.curves.verdicts import Verdict
from alsim.analysis.statistics.intervals import Estimate
from alsim.cli.screens.comparison_cells import (
    MONEY,
    estimate_cell,
    joint_cell,
    judges_in_table,
    level_cell,
    points,
    reach_cell,
    saving_cell,
    verdict_cell,
    wins_cell,
)
from alsim.cli.screens.formats import Value
from alsim.cli.screens.output import NOTHING
from alsim.cli.screens.tables import TextTable

_SAVING = ("low", "high", "is_censored_low", "is_censored_high")
_OF_PAIR = ("p_adjusted", "level", "seeds_needed", "wins", "wilcoxon_p")


def strategy_table(
    found: Comparison, more: Mapping[str, Mapping[str, str]] | None = None
) -> TextTable:
    """Return a row for each strategy, the best first; without a reference no labels to it.

    Beside a verdict stands one interval, that which agrees with it. `more` has the cells of further
    columns by their header and strategy.
    """
    columns: dict[str, list[str]] = {"strategy": [each.strategy for each in found.ranking]}
    if judges_in_table(found):
        columns[f"{found.counts} saved"] = [
            saving_cell(each, each.saving, found, unit(found)) for each in found.ranking
        ]
        if any(each.money for each in found.ranking):
            columns["money saved"] = [
                saving_cell(each, each.money, found, MONEY) for each in found.ranking
            ]
        columns["verdict"] = [verdict_cell(found, each.strategy) for each in found.ranking]
    kept = range(min(len(columns), 2))
    for header, values in (
        (f"last {metric_words(found.metric)}", [each.last for each in found.ranking]),
        ("AUBC", [each.aubc for each in found.ranking]),
    ):
        columns[header] = [level_cell(value, found) for value in values]
    if found.reference is not None:
        columns[f"{found.counts} to {100 * found.share:g} %"] = [
            reach_cell(each.reach, len(each.seeds), found) for each in found.ranking
        ]
    for header, shares in (
        ("of the ceiling", [each.of_ceiling for each in found.ranking]),
        ("by labels", [each.by_labels and each.by_labels.share for each in found.ranking]),
    ):
        if any(shares):
            columns[header] = [NOTHING if s is None else points(s.mean, ".2f") for s in shares]
    for header, cells in (more or {}).items():
        columns[header] = [cells.get(each.strategy, NOTHING) for each in found.ranking]
    if len(found.ranking) > 1:
        columns["rank"] = [NOTHING if s.rank is None else f"{s.rank:.1f}" for s in found.ranking]
    columns["seeds"] = [str(len(each.seeds)) for each in found.ranking]
    right = [i for i, header in enumerate(columns) if header not in ("strategy", "verdict")]
    return TextTable(list(columns), list(zip(*columns.values(), strict=True)), right, kept)


def alone_table(found: Comparison) -> TextTable:
    """Return a row for each strategy with intervals for it alone, which no verdict rests on."""
    last = f"last {metric_words(found.metric)}"
    headers = ("strategy", last, "AUBC", f"{found.counts} saved at the end")
    rows = [
        (
            each.strategy,
            estimate_cell(each.last),
            estimate_cell(each.aubc),
            saving_cell(each, each.end_saving, found, unit(found)),
        )
        for each in found.ranking
    ]
    return TextTable(headers, rows, range(1, 4), kept=(0, 1))


def pair_table(found: Comparison, *, with_verdicts: bool = True) -> TextTable:
    """Return a row for each pair: the verdict, and what only describes it."""
    headers = ["strategy", "against", *["verdict", "AUBC", "p (Holm)"] * with_verdicts]
    headers += ["seeds won", "Wilcoxon p", f"last {metric_words(found.metric)}"]
    rows: list[tuple[str, ...]] = []
    for each in ordered_verdicts(found):
        verdict = (
            each.outcome,
            joint_cell(each),
            NOTHING if each.p_adjusted is None else p_text(each.p_adjusted),
        )
        row = (
            *(each.first, each.second, *verdict * with_verdicts, wins_cell(each)),
            NOTHING if each.wilcoxon_p is None else p_text(each.wilcoxon_p),
            NOTHING if each.last is None else estimate_cell(each.last, signed=True),
        )
        rows.append(row)
    right = range(2 + with_verdicts, len(headers))
    return TextTable(headers, rows, right, kept=(0, 1))


def win_table(found: Comparison) -> TextTable:
    """Return the share of the seeds in which the row's AUBC exceeds the column's."""
    names = [each.strategy for each in found.ranking]
    wins = {
        (verdict.first, verdict.second): verdict.wins
        for each in found.verdicts
        for verdict in (each, each.swapped())
    }
    rows: list[tuple[str, ...]] = []
    for i, name in enumerate(names, 1):
        shares = [wins.get((name, other)) for other in names]
        cells = [NOTHING if share is None else points(share, ".2f") for share in shares]
        rows.append((f"{i} {name}", *cells))
    columns = range(1, len(names) + 1)
    return TextTable(("share of seeds won", *map(str, columns)), rows, columns)


def strategy_records(found: Comparison) -> list[dict[str, Value]]:
    """Return a record for each strategy, the best first, always with the same keys."""
    return [
        {
            "strategy": each.strategy,
            "n_seeds": len(each.seeds),
            **_numbers("last", each.last),
            **_numbers("aubc", each.aubc),
            "rank": each.rank,
            "target": getattr(each.reach, "target", None),
            **_numbers("reached", getattr(each.reach, "labels", None)),
            "reached_at_least": getattr(each.reach, "at_least", None),
            "n_missed": getattr(each.reach, "n_missed", None),
            **_record("saved", each.saving, "amount", _SAVING),
            **_record("money", each.money, "amount", _SAVING),
            **_record("saved_at_end", each.end_saving, "amount", _SAVING),
            "outside": each.outside,
        }
        for each in found.ranking
    ]


def pair_records(found: Comparison) -> list[dict[str, Value]]:
    """Return a record for each pair, always with the same keys."""
    return [
        {
            "first": each.first,
            "second": each.second,
            "outcome": each.outcome,
            "n_seeds": len(each.seeds),
            **_numbers("aubc_difference", each.area),
            "joint_low": getattr(each.joint, "low", None),
            "joint_high": getattr(each.joint, "high", None),
            "p": getattr(each.area, "p", None),
            **{name: getattr(each, name) for name in _OF_PAIR},
            **_numbers("last_difference", each.last),
        }
        for each in ordered_verdicts(found)
    ]


def ordered_verdicts(found: Comparison) -> list[Verdict]:
    """Return the verdicts, the better of a pair first: those on the baseline, then by ranking."""
    places = {each.strategy: i for i, each in enumerate(found.ranking)}
    facing = [
        each.swapped() if each.area is not None and each.area.mean < 0 else each
        for each in found.verdicts
    ]

    def key(verdict: Verdict) -> tuple[bool, int, int]:
        pair = (verdict.first, verdict.second)
        first, second = sorted(places[name] for name in pair)
        is_own = any(found.baseline_of(name) in pair for name in pair)
        return not is_own, first, second

    return sorted(facing, key=key)


def _numbers(name: str, value: Estimate | None) -> dict[str, Value]:
    return _record(name, value, "mean", ("half_width", "low", "high"))


def _record(name: str, value: object, main: str, others: Sequence[str]) -> dict[str, Value]:
    """Return attributes of a value, the main one under the name alone; None where it has none."""
    rest = {f"{name}_{other}": getattr(value, other, None) for other in others}
    return {name: getattr(value, main, None), **rest}
