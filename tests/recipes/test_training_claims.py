"""Claims about passive training, against tables made by hand."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from alsim.recipes.training_claims import TrainingClaim, judge_training
from alsim.recipes.verdicts import Verdict
from alsim.store import TrainingStudy

GATED = "multi-cluster(density=0.1)"
SETTINGS = {"model": ["mmoe", "omoe", GATED]}


def make_study(rows: list[tuple[Any, ...]], gates: list[tuple[Any, ...]] = []) -> TrainingStudy:  # noqa: B006
    """Return a study of rows (model, fraction, evaluation, task, metric, values of each seed)."""
    tasks = [
        {"seed": seed, "model": model, "chosen_by": "random", "fraction": fraction, "task": task,
         "evaluation": evaluation, "metric": metric, "value": value}
        for model, fraction, evaluation, task, metric, values in rows
        for seed, value in enumerate(values)
    ]  # fmt: skip
    facts = [
        {"seed": seed, "model": GATED, "chosen_by": "random", "fraction": fraction, "task": task,
         "expert": expert, "fact": "probability", "value": value}
        for seed, fraction, task, values in gates
        for expert, value in enumerate(values)
    ]  # fmt: skip
    models = {"mmoe": [], "omoe": [], GATED: ["task-k", "all"]}
    manifest = {"configuration": {"models": {m: {"evaluations": e} for m, e in models.items()}}}
    fits = pa.table({"fraction": sorted({row[1] for row in rows} | {g[1] for g in gates})})
    return TrainingStudy(
        Path("study"), manifest, fits, pa.Table.from_pylist(tasks), pa.Table.from_pylist(facts)
    )


def judge(claim: dict[str, Any], *studies: TrainingStudy) -> Verdict:
    runs = {f"s{number}": study for number, study in enumerate(studies)}
    (verdict,) = judge_training(
        [TrainingClaim(says="says", **claim)], runs, dict.fromkeys(runs, SETTINGS)
    )
    return verdict


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
    assert verdict.per_seed == pytest.approx({0: 0.01, 1: 0.03, 2: 0.03})
    assert verdict.test is not None
    p = stats.ttest_1samp([0.01, 0.03, 0.03], 0).pvalue
    assert verdict.test.p == pytest.approx(p)
    assert verdict.outcome == "cannot tell"
    assert verdict.study == "s0"
    assert verdict.numbers == (
        f"accuracy (mean over tasks), mmoe less omoe: +0.0233 ± 0.0287, p = {p:.2g}, 3 seeds; "
        "0.8667 against 0.8433 on average"
    )


def test_one_task_and_one_fraction_can_be_claimed() -> None:
    claim = {"kind": "better", "model": "mmoe", "than": "omoe", "task": "a"}
    verdict = judge(claim, ACCURACY)
    assert verdict.per_seed == pytest.approx({0: 0.02, 1: 0.03, 2: 0.02})
    assert verdict.outcome == "held"
    turned = {**claim, "model": "omoe", "than": "mmoe"}
    assert judge(turned, ACCURACY).outcome == "did not hold"
    at_half = judge({**claim, "fraction": 0.5}, ACCURACY)
    assert at_half.per_seed == pytest.approx({0: -0.02, 1: -0.01, 2: 0.0})


def test_evaluations_of_one_net_are_compared_and_the_first_is_the_default() -> None:
    claim = {"kind": "better", "model": GATED, "than_evaluation": "all"}
    verdict = judge(claim, ACCURACY)
    assert verdict.per_seed == pytest.approx({0: 0.1, 1: 0.08})
    assert f"{GATED}, task-k less all" in verdict.numbers
    against = judge({"kind": "better", "model": GATED, "than": "mmoe"}, ACCURACY)
    assert against.per_seed == pytest.approx({0: 0.6 - 0.85, 1: 0.7 - 0.87})


@pytest.mark.parametrize("relative", [False, True])
def test_of_a_loss_the_smaller_is_better(relative: bool) -> None:
    mine, theirs = [0.10, 0.20, 0.40], [0.11, 0.23, 0.44]
    study = make_study([("mmoe", 1.0, "", "a", "mse", mine), ("omoe", 1.0, "", "a", "mse", theirs)])
    claim = {"kind": "better", "model": "mmoe", "than": "omoe", "metric": "mse"}
    verdict = judge({**claim, "relative": relative}, study)
    expected = [math.log(a / b) if relative else a - b for a, b in zip(mine, theirs, strict=True)]
    assert verdict.per_seed == pytest.approx(dict(enumerate(expected)))
    assert verdict.test is not None
    assert verdict.test.mean < 0
    # Alike in ratio, unlike in difference.
    assert verdict.outcome == ("held" if relative else "cannot tell")
    turned = {**claim, "model": "omoe", "than": "mmoe", "relative": relative}
    assert judge(turned, study).outcome == ("did not hold" if relative else "cannot tell")


def test_a_gain_is_compared_between_fractions() -> None:
    claim = {"kind": "gains-more", "model": "mmoe", "than": "omoe", "than_fraction": 0.5}
    verdict = judge({**claim, "fraction": 1.0}, ACCURACY)
    # .01, .03, .03 with all of the labels; −.01, −.005, −.005 with half.
    assert verdict.per_seed == pytest.approx({0: 0.02, 1: 0.035, 2: 0.035})
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
    assert verdict.per_seed == pytest.approx({0: 0.2, 1: 0.2, 2: 0.23})
    assert verdict.outcome == "held"
    assert verdict.study == ""
    assert "s0 less s1" in verdict.numbers
    assert judge(claim, many, few).outcome == "did not hold"


def test_spreads_are_compared_by_distances_from_the_median() -> None:
    wide = [0.1, 0.5, 0.9, 1.0, 0.2, 0.8, 0.3]
    narrow = [0.5, 0.51, 0.52, 0.53, 0.5, 0.55, 0.49]
    study = make_study([("mmoe", 1.0, "", "a", "mse", narrow), ("omoe", 1.0, "", "a", "mse", wide)])
    claim = {"kind": "spreads-more", "model": "omoe", "than": "mmoe", "metric": "mse"}
    verdict = judge(claim, study)
    expected = [abs(w - 0.5) - abs(n - 0.51) for w, n in zip(wide, narrow, strict=True)]
    assert verdict.per_seed == pytest.approx(dict(enumerate(expected)))
    assert verdict.outcome == "held"
    deviations = [np.std(values, ddof=1) for values in (wide, narrow)]
    assert verdict.remark.endswith("of mse {:.3g} and {:.3g}".format(*deviations))
    turned = {**claim, "model": "mmoe", "than": "omoe"}
    assert judge(turned, study).outcome == "did not hold"


def test_equal_spreads_are_rarely_told_apart() -> None:
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


def test_agreement_is_the_mean_correlation_of_the_tasks_experts() -> None:
    rows = [(GATED, f, "task-k", "a", "accuracy", [0.5]) for f in (0.25, 1.0)]
    alike, unlike = [0.9, 0.1, 0.1, 0.1], [0.1, 0.1, 0.9, 0.1]
    partly = [0.9, 0.9, 0.1, 0.1]
    gates = [
        (seed, fraction, task, values)
        for seed in (0, 1, 2)
        for fraction, of_b in ((0.25, unlike), (1.0, alike if seed else partly))
        for task, values in (("a", alike), ("b", of_b))
    ]
    claim = {"kind": "agrees-more", "model": GATED, "than_fraction": 0.25}
    verdict = judge(claim, make_study(rows, gates))
    low = abs(stats.pearsonr(alike, unlike).statistic)
    middle = abs(stats.pearsonr(alike, partly).statistic)
    expected = {0: middle - low, 1: 1 - low, 2: 1 - low}
    assert verdict.per_seed == pytest.approx(expected)
    assert verdict.outcome == "cannot tell"
    assert "0.8591 against 0.3333 on average" in verdict.numbers
    both = make_study(rows, [g for g in gates if g[0] == 1])
    assert "1 against 0.3333 on average" in judge(claim, both).numbers


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
def test_what_was_not_measured_cannot_be_told(claim: dict[str, Any]) -> None:
    verdict = judge(claim, ACCURACY)
    assert verdict.outcome == "cannot tell"
    assert verdict.numbers.endswith(": not measured")


def test_a_seed_that_lacks_a_task_is_in_no_mean() -> None:
    rows = [
        ("mmoe", 1.0, "", "a", "auc", [0.9, 0.9, 0.9]),
        ("mmoe", 1.0, "", "b", "auc", [0.8, 0.8]),
        ("omoe", 1.0, "", "a", "auc", [0.8, 0.8, 0.8]),
        ("omoe", 1.0, "", "b", "auc", [0.8, 0.7, 0.7]),
    ]
    claim = {"kind": "better", "model": "mmoe", "than": "omoe", "metric": "auc"}
    assert judge(claim, make_study(rows)).per_seed == pytest.approx({0: 0.05, 1: 0.1})
    # Nor is the mean over other tasks that of all.
    assert judge(claim, make_study(rows[:1] + rows[2:])).per_seed == {}
