"""`alsim compare` as a user types it: its output in each format, and its errors."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tiny_runs import SMALL, Curves, ahead, write_tiny_run
from typer.testing import CliRunner, Result

import alsim
from alsim.analysis.curves.answer import at_end_words, headline, p_text
from alsim.analysis.curves.ceiling import Ceiling
from alsim.analysis.curves.comparison import Comparison, Judging
from alsim.analysis.curves.comparison import compare as compare_steps
from alsim.analysis.curves.verdicts import Verdict
from alsim.analysis.statistics.looks import plan_looks
from alsim.cli.main import app
from alsim.cli.screens.comparison_cells import points
from alsim.cli.screens.comparison_tables import (
    ordered_verdicts,
    pair_records,
    pair_table,
    strategy_records,
    strategy_table,
    win_table,
)
from alsim.cli.screens.comparison_words import (
    explanations,
    parts_sentence,
    verdict_sentence,
)
from alsim.cli.screens.formats import print_latex, print_markdown
from alsim.cli.screens.output import print_lines
from alsim.cli.screens.tables import TextTable
from alsim.store.manifest import write_manifest
from alsim.strategies.table import NO_QUERY


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def printed(*arguments: str | Path) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def rows_of(text: str) -> dict[str, dict[str, str]]:
    """Return the cells of the first table of a text, by the first cell of a row and the header."""
    headers, *lines = [re.split(r" {2,}", line) for line in text.split("\n\n")[1].splitlines()]
    return {line[0]: dict(zip(headers[1:], line[1:], strict=True)) for line in lines}


def compared(curves: Curves, tmp_path: Path, **options: Any) -> Comparison:
    return alsim.compare(write_tiny_run(tmp_path / "run", curves), **options)


def three(*middle: float) -> Curves:
    """Return constant curves: random, and z above it by the given amount in each seed."""
    return {
        "random": {seed: [0.3 + seed / 100] * 2 for seed in range(len(middle))},
        "z": {seed: [0.3 + seed / 100 + gain] * 2 for seed, gain in enumerate(middle)},
    }


# The text


def test_the_table_of_two_strategies_equals_the_calculation_by_hand(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts")
    text = printed(run, "--cost-per-label", "0.5")
    saving = alsim.compare(run).ranking[0].saving
    assert saving is not None
    assert saving.low is not None
    assert saving.high is not None
    interval = f"[−{-saving.low:.0f}, {saving.high:.0f}]"
    money = f"[−{-saving.low / 2:.2f}, {saving.high / 2:.2f}]"
    # The mean curves are .35, .6, .77 and .25, .45, .65. With δ = 100 − u their areas from 100 to
    # 300 − δ and from 100 + δ to 300 differ by −7.5 + .15 u + .00185 u², which is 0 at u = 34.94.
    # margin's reaches random's last .65 at 200 + 100 · 5/17 labels of 300. 95 % of that, .6175,
    # takes margin 217.5 and 207.3 labels, and of random's seeds one 258.75 and the other over 300.
    assert rows_of(text) == {
        "margin": {
            "labels saved": f"+65 {interval}",
            "money saved": f"+32.53 {money}",
            "verdict": "cannot tell, p = .097",  # t = .13 / .02 = 6.5 with one degree of freedom
            "last accuracy": ".7700",
            "AUBC": ".5800",
            "labels to 95 %": "212",
            "rank": "1.0",
            "seeds": "2",
        },
        "random": {
            "labels saved": "baseline",
            "money saved": "baseline",
            "verdict": "–",
            "last accuracy": ".6500",
            "AUBC": ".4500",
            "labels to 95 %": "≥ 279 (1 of 2)",
            "rank": "2.0",
            "seeds": "2",
        },
    }
    assert "95 % of random's last accuracy, .6500, is .6175" in text
    assert "≥ … (1 of 3): seeds that reached it" in text


def test_the_answer_has_one_certainty_of_verdict_amount_interval_and_p(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts", ahead({"random": [0] * 3, "z": [100, 110, 120]}))
    text = printed(run, "--details")
    half_width = stats.t.ppf(0.975, 2) * 10 / np.sqrt(3)
    low, high = f"{110 - half_width:.0f}", f"{110 + half_width:.0f}"
    assert (low, high) == ("85", "135")
    p = f"{stats.ttest_1samp([100, 110, 120], 0).pvalue:.4f}".removeprefix("0")
    ends = f"110 fewer labels on average (95 % {low} to {high})"
    assert text.splitlines()[:2] == [
        f"z is better than random: it needs {ends}, p = {p}",
        f"at the end: z reaches random's final accuracy with {ends.replace(' on average', '')}",
    ]
    assert rows_of(text)["z"]["labels saved"] == f"+110 [{low}, {high}]"
    assert rows_of(text)["z"]["verdict"] == f"better, p = {p}"
    area = f"+.1100 [.{10 * (110 - half_width):04.0f}, .{10 * (110 + half_width):04.0f}]"
    assert f"z is better than random: AUBC {area}, p = {p}, 3 of 3 seeds" in text


def test_the_answer_is_on_the_strategy_that_saves_most(tmp_path: Path) -> None:
    curves = ahead({"random": [0] * 4, "y": [50, 52, 55, 51], "z": [100, 110, 120, 115]})
    text = printed(write_tiny_run(tmp_path / "posts", curves))
    # Two verdicts: the intervals are at 2.5 %.
    half_width = stats.t.ppf(1 - 0.025 / 2, 3) * np.std([100, 110, 120, 115], ddof=1) / 2
    ends = f"{111.25 - half_width:.0f} to {111.25 + half_width:.0f}"
    ours = f"z is better than random: it needs 111 fewer labels on average (95 % {ends}), p"
    assert text.startswith(ours)
    assert text.splitlines()[0].endswith("; y is too")
    assert list(rows_of(text)) == ["z", "y", "random"]
    line = printed(tmp_path / "posts", "--all-pairs").splitlines()[0]
    assert line.endswith("; also better than y")


def test_the_answer_claims_the_most_savings_only_if_the_verdicts_support_it(
    tmp_path: Path,
) -> None:
    curves = ahead({"random": [0] * 4, "y": [112, 109, 118, 108], "z": [100, 110, 120, 115]})
    line = headline(compared(curves, tmp_path / "a"))
    assert line.startswith("y is better than random: it needs 112 fewer labels on average (95 % ")
    assert line.endswith("; z is too")
    assert headline(compared(curves, tmp_path / "b", all_pairs=True)).endswith(
        "; cannot tell it from z"
    )


def test_a_certain_saving_is_named_before_a_larger_uncertain_one(tmp_path: Path) -> None:
    sure, unsure = [100, 102, 98, 101, 99], [300, 120, 30, 480, 10]
    curves = ahead({"random": [0] * 5, "sure": sure, "unsure": unsure}, slope=1e-4)
    found = compared(curves, tmp_path)
    amounts = {each.strategy: each.saving for each in found.strategies}
    assert amounts["unsure"].amount > amounts["sure"].amount  # type: ignore[union-attr, operator]
    line = headline(found)
    assert line.startswith("sure is better than random: it needs 100 fewer labels on average (95 ")
    assert "unsure" not in line


def test_the_answer_to_cost_and_to_another_metric_names_them(tmp_path: Path) -> None:
    curves = ahead({"random": [0] * 3, "z": [100, 110, 120]})
    run = write_tiny_run(tmp_path / "posts", curves, price=0.125)
    found = alsim.compare(run, x="cost", metric="macro_f1")
    ends = "13.75 less cost on average (95 % 10.64 to "
    assert headline(found).startswith(f"z is better than random: it needs {ends}")
    assert (at_end_words(found) or "").startswith(
        "at the end: z reaches random's final macro F1 with 13.75 less cost (95 % 10.64 to "
    )
    costly = ahead({"random": [0] * 3, "z": [-100, -110, -120]})
    dear = alsim.compare(write_tiny_run(tmp_path / "dear", costly, price=0.125), x="cost")
    assert "z is worse than random: it needs 13.75 more cost on average" in headline(dear)


def test_a_verdict_by_holm_alone_cuts_its_interval_at_0_on_every_screen(tmp_path: Path) -> None:
    # Three verdicts. z has the smallest p, so y's is compared with .025, but its interval is at
    # .05 / 3; p is .0201, and .0201 · 2 < .05 < .0201 · 3. u is open.
    values = [10, 55, 40, 35, 20, 30, 0]
    shifts = {"u": [-60, 90, 10, -50, 30, -20, 5], "y": [each - 5 for each in values]}
    curves = ahead({"random": [0] * 7, **shifts, "z": [100, 110, 120, 115, 100, 90, 105]})
    found = compared(curves, tmp_path)
    y = next(each for each in found.strategies if each.strategy == "y")
    p = stats.ttest_1samp(shifts["y"], 0).pvalue
    assert 0.05 / 3 < p < 0.025
    (on_y,) = (each for each in found.verdicts if each.first == "y")
    assert (on_y.outcome, on_y.p_adjusted) == ("better", pytest.approx(2 * p))
    mean, error = np.mean(shifts["y"]), np.std(shifts["y"], ddof=1) / np.sqrt(7)
    high = mean + stats.t.ppf(1 - 0.05 / 6, 6) * error
    assert on_y.joint is not None
    assert (on_y.joint.low, on_y.joint.high) == (0, pytest.approx(high / 1000))
    assert y.saving is not None
    assert (y.saving.low, y.saving.high) == (0, pytest.approx(high))
    text = printed(tmp_path / "run", "--details")
    assert rows_of(text)["y"]["labels saved"] == f"+{mean:.0f} [>0, {high:.0f}]"
    gap = f"AUBC +.{10 * mean:04.0f} [>.0000, .{10 * high:04.0f}]"
    assert f"y is better than random: {gap}, p = {p_text(2 * p)}, 6 of 7 seeds" in text
    without_z = replace(found, strategies=tuple(s for s in found.strategies if s.strategy != "z"))
    assert f"{mean:.0f} fewer labels on average (above 0, up to {high:.0f}), p" in headline(
        without_z
    )
    assert f"<td>+{mean:.0f} [&gt;0, {high:.0f}]</td>" in found._repr_html_()
    losers = ahead(
        {"random": [0] * 7, **{n: [-each for each in s] for n, s in shifts.items()},
         "z": [-100, -110, -120, -115, -100, -90, -105]}
    )  # fmt: skip
    worse = rows_of(printed(write_tiny_run(tmp_path / "worse", losers)))["y"]
    assert worse["labels saved"] == f"−{mean:.0f} [−{high:.0f}, <0]"
    assert worse["verdict"] == f"worse, p = {p_text(2 * p)}"


def test_where_nothing_is_decided_the_end_has_an_amount_and_says_that_it_is_not_tested(
    tmp_path: Path,
) -> None:
    # z falls behind and catches up, so that it saves labels at the end, and loses as many before.
    curves = {
        "random": {0: [0.2, 0.3, 0.4, 0.5], 1: [0.2, 0.3, 0.4, 0.5], 2: [0.2, 0.3, 0.4, 0.5]},
        "z": {0: [0.2, 0.1, 0.46, 0.6], 1: [0.2, 0.3, 0.46, 0.61], 2: [0.2, 0.2, 0.46, 0.6]},
    }
    found = compared(curves, tmp_path)
    (saving,) = (each.end_saving for each in found.strategies if each.end_saving)
    assert saving.low is not None
    assert saving.low > 0
    line = at_end_words(found)
    assert line == (
        "at the end: z reaches random's final accuracy with "
        f"{saving.amount:.0f} fewer labels (not tested)"
    )
    assert headline(found).startswith("cannot tell whether z is better than random: labels saved")
    assert printed(tmp_path / "run").splitlines()[1] == line


def test_curves_that_are_further_apart_than_was_measured_have_no_amount(tmp_path: Path) -> None:
    far = {
        "random": {0: [0.1, 0.2], 1: [0.1, 0.21], 2: [0.1, 0.2]},
        "z": {0: [0.8, 0.9], 1: [0.8, 0.91], 2: [0.81, 0.9]},
    }
    found = compared(far, tmp_path / "a")
    assert headline(found) == (
        "z is better than random, by more labels than were measured, p < .0001"
    )
    assert at_end_words(found) is None
    assert headline(compared(far, tmp_path / "b", baseline="z")) == (
        "random is worse than z, by more labels than were measured, p < .0001"
    )


def test_where_nothing_is_better_the_answer_says_what_would_help(tmp_path: Path) -> None:
    line = headline(compared(three(0.1, 0.0, 0.02), tmp_path / "a"))
    assert re.fullmatch(
        r"cannot tell whether z is better than random: labels saved on average not measured \(95 % "
        r"≤−100 to ≥100\), p = \.32; a difference of this size would need a new study of about "
        r"16 seeds",
        line,
    )
    several = {**three(0.1, 0.0, 0.02), "y": three(0.02, 0.0, 0.1)["z"]}
    line = headline(compared(several, tmp_path / "b"))
    assert line.startswith("cannot tell whether y or z is better than random; of y: labels saved")


def test_a_loss_is_an_answer_too(tmp_path: Path) -> None:
    curves = ahead({"random": [0] * 3, "z": [-100, -110, -120]})
    line = headline(compared(curves, tmp_path / "one"))
    half_width = stats.t.ppf(0.975, 2) * 10 / np.sqrt(3)
    ends = f"95 % {110 - half_width:.0f} to {110 + half_width:.0f}"
    assert line.startswith(f"z is worse than random: it needs 110 more labels on average ({ends})")
    assert at_end_words(compared(curves, tmp_path / "end")) == (
        f"at the end: random reaches z's final accuracy with 110 fewer labels ({ends})"
    )
    curves = ahead({"random": [0] * 3, "y": [-200, -210, -220], "z": [-100, -110, -120]})
    assert headline(compared(curves, tmp_path / "two")).endswith("; so is y")


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        ({"random": SMALL["random"]}, "random is the only strategy: nothing to compare it with"),
        (
            {"a": SMALL["random"], "b": SMALL["margin"]},
            "no baseline to save labels against: verdicts only",
        ),
    ],
)
def test_without_two_strategies_or_a_baseline_there_is_no_answer(
    curves: Curves, expected: str, tmp_path: Path
) -> None:
    assert headline(compared(curves, tmp_path)) == expected


def test_the_baseline_is_by_default_the_run_s_own(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts")
    manifest = json.loads((run / "run.json").read_text())
    assert alsim.compare(run).baseline == "random"
    manifest["configuration"]["baseline"] = "margin"
    write_manifest(run, manifest)
    assert alsim.compare(run).baseline == "margin"
    assert alsim.compare(run, baseline="random").baseline == "random"


def test_a_message_explains_what_one_seed_leaves_undefined(tmp_path: Path) -> None:
    curves = {name: {0: seeds[0]} for name, seeds in SMALL.items()}
    text = printed(write_tiny_run(tmp_path / "posts", curves), "--details")
    # The .6 of random is reached at 200 of 300 labels. The areas of .3, .6, .7 to 300 − δ and of
    # .2, .4, .6 from 100 + δ, for δ = 100 − u, differ by −5 + .2 u + .0015 u²: 0 at u = 21.53.
    assert list(rows_of(text)["margin"].values()) == [
        *("+78", "cannot tell", ".7000", ".5500", "190", "1.0", "1")
    ]
    assert text.startswith(
        "cannot tell whether margin is better than random: labels saved on average +78; "
        "one seed gives no verdict: add --seeds 5\n"
        "at the end: margin reaches random's final accuracy with 100 fewer labels\n"
    )
    assert "margin and random: cannot tell with 1 seed (AUBC +.1500)" in text
    assert "one seed gives neither interval nor verdict: add --seeds 5" in text
    assert "±" not in text
    assert "[ ]" not in text


def test_a_single_strategy_has_numbers_and_no_verdict(tmp_path: Path) -> None:
    text = printed(write_tiny_run(tmp_path / "posts", {"random": SMALL["random"]}), "--details")
    cells = rows_of(text)["random"]
    assert (cells["last accuracy"], cells["AUBC"]) == (".6500 [.01, 1]", ".4500 [0, 1]")
    assert not cells.keys() & {"labels saved", "rank"}
    assert "verdict" not in text
    assert "decides nothing" not in text


def test_without_a_baseline_the_columns_that_need_one_are_left_out(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts", {"a": SMALL["random"], "b": SMALL["margin"]})
    result = invoke(run)
    assert list(rows_of(result.stdout)["a"]) == ["last accuracy", "AUBC", "rank", "seeds"]
    # The table has each alone, so the verdict stands below it, with the interval that agrees.
    assert rows_of(result.stdout)["b"]["AUBC"] == ".5800 ± .3812"
    assert "b and a: cannot tell with 2 seeds (AUBC +.1300 [−.1241, .3841], p = " in result.stdout
    alone = "95 % interval over seeds, each for itself alone"
    assert f"± and [ ] in the table: {alone}\n" in result.stdout
    assert "note: no strategy is called random" in result.stderr
    with_reference = rows_of(printed(run, "--reference", "0.65"))
    assert with_reference["b"]["labels to 95 %"] == "212"
    assert "95 % of the reference accuracy, .6500" in printed(run, "--reference", "0.65")


@pytest.mark.parametrize(
    ("share", "of_random", "of_z"),
    [("0.3", "≤ 100", "≤ 100"), ("0.5", "≤ 100", "≤ 100"), ("1", "≤ 100", "beyond 200")],
)
def test_a_target_below_the_start_or_above_the_end_gives_a_bound(
    share: str, of_random: str, of_z: str, tmp_path: Path
) -> None:
    run = write_tiny_run(tmp_path / "posts", three(-0.1, -0.1, -0.1))
    rows = rows_of(printed(run, "--share", share, "--reference", "0.3"))
    column = f"labels to {100 * float(share):g} %"
    assert (rows["random"][column], rows["z"][column]) == (of_random, of_z)


def test_savings_beyond_the_measured_range_are_bounds(tmp_path: Path) -> None:
    far = {
        "random": {0: [0.1, 0.2], 1: [0.1, 0.21], 2: [0.1, 0.2]},
        "z": {0: [0.8, 0.9], 1: [0.8, 0.91], 2: [0.81, 0.9]},
    }
    assert rows_of(printed(write_tiny_run(tmp_path / "a", far)))["z"]["labels saved"] == "≥100"
    losing = rows_of(printed(tmp_path / "a", "--baseline", "z"))
    assert losing["random"]["labels saved"] == "≤−100"
    level = write_tiny_run(tmp_path / "b", three(0.0, 0.01, -0.01))
    assert rows_of(printed(level))["z"]["labels saved"] == "– [≤−100, ≥100]"


def test_cost_has_its_own_unit_and_wording(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts", price=0.125)
    margin = rows_of(printed(run, "--x", "cost"))["margin"]
    assert margin["cost to 95 %"] == "26.55"  # an eighth of 212.4 labels
    assert margin["cost saved"].startswith("+8.132 [−")  # an eighth of 65.06 labels
    asked = rows_of(printed(run, "--x", "questions"))["margin"]
    assert [*asked.values()] == [*rows_of(printed(run))["margin"].values()]


def test_a_chosen_metric_is_named_in_the_table(tmp_path: Path) -> None:
    text = printed(write_tiny_run(tmp_path / "posts"), "--metric", "macro_f1", "--details")
    assert rows_of(text)["margin"]["last macro F1"] == ".1925"
    assert re.search(r"^margin +\.1925 \[0, \.41\]", text, flags=re.MULTILINE)
    assert "macro F1 on 1,000 test rows\n" in text


def test_the_sampling_error_is_the_largest_over_the_strategies(tmp_path: Path) -> None:
    text = printed(write_tiny_run(tmp_path / "posts"))
    # The accuracy of random is nearest to ½.
    ends = stats.binomtest(650, 1000).proportion_ci(method="wilson")
    sentence = f"sampling error: 0.6500 is known to within [{ends.low:.4f}, {ends.high:.4f}]"
    assert f"accuracy on 1,000 test rows; {sentence.replace('0.', '.')}; all" in text


def test_intervals_stay_within_0_and_1_and_have_a_width_at_the_ends(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "r", {"random": {0: [0.2, 1.0], 1: [0.9, 1.0]}}, n_evaluated=9)
    text = printed(run)
    cells = rows_of(text)["random"]
    assert (cells["last accuracy"], cells["AUBC"]) == ("1.0000 ± .0000", ".7750 [0, 1]")
    assert "sampling error: 1.0000 is known to within [.7009, 1.0000]" in text
    (record,) = csv.DictReader(io.StringIO(printed(run, "--csv")))
    assert (float(record["aubc_low"]), float(record["aubc_high"])) == (0, 1)
    (summary,) = json.loads(printed(run, "--json"))["strategies"]
    assert (summary["aubc"]["low"], summary["aubc"]["high"]) == (0, 1)
    assert summary["aubc"]["half_width"] > 1


# Verdicts


def test_a_verdict_names_the_better_strategy_first_with_its_certainty(tmp_path: Path) -> None:
    (verdict,) = ordered_verdicts(compared(three(0.1, 0.1, 0.11), tmp_path))
    # t = 31 with two degrees of freedom: p = 1 − 31 / √963.
    assert verdict_sentence(verdict) == (
        "z is better than random: AUBC +.1033 [.0890, .1177], p = .0010, 3 of 3 seeds"
    )
    (verdict,) = ordered_verdicts(compared(three(-0.1, -0.1, -0.11), tmp_path / "worse"))
    assert verdict_sentence(verdict).startswith("random is better than z: AUBC +.1033")


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        (
            three(0.1, 0.0, 0.02),
            "z and random: cannot tell with 3 seeds (AUBC +.0400 [−.0914, .1714], p = .32); "
            "a difference of this size would need a new study of about 16 seeds",
        ),
        (
            three(0.0, 0.0),
            "z and random: cannot tell with 2 seeds (AUBC .0000 [.0000, .0000], p = 1.00)",
        ),
        (
            {"a": {0: [0.5], 1: [0.5]}, "random": {0: [0.25], 1: [0.25]}},
            "a and random: cannot tell (AUBC +.2500); all 2 seeds differ by the same, "
            "which is no evidence",
        ),
        (
            {"random": {0: [0.5]}, "z": {1: [0.5]}},
            "z and random: cannot tell, they share no seed",
        ),
        (
            three(0.1, -0.1, 0.0001),
            "z and random: cannot tell with 3 seeds (AUBC .0000 [−.2484, .2484], p = 1.00); "
            "a difference of this size would need a new study of more than 1,000 seeds",
        ),
    ],
)
def test_an_undecided_verdict_gives_the_reason(
    curves: Curves, expected: str, tmp_path: Path
) -> None:
    (verdict,) = ordered_verdicts(compared(curves, tmp_path))
    assert verdict_sentence(verdict) == expected


def test_a_verdict_never_asks_for_fewer_seeds_than_the_run_has(tmp_path: Path) -> None:
    (found,) = ordered_verdicts(compared(three(0.1, 0.0, 0.02), tmp_path))
    for needed in (2, 3):
        few = Verdict(**{**_fields(found), "seeds_needed": needed})
        assert verdict_sentence(few).endswith("p = .32)")


def _fields(verdict: Verdict) -> Mapping[str, Any]:
    return {name: getattr(verdict, name) for name in Verdict.__slots__}


def many(k: int, tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    shifts = {"random": [0.0] * 4}
    shifts |= {f"s{i}": [20 * i + float(rng.normal(0, 30)) for _ in range(4)] for i in range(1, k)}
    return write_tiny_run(tmp_path / "posts", ahead(shifts))


def test_verdicts_are_on_each_against_the_baseline_and_on_every_pair_if_asked_for(
    tmp_path: Path,
) -> None:
    run = many(4, tmp_path)
    few, all_ = alsim.compare(run), alsim.compare(run, all_pairs=True)
    assert [{each.first, each.second} for each in few.verdicts] == [
        {"random", name} for name in ("s1", "s2", "s3")
    ]
    best = all_.ranking[0].strategy
    pairs = [{each.first, each.second} for each in ordered_verdicts(all_)]
    assert len(pairs) == len({*map(frozenset, pairs)}) == 6
    assert all("random" in pair for pair in pairs[:3])
    assert pairs[0] == {"random", best}
    short, text = printed(run), printed(run, "--all-pairs")
    assert "Holm over 3 comparisons with the baseline\n" in short
    assert "[ ]: 95 % interval, all 3 together; like the verdicts it speaks of" in short
    assert "Holm over 6 pairs\n" in text
    for verdict in ordered_verdicts(all_):
        assert f"{verdict_sentence(verdict)}\n" in text
    assert "seeds" not in short.split("\n\n")[0]
    # Fewer tests, so no p is greater, and the same strategy's interval is narrower.
    for one in few.verdicts:
        (same,) = (v for v in all_.verdicts if {v.first, v.second} == {one.first, one.second})
        assert one.p_adjusted is not None
        assert same.p_adjusted is not None
        assert one.p_adjusted <= same.p_adjusted
        assert one.joint is not None
        assert same.joint is not None
        assert one.joint.half_width is not None
        assert same.joint.half_width is not None
        assert one.joint.half_width < same.joint.half_width


def test_what_each_is_alone_and_what_describes_pairs_is_shown_only_with_details(
    tmp_path: Path,
) -> None:
    run = write_tiny_run(tmp_path / "posts")
    text = printed(run, "--details")
    assert "decides nothing; each interval is 95 % for itself alone:\n\n" in text
    alone, pairs = text.split("itself alone:\n\n")[1].split("\n\n")[:2]
    saving = next(s.end_saving for s in alsim.compare(run).strategies if s.end_saving)
    assert saving.low is not None
    assert [re.split(r" {2,}", line) for line in alone.splitlines()] == [
        ["strategy", "last accuracy", "AUBC", "labels saved at the end"],
        # Reached at 200 + 100 · 5/17 labels of 300.
        ["margin", ".7700 [0, 1]", ".5800 ± .3812", f"+71 [−{-saving.low:.0f}, {saving.high:.0f}]"],
        ["random", ".6500 [.01, 1]", ".4500 [0, 1]", "baseline"],
    ]
    assert [re.split(r" {2,}", line) for line in pairs.splitlines()] == [
        ["strategy", "against", "seeds won", "Wilcoxon p", "last accuracy"],
        ["margin", "random", "2 of 2", ".50", "+.1200 ± .2541"],
    ]
    assert "share of seeds won" not in text
    assert "Wilcoxon" not in printed(run)
    text = printed(run, "--details", "--all-pairs")
    (wins,) = (part for part in text.split("\n\n") if part.startswith("share of seeds won"))
    assert [re.split(r" {2,}", line) for line in wins.splitlines()] == [
        ["share of seeds won", "1", "2"],
        ["1 margin", "–", "1.00"],
        ["2 random", ".00", "–"],
    ]


# What stands outside, and new test rows


def steps_of(curves: Curves) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"strategy": name, "seed": seed, "step": i, "n_labelled": 100 * i, "accuracy": value}
            for name, seeds in curves.items()
            for seed, values in seeds.items()
            for i, value in enumerate(values)
        ]
    )


def test_a_strategy_outside_has_numbers_and_its_reason_and_no_part_in_the_answer() -> None:
    curves = ahead({"random": [0] * 3, "boss": [200, 210, 220], "z": [100, 110, 120]})
    found = compare_steps(
        steps_of(curves), judging=Judging(outside={"boss": "reads hidden labels"})
    )
    assert headline(found).startswith("z is better than random: it needs 110 fewer labels")
    assert "boss" not in headline(found)
    cells = {row[0]: row for row in strategy_table(found).rows}
    assert [*cells] == ["z", "random", "boss"]
    assert cells["boss"][1].startswith("+210 [185, 235]")
    assert cells["boss"][2] == "reads hidden labels"
    assert [cells[name][-2] for name in cells] == ["1.0", "2.0", "–"]  # ranks
    assert [(each.first, each.second) for each in found.verdicts] == [("z", "random")]
    assert {each["strategy"]: each["outside"] for each in strategy_records(found)} == {
        "z": None, "random": None, "boss": "reads hidden labels",
    }  # fmt: skip
    lines = explanations(found, "test", 10)
    alone = "95 % interval over seeds, each for itself alone"
    assert f"boss: outside of ranks and verdicts; [ ]: {alone}" in lines
    pairs = compare_steps(
        steps_of(curves), judging=Judging(outside={"boss": "an oracle"}), all_pairs=True
    )
    assert [(each.first, each.second) for each in pairs.verdicts] == [("random", "z")]
    only = compare_steps(steps_of({k: v for k, v in curves.items() if k != "z"}),
                         judging=Judging(outside={"boss": "an oracle"}))  # fmt: skip
    assert headline(only) == "nothing to compare random with"
    assert f"[ ]: {alone}" in explanations(only, "test", 10)


def rows_by(seeds: int, rows: int, *, lead: float) -> dict[str, np.ndarray]:
    """Return areas by seed and test row: z is ahead of random, by rows that are hard or not."""
    rng = np.random.default_rng(1)
    of_seeds, of_rows = rng.normal(0, 0.01, (seeds, 1)), rng.normal(0, 0.3, (1, rows))
    gap = lead + of_seeds + of_rows + rng.normal(0, 0.2, (seeds, rows))
    base = 0.5 + rng.normal(0, 0.1, (seeds, rows))
    return {"random": base, "z": base + gap}


def test_verdicts_speak_of_new_test_rows_where_these_are_known_and_details_have_the_parts() -> None:
    by_row = rows_by(6, 400, lead=0.05)
    curves = {
        name: {s: [row.mean()] * 2 for s, row in enumerate(of)} for name, of in by_row.items()
    }
    steps = steps_of(curves)
    found = compare_steps(
        steps,
        judging=Judging(areas_by_row=lambda curve, seeds: by_row[curve.strategy][list(seeds)]),
    )
    (verdict,) = ordered_verdicts(found)
    gap = by_row["z"] - by_row["random"]
    of_seeds, of_rows = gap.mean(axis=1), gap.mean(axis=0)
    residual = gap - of_seeds[:, None] - of_rows + gap.mean()
    a, b = of_seeds.var(ddof=1) / 6, of_rows.var(ddof=1) / 400
    ab = (residual**2).sum() / (5 * 399) / (6 * 400)
    variance = max(a + b - ab, a, b)
    df = variance**2 / (a**2 / 5 + b**2 / 399 + ab**2 / (5 * 399))
    half_width = stats.t.ppf(0.975, df) * np.sqrt(variance)
    p = 2 * stats.t.sf(gap.mean() / np.sqrt(variance), df)
    assert verdict.p_adjusted == pytest.approx(p)
    assert verdict.joint is not None
    assert verdict.joint.high == pytest.approx(gap.mean() + half_width)
    assert "speaks of new seeds and new test rows" in " ".join(explanations(found, "test", 400))
    assert "speaks of new seeds on these rows" in " ".join(
        explanations(compare_steps(steps), "test", 400)
    )
    words = re.fullmatch(
        r"  standard error (\S+): seeds (\S+), test rows (\S+); ± (\S+) becomes (\S+) with 12 "
        r"seeds, (\S+) with 800 test rows; more seeds alone cannot go below ± (\S+)",
        parts_sentence(verdict),
    )
    assert words is not None
    floor = stats.norm.ppf(0.975) * np.sqrt(b - ab)
    error, seeds, rows, now, more_seeds, more_rows, least = map(float, words.groups())
    assert (error, seeds, rows) == pytest.approx(np.sqrt([variance, a, b]), abs=6e-5)
    assert now == pytest.approx(half_width, abs=6e-5)
    assert least == pytest.approx(floor, rel=0.02)
    assert least < more_seeds < now
    assert more_rows < now
    assert parts_sentence(ordered_verdicts(compare_steps(steps))[0]) == ""


def test_where_only_new_test_rows_would_help_no_number_of_seeds_is_named() -> None:
    by_row = rows_by(5, 60, lead=0.001)
    by_row["z"] += 0.004 - (by_row["z"] - by_row["random"]).mean()  # far within the rows' error
    curves = {
        name: {s: [row.mean()] * 2 for s, row in enumerate(of)} for name, of in by_row.items()
    }
    found = compare_steps(
        steps_of(curves),
        judging=Judging(areas_by_row=lambda curve, seeds: by_row[curve.strategy][list(seeds)]),
    )
    assert headline(found).endswith("; no number of seeds would show it, only more test rows")


def test_curves_with_one_point_in_common_say_nothing_of_savings(tmp_path: Path) -> None:
    curves = {
        name: {seed: values[-1:] for seed, values in of.items()} for name, of in SMALL.items()
    }
    text = printed(write_tiny_run(tmp_path / "posts", curves))
    assert text.startswith("cannot tell whether margin is better than random, p = .11; a ")
    assert rows_of(text)["margin"]["labels saved"] == "–"
    assert "labels saved: how many fewer" not in text
    assert "at the end:" not in text
    assert "AUBC: accuracy at the only point that all share, 100 labels\n" in text
    assert "verdict: paired t-test of the AUBC\n" in text


# Other formats


def test_json_output_equals_the_result_of_the_python_function(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts", status="interrupted")
    result = invoke(run, "--json", "--cost-per-label", "2")
    output = json.loads(result.stdout, parse_constant=pytest.fail)
    assert output.pop("runs") == [str(run)]
    assert output == json.loads(json.dumps(asdict(alsim.compare(run, cost_per_label=2.0))))
    assert "interrupted" in output["notes"][0]
    assert result.stderr == ""


def test_csv_holds_unrounded_numbers(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts", ahead({"random": [0] * 3, 'a "b", c': [90, 100, 130]}))
    found = alsim.compare(run, cost_per_label=0.5)
    rows = list(csv.DictReader(io.StringIO(printed(run, "--csv", "--cost-per-label", "0.5"))))
    assert [row["strategy"] for row in rows] == ['a "b", c', "random"]
    first = found.ranking[0]
    assert first.saving is not None
    assert first.money is not None
    assert float(rows[0]["saved_low"]) == first.saving.low
    assert float(rows[0]["money_high"]) == first.money.high
    assert rows[0]["saved_is_censored_high"] == "False"
    assert float(rows[0]["aubc_half_width"]) == first.aubc.half_width
    assert (rows[1]["saved"], rows[1]["n_missed"]) == ("", "0")
    pairs = list(csv.DictReader(io.StringIO(printed(run, "--csv", "--pairs"))))
    (verdict,) = found.verdicts
    assert verdict.area is not None
    assert [float(row["p"]) for row in pairs] == [verdict.area.p]
    assert pairs[0]["outcome"] == "better"
    assert float(pairs[0]["aubc_difference"]) == verdict.area.mean


def test_csv_has_the_same_columns_even_if_values_are_undefined(tmp_path: Path) -> None:
    whole = write_tiny_run(tmp_path / "whole")
    bare = write_tiny_run(tmp_path / "bare", {"a": {0: [0.5]}, "b": {1: [0.5]}})
    for options in (["--csv"], ["--csv", "--pairs"]):
        heads = {printed(run, *options).split("\n")[0] for run in (whole, bare)}
        assert len(heads) == 1
    single = write_tiny_run(tmp_path / "single", {"a": {0: [0.5]}})
    assert printed(single, "--csv", "--pairs") == ""


def test_latex_output_escapes_special_characters(tmp_path: Path) -> None:
    name = r"50%_a&b#c${x}~^\[y]"
    run = write_tiny_run(tmp_path / "posts", {name: SMALL["margin"], "random": SMALL["random"]})
    text = printed(run, "--latex")
    lines = text.splitlines()
    assert lines[1:3] == [r"\begin{tabular}{lrlrrrrr}", r"\toprule"]
    assert lines[-2:] == [r"\bottomrule", r"\end{tabular}"]
    escaped = r"50\%\_a\&b\#c\$\{x\}\textasciitilde{}\textasciicircum{}\textbackslash{}{[}y{]}"
    row = next(line for line in lines if line.startswith("50"))
    assert row == (
        escaped + r" & +65 {[}$-$68, 145{]} & cannot tell, p = .097 & .7700 & .5800 & 212 & 1.0"
        r" & 2 \\"
    )
    assert all(
        len(re.findall(r"(?<!\\)&", line)) == 7 for line in lines[3:-2] if "rule" not in line
    )
    assert text.isascii()
    assert r"cannot tell" in printed(run, "--latex", "--pairs")


def test_markdown_has_both_tables_and_bars_in_names_do_not_break_them(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts", {"a|b_c": SMALL["margin"], "random": SMALL["random"]})
    strategies, pairs = printed(run, "--markdown").split("\n\n")
    lines = strategies.splitlines()
    assert lines[1] == "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |"
    assert lines[2].startswith(r"| a\|b\_c | +65 [−68, 145] | cannot tell, p = .097 |")
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 9 for line in lines)
    assert pairs.splitlines()[2].startswith(
        r"| a\|b\_c | random | cannot tell | +.1300 [−.1241, .3841] |"
    )


# Refusals


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--json", "--csv"], "one format"),
        (["--pairs"], "--pairs chooses"),
        (["--pairs", "--markdown"], "--pairs chooses"),
        (["--details", "--latex"], "--details is of the text"),
        (["--share", "95"], "95 is too large"),
        (["--metric", "nll"], "not a score"),
        (["--baseline", "margins"], "did you mean margin?"),
        (["--x", "money"], "'money'"),
        (["--interval", "sd"], "'sd'"),
    ],
)
def test_options_that_exclude_each_other_are_refused(
    tmp_path: Path, options: list[str], expected: str
) -> None:
    result = invoke(write_tiny_run(tmp_path / "posts"), *options)
    assert result.exit_code == 2
    assert expected in result.stderr
    assert result.stdout == ""


def test_runs_on_other_pools_are_refused_and_forced_with_a_note(tmp_path: Path) -> None:
    one = write_tiny_run(tmp_path / "one")
    two = write_tiny_run(tmp_path / "two", pool={"fingerprint": "f00d" * 8})
    refused = invoke(one, two)
    assert refused.exit_code == 2
    assert "pools: one (7d3f7d3f7d3f), two (f00df00df00d)" in refused.stderr
    forced = invoke(one, two, "--force")
    assert forced.exit_code == 0
    assert "note: compared by force" in forced.stderr
    assert "margin · two" in forced.stdout


def test_an_unreadable_run_ends_with_the_exit_code_of_the_store(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts")
    os.truncate(run / "steps.parquet", 100)
    for result in (invoke(run), invoke(tmp_path / "absent")):
        assert result.exit_code == 4
        assert result.stderr.startswith("error: ")


@pytest.mark.process
def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from alsim.cli.main import app\n"
        "said = CliRunner().invoke(app, ['compare', '--help'])\n"
        "assert 'alsim compare runs/posts' in said.stdout, said.stdout\n"
        "slow = {'torch', 'numpy', 'pyarrow', 'scipy', 'rich'} & set(sys.modules)\n"
        "sys.exit(', '.join(slow) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# Cells


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, ".5000"), (1.0, "1.0000"), (0.0, ".0000"), (-0.012345, "−.0123"), (-1e-9, ".0000")],
)
def test_accuracies_have_four_decimals(value: float, text: str) -> None:
    assert points(value) == text


def test_a_sign_is_shown_where_requested() -> None:
    assert points(0.25, signed=True) == "+.2500"
    assert points(0.0, signed=True) == ".0000"


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (1.0, "1.00"),
        (0.2, ".20"),
        (0.0312, ".031"),
        (0.00123, ".0012"),
        (0.00001, "< .0001"),
        (0.0, "< .0001"),
        (0.0499, ".0499"),
        (0.04999, ".04999"),
        (0.05, ".050"),
    ],
)
def test_a_p_value_is_never_rounded_across_the_threshold(p: float, text: str) -> None:
    assert p_text(p) == text


VALUES = st.sampled_from([0.0, 0.25, 0.5, 0.5, 0.75, 1.0])


@pytest.mark.long
@given(
    st.dictionaries(
        st.sampled_from(["random", "a", "b"]),
        st.dictionaries(st.integers(0, 2), st.lists(VALUES, min_size=3, max_size=3), min_size=1),
        min_size=1,
    )
)
def test_undefined_values_are_never_shown_as_numbers(curves: Curves) -> None:
    rows = [
        {"strategy": name, "seed": seed, "step": i, "n_labelled": 100 * i, "accuracy": value}
        for name, seeds in curves.items()
        for seed, values in seeds.items()
        for i, value in enumerate(values)
    ]
    found = compare_steps(pa.Table.from_pylist(rows), cost_per_label=0.5)
    text = io.StringIO()
    with redirect_stdout(text):
        print_markdown(strategy_table(found), pair_table(found), win_table(found))
        print_latex(strategy_table(found))
        print_lines([headline(found), *map(verdict_sentence, ordered_verdicts(found))])
        print_lines(explanations(found, "test", 10))
    assert not re.search(r"\b(nan|inf|None)\b", text.getvalue())
    for records in (strategy_records(found), pair_records(found)):
        assert len({tuple(record) for record in records}) <= 1


def test_a_table_without_rows_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_markdown(TextTable(("a", "b"), ()))
    assert capsys.readouterr().out == "| a | b |\n| --- | --- |\n"


def test_strategies_are_called_as_wished_in_every_sentence_and_table(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts", ahead({"random": [0] * 3, "z(k=2)": [100, 110, 120]}))
    plain = printed(run)
    found = printed(run, "--rename", "z(k=2)=ours", "--rename", "random=chance")
    assert found.split() == plain.replace("z(k=2)", "ours").replace("random", "chance").split()
    records = json.loads(printed(run, "--rename", "z(k=2)=ours", "--json"))
    assert {"ours", "random"} == {each["strategy"] for each in records["strategies"]}
    two = write_tiny_run(tmp_path / "more", ahead({"z(k=2)": [30, 20, 10]}))
    both = rows_of(printed(run, two, "--rename", "z(k=2)=ours"))
    assert {"ours · posts", "ours · more", "random"} == set(both)
    one = rows_of(printed(run, two, "--rename", "z(k=2) · more=theirs"))
    assert {"z(k=2) · posts", "theirs", "random"} == set(one)


@pytest.mark.parametrize(
    ("rename", "what"),
    [("zz=ours", "no strategy is called 'zz'"), ("z=random", "two would be called 'random'")],
)
def test_a_name_that_is_unknown_or_taken_is_refused(tmp_path: Path, rename: str, what: str) -> None:
    result = invoke(write_tiny_run(tmp_path / "posts", three(0.1, 0.2)), "--rename", rename)
    assert result.exit_code == 2
    assert what in result.stderr


# A plan of looks, seeds added without one, the ceiling and the control

_PLAN = plan_looks((3, 5), 2)
_CONFIGURATION: Mapping[str, Any] = {
    "strategies": ["random", "y", "z"], "baseline": "random",
    "parameters": {"random": {}, "y": {}, "z": {}}, "schedule": {"initial_size": 100},
}  # fmt: skip
_GROWN = ahead({"random": [0] * 5, "y": [5, -6, 3, 2, -4], "z": [100, 104, 102]})


def looked_at(folder: Path, **more: Any) -> Path:
    """Write a run whose looks found z better at three seeds, and nothing of y at five."""
    looks = {"seeds": list(_PLAN.looks), "levels": [list(each) for each in _PLAN.levels]}
    looked = {
        "z": {"outcome": "better", "look": 0, "level": _PLAN.level(0, 2)},
        "y": {"outcome": "cannot tell", "look": 1, "level": _PLAN.level(1, 1)},
    }
    configuration = {**_CONFIGURATION, "seeds": [*range(5)], "looks": looks}
    facts = {"looked": looked, "configuration": configuration, **more}
    return write_tiny_run(folder, _GROWN, **facts)


def test_verdicts_by_a_plan_name_the_look_and_the_level(tmp_path: Path) -> None:
    run = looked_at(tmp_path / "posts")
    text = printed(run)
    p = p_text(float(stats.ttest_1samp([100, 104, 102], 0).pvalue))
    half_width = stats.t.ppf(1 - _PLAN.level(0, 2) / 2, 2) * 2 / np.sqrt(3)
    ends = f"95 % {102 - half_width:.0f} to {102 + half_width:.0f}"
    assert text.splitlines()[0] == (
        f"z is better than random: it needs 102 fewer labels on average ({ends}), p = {p} at 3 "
        "seeds"
    )
    rows = rows_of(text)
    assert rows["z"]["verdict"] == f"better, p = {p} at 3 seeds"
    assert rows["y"]["verdict"].startswith("cannot tell, p = 1.00 at 5 seeds")
    assert [rows[name]["seeds"] for name in ("z", "y", "random")] == ["3", "5", "5"]
    assert "AUBC, at looks that were planned, each at its level" in text
    levels = {
        name: f"{_PLAN.level(look, m):.4f}"[1:] for name, look, m in (("z", 0, 2), ("y", 1, 1))
    }
    assert f"z {levels['z']}" in text
    assert f"y {levels['y']}" in text
    assert "add --seeds" not in text
    assert "at any time" not in text


@pytest.mark.parametrize(
    "changed",
    [
        {"looked": {"z": 3}},
        {"looked": {"z": {"outcome": "won", "look": 0, "level": 0.1}}},
        {"looked": {"z": {"outcome": "better", "look": 9, "level": 0.1}}},
        {"configuration": {**_CONFIGURATION, "seeds": [0], "looks": "soon"}},
        {
            "configuration": {
                **_CONFIGURATION,
                "seeds": "all",
                "looks": {"seeds": [3], "levels": []},
            }
        },
        {
            "configuration": {
                **_CONFIGURATION,
                "seeds": [0],
                "looks": {"seeds": [3], "levels": [[]]},
            }
        },
    ],
)
def test_a_plan_that_makes_no_sense_is_one_error(tmp_path: Path, changed: dict[str, Any]) -> None:
    run = looked_at(tmp_path / "posts")
    manifest = json.loads((run / "run.json").read_text())
    write_manifest(run, {**manifest, **changed})
    result = invoke(run)
    assert result.exit_code == 4
    assert result.stderr.startswith("error: the plan of looks makes no sense")


def test_another_question_to_a_planned_run_has_a_p_that_holds_at_any_time(tmp_path: Path) -> None:
    text = printed(looked_at(tmp_path / "posts"), "--metric", "macro_f1", "--details")
    assert "by a p that holds at any time: the number of seeds was not fixed" in text
    assert "had the number of seeds been fixed, p would be: " in text
    assert "it was not, so these do not hold" in text
    assert re.fullmatch(
        r"(better|cannot tell), p = \.\d+ at any time", rows_of(text)["z"]["verdict"]
    )
    weak = (
        "such a p is weak below 8 seeds: a new study on unused seeds, with a plan, decides sooner"
    )
    assert weak in text


def test_an_unfinished_plan_says_how_to_go_on(tmp_path: Path) -> None:
    text = printed(looked_at(tmp_path / "posts", looked={}, status="interrupted"))
    assert "the looks that were planned are to come: alsim resume" in text
    assert rows_of(text)["z"]["labels saved"] == "+102"
    assert rows_of(text)["z"]["verdict"] == "cannot tell"


def test_the_ceiling_and_the_control_have_columns_and_words(tmp_path: Path) -> None:
    start, ends = 0.3, {"random": 0.5, "z": 0.6, "control": 0.35}
    curves: Curves = {
        name: {s: [start + s / 100, end + s / 100] for s in range(3)} for name, end in ends.items()
    }
    # The control has the labels of its start alone at each step.
    steps = steps_of(curves)
    places = [
        100 if row["strategy"] == "control" else 100 + 100 * row["step"]
        for row in steps.to_pylist()
    ]
    place = steps.schema.get_field_index("n_labelled")
    steps = steps.set_column(place, "n_labelled", pa.array(places))
    ceiling = Ceiling("accuracy", (0, 1, 2), np.array([0.7, 0.71, 0.72]))
    found = compare_steps(steps, judging=Judging({"control": NO_QUERY}, ceiling=ceiling))
    table = strategy_table(found)
    cells = {row[0]: dict(zip(table.headers, row, strict=True)) for row in table.rows}
    # z came .3 of .4 to the ceiling, and .25 of its .3 beyond what the control gained.
    assert (cells["z"]["of the ceiling"], cells["z"]["by labels"]) == (".75", ".83")
    assert (cells["random"]["of the ceiling"], cells["random"]["by labels"]) == (".50", ".75")
    assert cells["control"]["by labels"] == "–"
    assert cells["control"]["labels saved"] == "–"
    assert cells["control"]["verdict"] == "queries nothing"
    lines = explanations(found, "test", 10)
    top = "of the ceiling: share of the way from the start to .7100, of nets trained on all labels"
    assert top in lines
    assert any(line.startswith("by labels: share of the gain that is beyond") for line in lines)
    assert "control: outside of ranks and verdicts" in lines
    without = strategy_table(
        compare_steps(steps_of({k: v for k, v in curves.items() if k != "control"}))
    )
    assert not {"of the ceiling", "by labels"} & set(without.headers)


def test_the_control_is_no_baseline(tmp_path: Path) -> None:
    names = {"random": "random", "control": "control"}
    curves = ahead({name: [0, 1] for name in names})
    outside = {"outside": {"control": NO_QUERY}}
    run = write_tiny_run(tmp_path / "posts", curves, configuration={**_CONFIGURATION, **outside})
    result = invoke(run, "--baseline", "control")
    assert result.exit_code == 2
    assert "control queries nothing, so no labels are saved against it" in result.stderr
    assert "Traceback" not in result.stderr
