"""Which model wins, against tests computed from the records one by one."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from alsim.analysis.training.verdicts import ModelComparison, ModelVerdict, judge_models
from alsim.errors import UsageError
from alsim.experiments.training.records import FitRecord, TaskRecord, TasksResult
from alsim.store.training import build_results

# model, chosen_by, fraction, seed -> task, evaluation, metric -> value
Nets = Mapping[tuple[str, str, float, int], Mapping[tuple[str, str, str], float]]


def table(nets: Nets) -> pa.Table:
    results = [
        TasksResult(
            FitRecord(seed, model, by, fraction, 10, 20, 100, 50, 3, 0.5, 0.5),
            tuple(
                TaskRecord(seed, model, by, fraction, 10, 20, *place, value)
                for place, value in values.items()
            ),
            (),
        )
        for (model, by, fraction, seed), values in nets.items()
    ]
    return build_results(results)[1]


def drawn(
    models: Sequence[str],
    metrics: Mapping[str, str],
    *,
    by: Sequence[str] = ("random",),
    fractions: Sequence[float] = (1.0,),
    n_seeds: int = 4,
    gain: float = 0.0,
) -> Nets:
    """Return nets with values drawn at random, those of later models higher by `gain`."""
    rng = np.random.default_rng(0)
    return {
        (model, chosen_by, fraction, seed): {
            (task, "", metric): float(rng.uniform(0.4, 0.5) + gain * place)
            for task, metric in metrics.items()
        }
        for place, model in enumerate(models)
        for chosen_by in by
        for fraction in fractions
        for seed in range(n_seeds)
    }


def only(found: ModelComparison, **wanted: object) -> ModelVerdict:
    rows = [v for v in found.verdicts if all(getattr(v, k) == w for k, w in wanted.items())]
    assert len(rows) == 1, rows
    return rows[0]


def test_verdicts_equal_t_tests_of_the_means_over_tasks_by_holm() -> None:
    tasks = {"x": "accuracy", "y": "accuracy", "z": "accuracy"}
    nets = drawn(("a", "b", "c"), tasks, gain=0.04)
    found = judge_models(table(nets), dict.fromkeys(("a", "b", "c"), ""))
    means = {
        model: [np.mean([*nets[model, "random", 1.0, seed].values()]) for seed in range(4)]
        for model in ("a", "b", "c")
    }
    p = {model: stats.ttest_rel(means[model], means["a"]).pvalue for model in ("b", "c")}
    first, second = sorted(p, key=lambda model: p[model])
    by_hand = {first: 2 * p[first], second: max(2 * p[first], p[second])}
    for model in ("b", "c"):
        verdict = only(found, first=model)
        assert verdict.p_adjusted == pytest.approx(by_hand[model])
        assert verdict.difference is not None
        gap = np.subtract(means[model], means["a"])
        assert verdict.difference.mean == pytest.approx(gap.mean())
        assert verdict.wins == (gap > 0).mean()
        assert verdict.outcome == ("better" if by_hand[model] < 0.05 else "cannot tell")
    assert only(found, first="c").outcome == "better"
    assert {each.name: each.value.mean for each in found.models} == pytest.approx(
        {model: np.mean(values) for model, values in means.items()}
    )
    assert [each.name for each in found.models] == ["c", "b", "a"]  # the best first
    assert (found.baseline, found.scores[0].tasks) == ("a", ("x", "y", "z"))


def test_classes_and_targets_have_a_score_each_and_are_one_family() -> None:
    nets = drawn(("a", "b"), {"kind": "accuracy", "height": "mse", "width": "mse"}, gain=0.2)
    variances = {"height": 2.0, "width": 4.0}
    found = judge_models(table(nets), {"a": "", "b": ""}, variances=variances)
    assert [(score.metric, score.tasks) for score in found.scores] == [
        ("accuracy", ("kind",)), ("r2", ("height", "width")),
    ]  # fmt: skip
    r2 = [
        np.mean([1 - values["height", "", "mse"] / 2, 1 - values["width", "", "mse"] / 4])
        for (model, *_), values in nets.items()
        if model == "b"
    ]
    (b,) = [each for each in found.models if (each.name, each.score.metric) == ("b", "r2")]
    assert b.value.mean == pytest.approx(np.mean(r2))
    # A greater error is worse, also by R².
    assert [verdict.outcome for verdict in found.verdicts] == ["better", "worse"]
    least = min(found.verdicts, key=lambda verdict: verdict.p_adjusted or 1)
    assert least.difference is not None
    assert least.difference.p is not None
    assert least.p_adjusted == pytest.approx(2 * least.difference.p)  # Holm over both


def test_targets_without_a_variance_are_compared_by_mse_where_there_is_one() -> None:
    one = judge_models(table(drawn(("a", "b"), {"height": "mse"}, gain=0.2)), {"a": "", "b": ""})
    assert [score.metric for score in one.scores] == ["mse"]
    assert only(one).outcome == "worse"
    two = {"height": "mse", "width": "mse"}
    assert judge_models(table(drawn(("a", "b"), two)), {"a": "", "b": ""}).scores == ()
    constant = judge_models(table(drawn(("a",), two)), {"a": ""}, variances=dict.fromkeys(two, 0.0))
    assert constant.scores == ()


def test_auc_is_the_score_only_where_every_task_has_two_classes() -> None:
    nets = drawn(("a", "b"), {"x": "accuracy", "y": "accuracy"})
    with_auc = {
        net: {**values, ("x", "", "auc"): 0.9, ("y", "", "auc"): 0.8}
        for net, values in nets.items()
    }
    models = {"a": "", "b": ""}
    assert judge_models(table(with_auc), models).scores[0].metric == "auc"
    of_one = {
        net: {place: v for place, v in values.items() if place != ("y", "", "auc")}
        for net, values in with_auc.items()
    }
    assert judge_models(table(of_one), models).scores[0].metric == "accuracy"
    assert judge_models(table(with_auc), models, metric="accuracy").scores[0].metric == "accuracy"


def test_a_loss_is_better_where_it_is_smaller_and_one_task_can_be_asked_for() -> None:
    nets = drawn(("a", "b"), {"x": "accuracy"}, gain=0.2)
    both = {
        net: {**values, ("x", "", "nll"): 1 + values["x", "", "accuracy"]}
        for net, values in nets.items()
    }
    found = judge_models(table(both), {"a": "", "b": ""}, metric="nll", task="x")
    assert only(found).outcome == "worse"
    assert only(found).wins == 0
    with pytest.raises(UsageError, match="no task 'y' has nll"):
        judge_models(table(both), {"a": "", "b": ""}, metric="nll", task="y")
    with pytest.raises(UsageError, match="no task has a metric 'r2'"):
        judge_models(table(both), {"a": "", "b": ""}, metric="r2")
    with pytest.raises(UsageError, match="no model 'c'"):
        judge_models(table(both), {"a": "", "b": ""}, baseline="c")


def test_the_baseline_is_random_labels_of_the_same_model_unless_a_model_is_named() -> None:
    nets = drawn(("a", "b"), {"x": "accuracy"}, by=("margin", "random"))
    found = judge_models(table(nets), {"a": "", "b": ""})
    assert found.baseline == "random"
    assert {(v.first, v.second) for v in found.verdicts} == {
        (f"{model} on margin's labels", f"{model} on random's labels") for model in ("a", "b")
    }
    by_model = judge_models(table(nets), {"a": "", "b": ""}, baseline="b")
    assert {(v.first, v.second) for v in by_model.verdicts} == {
        (f"a on {by}'s labels", f"b on {by}'s labels") for by in ("margin", "random")
    }


def test_each_fraction_has_a_verdict_by_the_evaluation_that_a_model_is_reported_by() -> None:
    nets = {
        net: {("x", mode, "accuracy"): value + (0.3 if mode == "all" else 0)
              for value in values.values() for mode in ("task-k", "all")}
        for net, values in drawn(("a", "b"), {"x": "accuracy"}, fractions=(0.5, 1.0)).items()
    }  # fmt: skip
    found = judge_models(table(nets), {"a": "task-k", "b": "task-k"})
    assert [verdict.fraction for verdict in found.verdicts] == [1.0, 0.5]
    assert max(each.value.mean for each in found.models) < 0.6
    assert found.fractions == (1.0, 0.5)


def test_one_seed_or_seeds_that_no_pair_shares_decide_nothing() -> None:
    nets = drawn(("a", "b"), {"x": "accuracy"}, n_seeds=1, gain=0.2)
    one = only(judge_models(table(nets), {"a": "", "b": ""}))
    assert (one.outcome, one.p_adjusted, one.seeds) == ("cannot tell", None, (0,))
    apart = {
        (model, by, fraction, seed + 9 * (model == "b")): values
        for (model, by, fraction, seed), values in nets.items()
    }
    none = only(judge_models(table(apart), {"a": "", "b": ""}))
    assert (none.outcome, none.difference, none.seeds) == ("cannot tell", None, ())
