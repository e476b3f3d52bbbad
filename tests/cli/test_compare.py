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
from alsim.analysis.curves.answer import headline, p_text
from alsim.analysis.curves.comparison import Comparison
from alsim.analysis.curves.comparison import compare as compare_steps
from alsim.analysis.curves.verdicts import Verdict
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
    main_verdicts,
    verdict_sentence,
)
from alsim.cli.screens.formats import print_latex, print_markdown
from alsim.cli.screens.output import print_lines
from alsim.cli.screens.tables import TextTable
from alsim.store.manifest import write_manifest


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
    # Student's t with one degree of freedom: 12.7062 standard errors. margin's mean curve .35, .6,
    # .77 reaches random's last .65 at 200 + 100 · 5/17 labels of 300. 95 % of that, .6175, takes
    # margin 217.5 and 207.3 labels, and of random's seeds one 258.75 and the other over 300.
    assert rows_of(text) == {
        "margin": {
            "labels saved": f"+71 {interval}",
            "money saved": f"+35.29 {money}",
            "verdict": "cannot tell, p = .097",  # t = .13 / .02 = 6.5 with one degree of freedom
            "last accuracy": ".7700 [0, 1]",
            "AUBC": ".5800 ± .3812",
            "labels to 95 %": "212",
            "rank": "1.0",
            "seeds": "2",
        },
        "random": {
            "labels saved": "baseline",
            "money saved": "baseline",
            "verdict": "–",
            "last accuracy": ".6500 [.01, 1]",
            "AUBC": ".4500 [0, 1]",
            "labels to 95 %": "≥ 279 (1 of 2)",
            "rank": "2.0",
            "seeds": "2",
        },
    }
    assert "95 % of random's last accuracy, .6500, is .6175" in text
    assert "≥ … (1 of 3): seeds that reached it" in text


def test_the_answer_has_one_certainty_of_verdict_amount_interval_and_p(tmp_path: Path) -> None:
    text = printed(
        write_tiny_run(tmp_path / "posts", ahead({"random": [0] * 3, "z": [100, 110, 120]}))
    )
    half_width = stats.t.ppf(0.975, 2) * 10 / np.sqrt(3)
    low, high = f"{110 - half_width:.0f}", f"{110 + half_width:.0f}"
    assert (low, high) == ("85", "135")
    p = f"{stats.ttest_1samp([100, 110, 120], 0).pvalue:.4f}".removeprefix("0")
    assert text.splitlines()[0] == (
        f"z reaches random's final accuracy with 110 fewer labels, 95 % {low} to {high}: "
        f"better, p = {p}"
    )
    assert rows_of(text)["z"]["labels saved"] == f"+110 [{low}, {high}]"
    assert rows_of(text)["z"]["verdict"] == f"better, p = {p}"
    area = f"+.1100 ± {half_width / 1000:.4f}".replace("± 0.", "± .")
    assert f"z is better than random: AUBC {area}, p = {p}, 3 of 3 seeds" in text


def test_the_answer_is_on_the_strategy_that_saves_most(tmp_path: Path) -> None:
    curves = ahead({"random": [0] * 4, "y": [50, 52, 55, 51], "z": [100, 110, 120, 115]})
    text = printed(write_tiny_run(tmp_path / "posts", curves))
    assert text.startswith("z reaches random's final accuracy with 111 fewer labels, 95 % ")
    assert text.splitlines()[0].endswith("; also better than y")
    assert list(rows_of(text)) == ["z", "y", "random"]


def test_the_answer_claims_the_most_savings_only_if_the_verdicts_support_it(
    tmp_path: Path,
) -> None:
    curves = ahead({"random": [0] * 4, "y": [112, 109, 118, 108], "z": [100, 110, 120, 115]})
    line = headline(compared(curves, tmp_path))
    assert line.startswith("y reaches random's final accuracy with 112 fewer labels, 95 % ")
    assert line.endswith("; cannot tell it from z")


def test_a_certain_saving_is_named_before_a_larger_uncertain_one(tmp_path: Path) -> None:
    sure, unsure = [100, 102, 98, 101, 99], [300, 120, 30, 480, 10]
    curves = ahead({"random": [0] * 5, "sure": sure, "unsure": unsure}, slope=1e-4)
    found = compared(curves, tmp_path)
    amounts = {each.strategy: each.saving for each in found.strategies}
    assert amounts["unsure"].amount > amounts["sure"].amount  # type: ignore[union-attr, operator]
    unsure_verdict = next(v for v in found.verdicts if {v.first, v.second} == {"random", "unsure"})
    better = Verdict(**{**_fields(unsure_verdict), "outcome": "worse"})  # of random
    others = tuple(v for v in found.verdicts if v is not unsure_verdict)
    line = headline(replace(found, verdicts=(better, *others)))
    assert line.startswith("sure reaches random's final accuracy with 100 fewer labels, 95 % ")


def test_the_answer_to_cost_and_to_another_metric_names_them(tmp_path: Path) -> None:
    curves = ahead({"random": [0] * 3, "z": [100, 110, 120]})
    run = write_tiny_run(tmp_path / "posts", curves, price=0.125)
    line = headline(alsim.compare(run, x="cost", metric="macro_f1"))
    assert line.startswith("z reaches random's final macro F1 with 13.75 less cost, 95 % 10.64 to ")


def test_without_decided_savings_the_answer_says_what_is_open(tmp_path: Path) -> None:
    # Far ahead at first, but not at the end.
    curves = {
        "random": {0: [0.1, 0.1, 0.6], 1: [0.1, 0.1, 0.7], 2: [0.1, 0.1, 0.6]},
        "z": {0: [0.1, 0.5, 0.6], 1: [0.1, 0.5, 0.6], 2: [0.1, 0.6, 0.7]},
    }
    line = headline(compared(curves, tmp_path))
    assert re.fullmatch(
        r"z is better than random, p = \.\d+, but not surely by the end: labels saved "
        r"(−|\+)?\d+, 95 % ≤?−\d+ to ≥?\d+",
        line,
    )


def test_where_nothing_is_better_the_answer_says_what_would_help(tmp_path: Path) -> None:
    line = headline(compared(three(0.1, 0.0, 0.02), tmp_path / "a"))
    assert re.fullmatch(
        r"cannot tell whether z is better than random: labels saved not measured, 95 % "
        r"≤−100 to ≥100, p = \.32; a difference of this size would need about 16 seeds",
        line,
    )
    several = {**three(0.1, 0.0, 0.02), "y": three(0.02, 0.0, 0.1)["z"]}
    line = headline(compared(several, tmp_path / "b"))
    assert line.startswith("cannot tell whether y or z is better than random; of y: labels saved")


def test_a_loss_is_an_answer_too(tmp_path: Path) -> None:
    curves = ahead({"random": [0] * 3, "z": [-100, -110, -120]})
    line = headline(compared(curves, tmp_path / "one"))
    assert line.startswith("random reaches z's final accuracy with 110 fewer labels, 95 % 85 to ")
    assert re.search(r": z is worse, p = \.\d+$", line)
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
    text = printed(write_tiny_run(tmp_path / "posts", curves))
    # The .6 of random is reached at 200 of 300 labels.
    assert list(rows_of(text)["margin"].values()) == [
        *("+100", "cannot tell", ".7000", ".5500", "190", "1.0", "1")
    ]
    assert text.startswith(
        "cannot tell whether margin is better than random: labels saved +100; "
        "one seed gives no verdict: add --seeds 5\n"
    )
    assert "margin and random: cannot tell with 1 seed (AUBC +.1500)" in text
    assert "one seed gives neither interval nor verdict: add --seeds 5" in text
    assert "± and [ ]" not in text


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
    assert margin["cost saved"].startswith("+8.824 [−")
    asked = rows_of(printed(run, "--x", "questions"))["margin"]
    assert [*asked.values()] == [*rows_of(printed(run))["margin"].values()]


def test_a_chosen_metric_is_named_in_the_table(tmp_path: Path) -> None:
    text = printed(write_tiny_run(tmp_path / "posts"), "--metric", "macro_f1")
    assert rows_of(text)["margin"]["last macro F1"] == ".1925 [0, .41]"
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
        "z is better than random: AUBC +.1033 ± .0143, p = .0010, 3 of 3 seeds"
    )
    (verdict,) = ordered_verdicts(compared(three(-0.1, -0.1, -0.11), tmp_path / "worse"))
    assert verdict_sentence(verdict).startswith("random is better than z: AUBC +.1033")


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        (
            three(0.1, 0.0, 0.02),
            "z and random: cannot tell with 3 seeds (AUBC +.0400 ± .1314, p = .32); "
            "a difference of this size would need about 16 seeds",
        ),
        (three(0.0, 0.0), "random and z: cannot tell with 2 seeds (AUBC .0000 ± .0000, p = 1.00)"),
        (
            {"a": {0: [0.5], 1: [0.5]}, "random": {0: [0.25], 1: [0.25]}},
            "a and random: cannot tell (AUBC +.2500); all 2 seeds differ by the same, "
            "which is no evidence",
        ),
        (
            {"random": {0: [0.5]}, "z": {1: [0.5]}},
            "random and z: cannot tell, they share no seed",
        ),
        (
            three(0.1, -0.1, 0.0001),
            "z and random: cannot tell with 3 seeds (AUBC .0000 ± .2484, p = 1.00); "
            "a difference of this size would need more than 1,000 seeds",
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


@pytest.mark.long
def test_with_many_pairs_only_those_with_the_baseline_and_the_best_are_shown(
    tmp_path: Path,
) -> None:
    run = many(6, tmp_path)
    found = alsim.compare(run)
    pairs = [{each.first, each.second} for each in main_verdicts(found)]
    best = found.ranking[0].strategy
    assert best != "random"
    assert all(pair & {"random", best} for pair in pairs)
    assert len(pairs) == 5 + 4
    assert all("random" in pair for pair in pairs[:5])
    assert pairs[0] == {"random", best}
    text = printed(run)
    assert "and 6 more pairs: --details\n" in text
    assert text.count("seeds") < printed(run, "--details").count("seeds")
    whole = printed(run, "--details")
    assert "more pairs" not in whole
    for verdict in ordered_verdicts(found):
        assert verdict_sentence(verdict) in whole


def test_descriptive_statistics_are_shown_only_with_details(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts")
    text = printed(run, "--details")
    description = text.split("decides nothing:\n\n")[1].split("\n\n")
    assert [re.split(r" {2,}", line) for line in description[0].splitlines()] == [
        ["strategy", "against", "seeds won", "Wilcoxon p", "last accuracy"],
        ["margin", "random", "2 of 2", ".50", "+.1200 ± .2541"],
    ]
    assert [re.split(r" {2,}", line) for line in description[1].strip().splitlines()] == [
        ["share of seeds won", "1", "2"],
        ["1 margin", "–", "1.00"],
        ["2 random", ".00", "–"],
    ]
    assert "Wilcoxon" not in printed(run)


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
        escaped + r" & +71 {[}$-$67, 166{]} & cannot tell, p = .097 & .7700 {[}0, 1{]}"
        r" & .5800 $\pm$ .3812 & 212 & 1.0 & 2 \\"
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
    assert lines[2].startswith(r"| a\|b\_c | +71 [−67, 166] | cannot tell, p = .097 |")
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 9 for line in lines)
    assert pairs.splitlines()[2].startswith(r"| a\|b\_c | random | cannot tell | +.1300 ± .2541 |")


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
