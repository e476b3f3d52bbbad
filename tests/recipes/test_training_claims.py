"""Claims about passive training, against tables written by hand."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from alsim.recipes.training.claims import TrainingClaim, judge_training
from alsim.recipes.verdict import Verdict
from alsim.store.training import TrainingStudy

GATED = "multi-cluster(density=0.1)"
SETTINGS = {"model": ["mmoe", "omoe", GATED]}


def make_study(
    rows: list[tuple[Any, ...]],
    gates: list[tuple[Any, ...]] = [],  # noqa: B006
    diverged: set[tuple[str, int]] = set(),  # noqa: B006
) -> TrainingStudy:
    """Return a study of rows (model, fraction, evaluation, task, metric, values of each seed).

    A value of None was not measured; diverged models and seeds have no values.
    """
    tasks = [
        {"seed": seed, "model": model, "chosen_by": "random", "fraction": fraction, "task": task,
         "evaluation": evaluation, "metric": metric, "value": value}
        for model, fraction, evaluation, task, metric, values in rows
        for seed, value in enumerate(values)
        if value is not None and (model, seed) not in diverged
    ]  # fmt: skip
    facts = [
        {"seed": seed, "model": GATED, "chosen_by": "random", "fraction": fraction, "task": task,
         "expert": expert, "fact": "probability", "value": value}
        for seed, fraction, task, values in gates
        for expert, value in enumerate(values)
    ]  # fmt: skip
    models = {"mmoe": [], "omoe": [], GATED: ["task-k", "all"]}
    manifest = {"configuration": {"models": {m: {"evaluations": e} for m, e in models.items()}}}
    nets = {(model, fraction, seed) for model, fraction, *_, values in rows
            for seed in range(len(values))} | {(GATED, g[1], g[0]) for g in gates}  # fmt: skip
    fits = [
        {"seed": seed, "model": model, "fraction": f, "epochs": 7 * ((model, seed) not in diverged)}
        for model, f, seed in sorted(nets)
    ]
    return TrainingStudy(
        Path("study"),
        manifest,
        pa.Table.from_pylist(fits),
        pa.Table.from_pylist(tasks),
        pa.Table.from_pylist(facts),
    )


def judge(claim: dict[str, Any], *studies: TrainingStudy) -> Verdict:
    runs = {f"s{number}": study for number, study in enumerate(studies)}
    (verdict,) = judge_training(
        [TrainingClaim(says="says", **claim)], runs, dict.fromkeys(runs, SETTINGS)
    )
    return verdict


def per_seed(verdict: Verdict) -> dict[int, float]:
    return {int(seed): value for seed, value in verdict.facts["per_seed"].items()}


ACCURACY = make_study(
    [
        ("mmoe", 1.0, "", "a", "accuracy", [0.90, 0.91, 0.92]),
        ("mmoe", 1.0, "", "b", "accuracy", [0.80, 0.83, 0.84]),
        ("omoe", 1.0, "", "a", "accuracy", [0.88, 0.88, 0.90]),
        ("omoe", 1.0, "", "b", "accuracy", [0.80, 0.80, 0.80]),
        ("mmoe", 0.5, "", "a", "accuracy", [0.70, 0.70, 0.70]),
        ("mmoe", 0.5, "", "b", "accuracy", [0.70, 0.70, 0.70]),
        ("omoe", 0.5, "", "a", "accuracy", [0.72, 0.71, 0.70]),
        ("omoe", 0.5, "", "b", "accuracy", [0.70, 0.70, 0.71]),
        (GATED, 1.0, "task-k", "a", "accuracy", [0.6, 0.7]),
        (GATED, 1.0, "task-k", "b", "accuracy", [0.6, 0.7]),
        (GATED, 1.0, "all", "a", "accuracy", [0.5, 0.62]),
        (GATED, 1.0, "all", "b", "accuracy", [0.5, 0.62]),
    ]
)


def test_the_mean_over_tasks_is_compared_seed_by_seed_at_the_largest_fraction() -> None:
    verdict = judge({"kind": "better", "model": "mmoe", "than": "omoe"}, ACCURACY)
    # (.02 + 0)/2, (.03 + .03)/2, (.02 + .04)/2
    assert per_seed(verdict) == pytest.approx({0: 0.01, 1: 0.03, 2: 0.03})
    p = stats.ttest_1samp([0.01, 0.03, 0.03], 0).pvalue
    assert verdict.facts["test"]["p"] == pytest.approx(p)
    assert verdict.outcome == "cannot tell"
    assert verdict.study == "s0"
    assert verdict.numbers == (
        f"accuracy (mean over tasks), mmoe less omoe: +0.0233 ± 0.0287, p = {p:.2g}, 3 seeds; "
        "0.8667 against 0.8433 on average"
    )


def test_one_task_and_one_fraction_can_be_claimed() -> None:
    claim = {"kind": "better", "model": "mmoe", "than": "omoe", "task": "a"}
    verdict = judge(claim, ACCURACY)
    assert per_seed(verdict) == pytest.approx({0: 0.02, 1: 0.03, 2: 0.02})
    assert verdict.outcome == "held"
    turned = {**claim, "model": "omoe", "than": "mmoe"}
    assert judge(turned, ACCURACY).outcome == "did not hold"
    at_half = judge({**claim, "fraction": 0.5}, ACCURACY)
    assert per_seed(at_half) == pytest.approx({0: -0.02, 1: -0.01, 2: 0.0})


def test_evaluations_of_one_net_are_compared_and_the_first_is_the_default() -> None:
    claim = {"kind": "better", "model": GATED, "than_evaluation": "all"}
    verdict = judge(claim, ACCURACY)
    assert per_seed(verdict) == pytest.approx({0: 0.1, 1: 0.08})
    assert f"{GATED}, task-k less all" in verdict.numbers
    against = judge({"kind": "better", "model": GATED, "than": "mmoe"}, ACCURACY)
    assert per_seed(against) == pytest.approx({0: 0.6 - 0.85, 1: 0.7 - 0.87})


@pytest.mark.parametrize("relative", [False, True])
def test_a_smaller_loss_is_better(relative: bool) -> None:
    mine, theirs = [0.10, 0.20, 0.40], [0.11, 0.23, 0.44]
    study = make_study([("mmoe", 1.0, "", "a", "mse", mine), ("omoe", 1.0, "", "a", "mse", theirs)])
    claim = {"kind": "better", "model": "mmoe", "than": "omoe", "metric": "mse"}
    verdict = judge({**claim, "relative": relative}, study)
    expected = [math.log(a / b) if relative else a - b for a, b in zip(mine, theirs, strict=True)]
    assert per_seed(verdict) == pytest.approx(dict(enumerate(expected)))
    assert verdict.facts["test"]["mean"] < 0
    # Equal ratios, unequal differences.
    assert verdict.outcome == ("held" if relative else "cannot tell")
    turned = {**claim, "model": "omoe", "than": "mmoe", "relative": relative}
    assert judge(turned, study).outcome == ("did not hold" if relative else "cannot tell")


def test_a_gain_is_compared_between_fractions() -> None:
    claim = {"kind": "gains-more", "model": "mmoe", "than": "omoe", "than_fraction": 0.5}
    verdict = judge({**claim, "fraction": 1.0}, ACCURACY)
    # .01, .03, .03 with all labels; −.01, −.005, −.005 with half of them.
    assert per_seed(verdict) == pytest.approx({0: 0.02, 1: 0.035, 2: 0.035})
    assert verdict.outcome == "held"
    assert "at 1 of the labels less at 0.5 of the labels" in verdict.numbers
    turned = {**claim, "fraction": 0.5, "than_fraction": 1.0}
    assert judge(turned, ACCURACY).outcome == "did not hold"


def test_a_gain_in_a_loss_is_compared_between_studies() -> None:
    def study(mine: list[float], theirs: list[float]) -> TrainingStudy:
        return make_study(
            [("mmoe", 1.0, "", "a", "mse", mine), ("omoe", 1.0, "", "a", "mse", theirs)]
        )

    few = study([0.1, 0.1, 0.1], [0.30, 0.31, 0.33])
    many = study([0.2, 0.2, 0.2], [0.20, 0.21, 0.20])
    claim = {"kind": "gains-more", "model": "mmoe", "than": "omoe", "metric": "mse",
             "study": "s0", "than_study": "s1"}  # fmt: skip
    verdict = judge(claim, few, many)
    assert per_seed(verdict) == pytest.approx({0: 0.2, 1: 0.2, 2: 0.23})
    assert verdict.outcome == "held"
    assert verdict.study == ""
    assert "s0 less s1" in verdict.numbers
    assert judge(claim, many, few).outcome == "did not hold"


def test_spreads_are_compared_by_the_distances_from_the_median() -> None:
    wide = [0.1, 0.5, 0.9, 1.0, 0.2, 0.8, 0.3]
    narrow = [0.5, 0.51, 0.52, 0.53, 0.5, 0.55, 0.49]
    study = make_study([("mmoe", 1.0, "", "a", "mse", narrow), ("omoe", 1.0, "", "a", "mse", wide)])
    claim = {"kind": "spreads-more", "model": "omoe", "than": "mmoe", "metric": "mse"}
    verdict = judge(claim, study)
    expected = [abs(w - 0.5) - abs(n - 0.51) for w, n in zip(wide, narrow, strict=True)]
    assert per_seed(verdict) == pytest.approx(dict(enumerate(expected)))
    assert verdict.outcome == "held"
    deviations = [np.std(values, ddof=1) for values in (wide, narrow)]
    assert verdict.numbers.endswith("of mse {:.3g} and {:.3g}".format(*deviations))
    turned = {**claim, "model": "mmoe", "than": "omoe"}
    assert judge(turned, study).outcome == "did not hold"


@pytest.mark.long
def test_equal_spreads_are_rarely_found_to_differ() -> None:
    draws = np.random.default_rng(0).lognormal(size=(200, 2, 20))
    outcomes = [
        judge(
            {"kind": "spreads-more", "model": "omoe", "than": "mmoe", "metric": "mse",
             "relative": True},
            make_study([("mmoe", 1.0, "", "a", "mse", a), ("omoe", 1.0, "", "a", "mse", b)]),
        ).outcome
        for a, b in draws.tolist()
    ]  # fmt: skip
    # At 5 % about 10 of 200, within four standard errors (3.1).
    assert 200 - outcomes.count("cannot tell") <= 22


def test_agreement_is_the_mean_correlation_minus_that_by_chance() -> None:
    alike, unlike = [0.9, 0.1, 0.1, 0.1], [0.1, 0.1, 0.9, 0.1]
    partly = [0.9, 0.9, 0.1, 0.1]
    gates = [
        (seed, fraction, task, values)
        for seed in (0, 1, 2)
        for fraction, of_b in ((0.25, unlike), (1.0, alike if seed else partly))
        for task, values in (("a", alike), ("b", of_b))
    ]
    rows = [
        (GATED, fraction, "task-k", task, "density", [sum(v) for _, f, t, v in gates
                                                      if (f, t) == (fraction, task)])
        for fraction in (0.25, 1.0) for task in ("a", "b")
    ]  # fmt: skip
    claim = {"kind": "agrees-more", "model": GATED, "than_fraction": 0.25}
    verdict = judge(claim, make_study(rows, gates))
    # With permuted experts |r| is 1 once in four times and else 1/3, so 1/2 on average; with
    # `partly` it is 1/√3 however they are permuted. 200 permutations leave an error of .02.
    low, high = 1 / 3 - 1 / 2, 1 - 1 / 2
    assert per_seed(verdict) == pytest.approx({0: 0 - low, 1: high - low, 2: high - low}, abs=0.08)
    assert verdict.numbers.startswith("agreement beyond chance")
    assert verdict.to_json()["means"] == pytest.approx([high * 2 / 3, low], abs=0.05)
    # Σp is 1.2 with one expert and 2 with two: (1.2 + 2)/2 for seed 0, then 1.2 and 1.2.
    assert verdict.numbers.endswith("on average; experts used: 1.3 against 1.2")
    again = judge(claim, make_study(rows, gates))
    assert per_seed(again) == per_seed(verdict)


@pytest.mark.long
def test_using_more_experts_does_not_raise_the_agreement_of_tasks() -> None:
    draws = np.random.default_rng(0)
    seeds = range(20)
    gates = [
        (seed, fraction, task, draws.permutation([0.95] * k + [0.05] * (10 - k)).tolist())
        for seed in seeds for fraction, k in ((0.25, 1), (1.0, 5)) for task in "abcdef"
    ]  # fmt: skip
    claim = {"kind": "agrees-more", "model": GATED, "than_fraction": 0.25}
    verdict = judge(claim, make_study([], gates))
    test = verdict.facts["test"]
    assert abs(test["mean"]) < 2 * test["half_width"] < 0.1
    raw = {
        f: np.mean([
            np.abs(np.corrcoef([v for s, g, _, v in gates if (s, g) == (seed, f)]))[
                np.triu_indices(6, 1)
            ].mean()
            for seed in seeds
        ])
        for f in (0.25, 1.0)
    }  # fmt: skip
    assert raw[1.0] - raw[0.25] > 0.05  # |r| alone would have shown a difference


def two_models(mine: list[Any], theirs: list[Any], *diverged: tuple[str, int]) -> TrainingStudy:
    rows = [("mmoe", 1.0, "", "a", "mse", mine), ("omoe", 1.0, "", "a", "mse", theirs)]
    return make_study(rows, diverged=set(diverged))


LOWER = {"kind": "better", "model": "mmoe", "than": "omoe", "metric": "mse"}


def test_seeds_left_out_are_reported_with_the_reason() -> None:
    mine, theirs = [0.1, 0.2, 0.3, 0.0, 0.5, 0.6], [0.2, 0.3, 0.5, 0.4, None, 0.7]
    lost = ("mmoe", 1), ("omoe", 1), ("omoe", 5)
    verdict = judge({**LOWER, "relative": True}, two_models(mine, theirs, *lost))
    assert per_seed(verdict) == pytest.approx({0: math.log(1 / 2), 2: math.log(3 / 5)})
    assert verdict.numbers.endswith(
        "2 seeds; 2 of 6 seeds; 2 diverged; 1 without a logarithm; 1 not measured; "
        "0.2 against 0.35 on average"
    )
    assert verdict.to_json()["seeds"] == {
        "counted": 2, "of": 6, "diverged": 2, "without_a_logarithm": 1, "not_measured": 1,
    }  # fmt: skip
    assert "2 of 6" not in judge(LOWER, two_models([0.1, 0.2], [0.2, 0.3])).numbers
    all_lost = judge(LOWER, two_models([0.1, 0.2], [0.2, 0.3], ("omoe", 0), ("omoe", 1)))
    assert all_lost.outcome == "cannot tell"
    assert all_lost.numbers.endswith(": not measured; 0 of 2 seeds; 2 diverged")
    assert all_lost.to_json()["seeds"]["diverged"] == 2


def test_a_gain_reports_the_seeds_lost_on_either_side() -> None:
    one = two_models([0.1, 0.1, 0.1, 0.1], [0.3, 0.4, 0.5, 0.5], ("mmoe", 0))
    two = two_models([0.2, 0.2, 0.2, 0.2], [0.2, 0.3, 0.2, 0.1], ("omoe", 3))
    claim = {**LOWER, "kind": "gains-more", "study": "s0", "than_study": "s1"}
    verdict = judge(claim, one, two)
    assert per_seed(verdict) == pytest.approx({1: 0.2, 2: 0.4})
    assert "; 2 of 4 seeds; 2 diverged; 0.35 against 0.05 on average" in verdict.numbers


@pytest.mark.parametrize(
    ("diverged", "outcome"),
    [
        ((), "held"),
        ((("mmoe", 0), ("omoe", 0)), "held"),
        ((("omoe", 0),), "cannot tell"),
        ((("mmoe", 0),), "cannot tell"),
        ((("mmoe", 0), ("omoe", 1)), "cannot tell"),
    ],
)
def test_spreads_are_not_compared_where_only_one_model_diverged(
    diverged: tuple[tuple[str, int], ...], outcome: str
) -> None:
    study = two_models([0.50, 0.51, 0.5, 0.51] * 4, [0.2, 0.8, 0.21, 0.82] * 4, *diverged)
    verdict = judge({**LOWER, "kind": "spreads-more", "model": "omoe", "than": "mmoe"}, study)
    assert verdict.outcome == outcome
    assert verdict.facts["test"]["mean"] > verdict.facts["test"]["half_width"]
    lost = len({seed for _, seed in diverged})
    assert (f"{16 - lost} of 16 seeds; {lost} diverged" in verdict.numbers) == bool(diverged)
    assert ("one model alone diverged" in verdict.numbers) == (outcome == "cannot tell")


def test_the_reported_deviations_are_those_of_the_tested_values() -> None:
    wide, narrow = [0.1, 1.0, 10.0, 0.0], [1.0, 1.0, 2.0, 9.0]
    claim = {**LOWER, "kind": "spreads-more", "relative": True}
    verdict = judge(claim, two_models(wide, narrow))
    # log 10 apart each; 0, 0 and log 2 deviate by log 2/√3.
    expected = [math.log(10), math.log(2) / math.sqrt(3)]
    assert verdict.to_json()["standard_deviations"] == pytest.approx(expected)
    assert verdict.numbers.endswith("standard deviations of log mse 2.3 and 0.4")
    assert "; 3 of 4 seeds; 1 without a logarithm; " in verdict.numbers


def test_a_claim_reports_how_many_experts_stochastic_gates_use() -> None:
    rows = [
        (model, fraction, evaluation, task, "accuracy", [value, value])
        for model, value in ((GATED, 0.6), ("mmoe", 0.5))
        for fraction in (0.5, 1.0)
        for evaluation in (("task-k", "all") if model == GATED else ("",))
        for task in ("a", "b")
    ]
    # The third seed is left out of the comparison.
    rows += [
        (GATED, 1.0, "task-k", "a", "density", [2.0, 3.0, 90.0]),
        (GATED, 1.0, "task-k", "b", "density", [4.0, 5.5, 90.0]),
        (GATED, 0.5, "task-k", "a", "density", [10.0, 11.0, 90.0]),
        (GATED, 0.5, "task-k", "b", "density", [10.0, 11.0, 90.0]),
    ]
    study = make_study(rows)
    kept = {"kind": "better", "model": GATED, "evaluation": "all"}
    alone = judge({**kept, "than_evaluation": "task-k"}, study)
    assert alone.numbers.endswith("; experts used: 3.6")  # (2 + 3 + 4 + 5.5)/4 = 3.625
    assert alone.to_json()["experts_used"] == [
        {"study": "s0", "model": GATED, "fraction": 1.0, "mean": 3.625}
    ]
    of_a = judge({**kept, "than_evaluation": "task-k", "task": "a"}, study)
    assert of_a.numbers.endswith("; experts used: 2.5")
    ungated = judge({**kept, "than": "mmoe"}, study)
    assert ungated.numbers.endswith(f"; experts used: 3.6 by {GATED}")
    gain = judge({**kept, "kind": "gains-more", "than": "mmoe", "than_fraction": 0.5}, study)
    assert gain.numbers.endswith(
        f"; experts used: 3.6 by {GATED} at 1 of the labels, 10.5 by {GATED} at 0.5 of the labels"
    )
    assert "experts used" not in judge(LOWER, two_models([0.1], [0.2])).numbers


def test_the_experts_of_two_gated_models_are_reported_side_by_side() -> None:
    other = "multi-cluster(density=0)"
    study = make_study(
        [
            (GATED, 1.0, "task-k", "a", "accuracy", [0.6, 0.7]),
            (GATED, 1.0, "task-k", "a", "density", [2.0, 2.2]),
            (other, 1.0, "task-k", "a", "accuracy", [0.5, 0.5]),
            (other, 1.0, "task-k", "a", "density", [14.0, 15.2]),
        ]
    )
    configuration: Any = study.manifest["configuration"]
    configuration["models"] = {model: {"evaluations": ["task-k"]} for model in (GATED, other)}
    (verdict,) = judge_training(
        [TrainingClaim(says="says", kind="better", model=GATED, than=other)],
        {"run": study},
        {"run": {"model": [GATED, other]}},
    )
    assert verdict.numbers.endswith("; experts used: 2.1 against 14.6")


@pytest.mark.parametrize(
    "claim",
    [
        {"kind": "better", "model": "mmoe", "than": "omoe", "metric": "auc"},
        {"kind": "better", "model": "mmoe", "than": "omoe", "task": "c"},
        {"kind": "spreads-more", "model": "mmoe", "than": "omoe", "metric": "nll"},
        {"kind": "gains-more", "model": "mmoe", "than": "omoe", "metric": "nll",
         "than_fraction": 0.5},
        {"kind": "agrees-more", "model": GATED, "than_fraction": 0.5},
        {"kind": "better", "model": "mmoe", "than": "omoe", "fraction": 0.25},
        {"kind": "better", "model": "mmoe", "than": "omoe", "evaluation": "all"},
    ],
)  # fmt: skip
def test_a_claim_about_unmeasured_values_has_no_verdict(claim: dict[str, Any]) -> None:
    verdict = judge(claim, ACCURACY)
    assert verdict.outcome == "cannot tell"
    assert verdict.numbers.endswith(": not measured")


def test_a_seed_that_lacks_a_task_is_left_out_of_means() -> None:
    rows = [
        ("mmoe", 1.0, "", "a", "auc", [0.9, 0.9, 0.9]),
        ("mmoe", 1.0, "", "b", "auc", [0.8, 0.8]),
        ("omoe", 1.0, "", "a", "auc", [0.8, 0.8, 0.8]),
        ("omoe", 1.0, "", "b", "auc", [0.8, 0.7, 0.7]),
    ]
    claim = {"kind": "better", "model": "mmoe", "than": "omoe", "metric": "auc"}
    assert per_seed(judge(claim, make_study(rows))) == pytest.approx({0: 0.05, 1: 0.1})
    # The mean over other tasks does not count as that of all tasks.
    assert per_seed(judge(claim, make_study(rows[:1] + rows[2:]))) == {}
