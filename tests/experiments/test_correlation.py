"""Copies of one start, one for each group: what each is trained on, and what has no effect."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pools import load, make_table
from toy import make_pool, make_toy_setting

from alsim.errors import RunError, UsageError
from alsim.experiments.asking import initial_query
from alsim.experiments.correlation import (
    CorrelationOptions,
    GroupRecord,
    check_metrics,
    copies_at_once,
    correlate,
    split_into_groups,
)
from alsim.experiments.passive import Passive, passive
from alsim.experiments.progress import Progress
from alsim.experiments.setting import Setting, fit_streams, fresh_replicas
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.training import LossPrediction, TrainingOptions
from alsim.oracle import HierarchicalOracle, NoisyOracle
from alsim.oracle.erring import uniform_confusion
from alsim.pool.pool import Pool, Task
from alsim.seeding import stream
from alsim.signals import Signals
from alsim.strategies import STRATEGIES, Strategy, find_strategy
from alsim.training.fit import Labelled, fit_epochs

TRAINING = TrainingOptions(
    batch_size=32, max_epochs=5, patience=4, epochs=1, learning_rate=1e-2, precision="float64"
)
OPTIONS = CorrelationOptions(sample_size=240, group_size=40)
ALL_ROWS = CorrelationOptions(sample_size=340, group_size=34)  # every unlabelled row of the pool
METRICS = ("margin", "ideal-learning-loss", "random")


def setting_of(
    way: Way = "lockstep",
    *,
    pool: Pool | None = None,
    training: TrainingOptions = TRAINING,
    dropout: float = 0.0,
) -> Setting:
    model = ModelOptions(name="three-head", width=16, dropout=dropout)
    return make_toy_setting(way, pool=pool, model=model, training=training)


SETTING = setting_of()


@cache
def start_of_all() -> Passive:
    return passive(SETTING, [3], Progress())


def groups_of(
    setting: Setting = SETTING,
    metrics: Sequence[str] = METRICS,
    *,
    options: CorrelationOptions = OPTIONS,
    start: Passive | None = None,
) -> dict[str, tuple[GroupRecord, ...]]:
    found = correlate(setting, 3, start or start_of_all(), metrics, options, Progress())
    return {records[0].metric: records for records in found}


@cache
def found_at_first() -> dict[str, tuple[GroupRecord, ...]]:
    return groups_of()


def nlls(records: Sequence[GroupRecord]) -> list[float]:
    return [record.nll for record in records]


def with_strategy(name: str, strategy: Strategy, setting: Setting = SETTING) -> Setting:
    return replace(setting, strategies={**setting.strategies, name: strategy})


@pytest.mark.long
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8), st.integers(1, 4), st.integers(0, 99))
def test_groups_share_no_row_cover_the_sample_and_ascend(
    levels: list[int], size: int, seed: int
) -> None:
    scores = torch.tensor(levels * size).double()
    groups = split_into_groups(scores, size, generator=stream(seed, "test"))
    assert groups.shape == (len(levels), size)
    assert groups.flatten().sort().values.tolist() == list(range(len(scores)))
    assert (scores[groups].amax(1)[:-1] <= scores[groups].amin(1)[1:]).all()


def test_groups_of_three_scores_by_hand() -> None:
    groups = split_into_groups(torch.tensor([0.5, -1, 2, 0.1]), 2, generator=stream(0, "test"))
    assert [set(group.tolist()) for group in groups] == [{1, 3}, {0, 2}]


def test_ties_are_broken_at_random_and_each_row_is_equally_often_in_each_group() -> None:
    n = 600
    counts = torch.zeros(6, 3)
    for i in range(n):
        groups = split_into_groups(torch.zeros(6), 2, generator=stream(i, "test"))
        for group, rows in enumerate(groups):
            counts[rows, group] += 1
    # Four standard errors of a share of 1/3.
    assert ((counts / n - 1 / 3).abs() < 4 * (2 / 9 / n) ** 0.5).all()


def test_every_metric_has_all_groups_in_the_order_of_their_mean_score() -> None:
    assert list(found_at_first()) == list(METRICS)
    for metric, records in found_at_first().items():
        assert [r.group for r in records] == list(range(6))
        assert [r.mean_score for r in records] == sorted(r.mean_score for r in records)
        assert {(r.metric, r.seed, r.n) for r in records} == {(metric, 3, 40)}
        assert len(set(nlls(records))) == 6


def test_scores_and_copies_are_those_of_a_net_trained_group_by_group() -> None:
    # Rows without any modality would tie.
    setting = setting_of("direct", pool=make_pool(absent=0.0))
    start = passive(setting, [3], Progress())
    net = fresh_replicas(setting, [5], "elsewhere")
    net.load(start.state)
    labels = setting.pool.tasks["label"].labels
    initial = set(initial_query(setting, 3)[0].tolist())
    rows = torch.tensor([row for row in range(400) if row not in initial])
    logits = net.outputs(setting.features.take(rows)).logits["label"]["mixed"][0]
    best = logits.softmax(1).sort(1, descending=True).values
    scores = {
        "margin": best[:, 1] - best[:, 0],
        "ideal-learning-loss": -logits.log_softmax(1)[torch.arange(340), labels[rows]],
    }
    found = groups_of(replace(setting, way="lockstep"), list(scores), options=ALL_ROWS, start=start)
    for metric, mine in scores.items():
        order = mine.argsort()
        for number in (0, 9):
            group = order[34 * number : 34 * (number + 1)]
            net.load(start.state)
            fit_epochs(
                net,
                setting.features,
                Labelled(rows[group][None], {"label": labels[rows[group]][None]}),
                TRAINING,
                n_classes=setting.n_classes,
                streams=fit_streams(setting.features.device, [3], "correlate", metric, number),
            )
            alone = setting.evaluator.evaluate(net)[0]
            record = found[metric][number]
            assert record.mean_score == pytest.approx(mine[group].mean().item(), abs=1e-12)
            assert record.accuracy == alone.mean("accuracy")
            assert record.nll == pytest.approx(alone.mean("nll"), abs=1e-9)


def test_untrained_copies_equal_the_start() -> None:
    setting = replace(SETTING, training=replace(TRAINING, epochs=0))
    net = fresh_replicas(setting, [9], "elsewhere")
    net.load(start_of_all().state)
    start = SETTING.evaluator.evaluate(net)[0]
    for records in groups_of(setting).values():
        assert {record.accuracy for record in records} == {start.mean("accuracy")}
        assert nlls(records) == pytest.approx([start.mean("nll")] * 6, abs=1e-12)


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_training_copies_changes_neither_the_start_nor_the_global_generator(way: Way) -> None:
    before = {name: tensor.clone() for name, tensor in start_of_all().state.to_tensors().items()}
    drawn = torch.get_rng_state()
    groups_of(setting_of(way), ["margin"])
    after = start_of_all().state.to_tensors()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert torch.equal(drawn, torch.get_rng_state())


@pytest.mark.long
@pytest.mark.parametrize("batch_norm", ["train", "frozen"])
def test_training_copies_one_after_another_equals_lockstep(batch_norm: str) -> None:
    training = replace(TRAINING, batch_norm=batch_norm)
    metrics = [*METRICS, "bald"]
    lockstep, direct = (
        groups_of(setting_of(way, training=training, dropout=0.5), metrics)
        for way in ("lockstep", "direct")
    )
    for metric in metrics:
        for mine, other in zip(lockstep[metric], direct[metric], strict=True):
            assert mine.mean_score == pytest.approx(other.mean_score, abs=1e-9)
            assert mine.accuracy == other.accuracy
            assert mine.nll == pytest.approx(other.nll, abs=1e-9)


def test_frozen_batch_norm_changes_the_result() -> None:
    frozen = replace(SETTING, training=replace(TRAINING, batch_norm="frozen"))
    assert nlls(groups_of(frozen)["margin"]) != pytest.approx(
        nlls(found_at_first()["margin"]), abs=1e-6
    )


@pytest.mark.parametrize("most", [2, 5])
def test_training_in_slices_changes_nothing(most: int) -> None:
    sliced = groups_of(options=replace(OPTIONS, most=most))
    for metric in METRICS:
        assert nlls(sliced[metric]) == pytest.approx(nlls(found_at_first()[metric]), abs=1e-9)


class Memory(Progress):
    """Runs out of memory the first times that copies train."""

    def __init__(self, most: int, events: list[str]) -> None:
        self._most, self._events = most, events

    def phase(self, name: str) -> None:
        self._events.append(name)
        if name == "train" and self._events.count("train") <= self._most:
            raise MemoryError

    def copies(self, metric: str, n: int) -> None:
        self._events.append(f"copies {n} of {metric}")


@pytest.mark.long
def test_when_memory_runs_out_the_number_of_copies_is_halved_also_for_later_metrics() -> None:
    heard: list[int] = []
    events: list[str] = []
    copies = copies_at_once(on_smaller=heard.append)
    found = list(correlate(SETTING, 3, start_of_all(), METRICS, OPTIONS, Memory(2, events), copies))
    assert heard == [3, 1]  # of 6 groups
    assert [phase for phase in events if phase.startswith("copies")] == [
        f"copies {n} of {metric}" for metric in METRICS for n in range(1, 7)
    ]
    for records in found:
        mine, other = nlls(records), nlls(found_at_first()[records[0].metric])
        assert mine == pytest.approx(other, abs=1e-9)


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_too_little_memory_for_one_copy_is_reported(way: Way) -> None:
    setting, events = setting_of(way), list[str]()
    with pytest.raises(RunError, match="the machine ran out of memory") as caught:
        list(correlate(setting, 3, start_of_all(), ["margin"], OPTIONS, Memory(99, events)))
    assert caught.value.args[1] == "training 1 copies at once"
    assert "narrower net" in caught.value.args[2]


def test_the_result_of_a_metric_does_not_depend_on_the_others() -> None:
    for metric in METRICS:
        assert groups_of(metrics=[metric])[metric] == found_at_first()[metric]
    assert groups_of(metrics=METRICS[::-1]) == found_at_first()


def identical_rows() -> Pool:
    """Return the toy pool with identical training rows, so that copies differ only by chance."""
    pool = make_pool(absent=0.0)
    modalities = {name: x.clone() for name, x in pool.modalities.items()}
    for x in modalities.values():
        x[:400] = x[0].clone()
    labels = pool.tasks["label"].labels.clone()
    labels[:400] = labels[0]
    task = Task("label", tuple("abcdef"), labels)
    return replace(pool, modalities=modalities, tasks={"label": task})


@pytest.mark.long
@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_each_copy_drops_units_of_its_own(way: Way) -> None:
    for dropout, n_different in ((0.0, 1), (0.5, 12)):
        setting = setting_of(way, pool=identical_rows(), dropout=dropout)
        found = groups_of(setting, ["margin", "entropy"])
        assert {r.mean_score for r in found["margin"]} == {found["margin"][0].mean_score}
        different = {round(nll, 9) for records in found.values() for nll in nlls(records)}
        assert len(different) == n_different


def test_the_control_sorts_by_uniform_draws() -> None:
    means = [r.mean_score for r in groups_of(metrics=["random"], options=ALL_ROWS)["random"]]
    # Order statistics of 340 draws: each spreads by 0.027 at most, a mean of 34 by no more.
    assert means == pytest.approx([0.05 + 0.1 * i for i in range(10)], abs=4 * 0.027)
    assert len(set(means)) == 10
    other = next(correlate(SETTING, 4, start_of_all(), ["random"], ALL_ROWS, Progress()))
    assert [r.mean_score for r in other] != means


def garbled(pool: Pool, rows: range | torch.Tensor) -> Pool:
    labels = pool.tasks["label"].labels.clone()
    labels[torch.as_tensor(rows)] = (labels[torch.as_tensor(rows)] + 1) % 6
    return replace(pool, tasks={"label": Task("label", tuple("abcdef"), labels)})


def test_changing_the_initial_labels_after_the_passive_phase_has_no_effect() -> None:
    pool = garbled(make_pool(), initial_query(SETTING, 3)[0])
    assert groups_of(setting_of(pool=pool)) == found_at_first()


def test_hidden_labels_affect_only_the_true_loss_and_the_training_of_copies() -> None:
    found = groups_of(setting_of(pool=garbled(make_pool(), range(400))))
    for metric in METRICS:
        mine, other = ([r.mean_score for r in f[metric]] for f in (found, found_at_first()))
        assert (mine == other) == (metric != "ideal-learning-loss")
        assert nlls(found[metric]) != pytest.approx(nlls(found_at_first()[metric]), abs=0.01)


def test_the_evaluated_labels_affect_only_the_accuracies() -> None:
    found = groups_of(setting_of(pool=garbled(make_pool(), range(500, 700))))
    for metric in METRICS:
        mine, other = ([r.mean_score for r in f[metric]] for f in (found, found_at_first()))
        assert mine == other
        assert [r.accuracy for r in found[metric]] != [r.accuracy for r in found_at_first()[metric]]


@pytest.mark.long
def test_the_order_of_the_file_changes_nothing(tmp_path: Path) -> None:
    table = make_table(300)
    turned = table.take(pa.array(range(299, -1, -1)))
    found: list[dict[str, tuple[GroupRecord, ...]]] = []
    for name, rows in (("one", table), ("other", turned)):
        pool = load(rows, tmp_path / name).pool
        setting = setting_of(pool=pool)
        start = passive(setting, [3], Progress())
        options = CorrelationOptions(sample_size=100, group_size=20)
        found.append(groups_of(setting, options=options, start=start))
    assert found[0] == found[1]


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_a_row_has_one_answer_whatever_the_metric(way: Way) -> None:
    pool = make_pool()
    labels = pool.tasks["label"].labels % 2
    pool = replace(pool, tasks={"label": Task("label", ("a", "b"), labels)})
    training = replace(TRAINING, batch_size=64)
    clean = setting_of(way, pool=pool, training=training)
    start = passive(clean, [3], Progress())
    noisy = replace(clean, oracles={"label": NoisyOracle(labels, uniform_confusion(0.3, 2))})
    # With two classes all three give the same order; in one batch the order of rows has no effect.
    found = groups_of(noisy, ["margin", "entropy", "least-confident"], start=start)
    mine = nlls(found["margin"])
    assert nlls(found["entropy"]) == pytest.approx(mine, abs=1e-9)
    assert nlls(found["least-confident"]) == pytest.approx(mine, abs=1e-9)
    truthful = groups_of(clean, ["margin"], start=start)
    assert nlls(truthful["margin"]) != pytest.approx(mine, abs=1e-3)


def test_an_oracle_guided_by_the_beliefs_of_the_model_may_give_partial_answers() -> None:
    truth = SETTING.pool.tasks["label"].labels
    halves = {"first": (0, 1, 2), "second": (3, 4, 5)}
    found = {
        name: groups_of(replace(SETTING, oracles={"label": oracle}), ["margin"])["margin"]
        for name, oracle in (
            ("in full", HierarchicalOracle(truth, halves)),
            ("in part", HierarchicalOracle(truth, halves, max_questions=1)),
        )
    }
    assert found["in full"] == found_at_first()["margin"]
    assert nlls(found["in part"]) != pytest.approx(nlls(found["in full"]), abs=0.01)


def test_a_predicted_loss_is_a_metric_if_the_start_has_a_loss_predictor() -> None:
    setting = setting_of(training=replace(TRAINING, loss_prediction=LossPrediction(width=4)))
    start = passive(setting, [3], Progress())
    found = groups_of(setting, ["learning-loss", "margin"], start=start)
    assert len({r.mean_score for r in found["learning-loss"]}) == 6
    # The auxiliary net leaves the model alone, so that metrics can share a start.
    for mine, other in zip(found["margin"], found_at_first()["margin"], strict=True):
        assert mine.mean_score == pytest.approx(other.mean_score, abs=1e-9)
        assert mine.nll == pytest.approx(other.nll, abs=1e-9)


@pytest.mark.long
def test_each_metric_gets_its_own_committee() -> None:
    setting = setting_of(dropout=0.5)
    names = ("bald", "bald(k=5)", "bald(masks=independent)", "qbc-margin")
    for name in names:
        setting = with_strategy(name, find_strategy(name).strategy, setting)
    together = groups_of(setting, names)
    for name in names:
        assert groups_of(setting, [name])[name] == together[name]
    assert len({tuple(r.mean_score for r in records) for records in together.values()}) == 4


def test_a_metric_sees_no_signal_that_it_has_not_declared() -> None:
    peeking = Strategy(frozenset({"probabilities"}), lambda s: s.true_loss)
    with pytest.raises(ValueError, match="without declaring"):
        groups_of(with_strategy("peeking", peeking), ["ideal-learning-loss", "peeking"])


def test_the_metrics_are_the_strategies_that_score_each_row_by_itself() -> None:
    every = {name: entry.builder() for name, entry in STRATEGIES.items()}
    pointwise = {name for name, each in every.items() if each.is_pointwise and each.asks}
    assert pointwise == {
        "random", "least-confident", "margin", "entropy", "bald", "co-testing",
        "qbc-least-confident", "qbc-margin", "qbc-entropy",
        "learning-loss", "ideal-learning-loss", "reverse-ideal-learning-loss",
    }  # fmt: skip


def test_other_strategies_are_refused_together_with_the_list_of_metrics() -> None:
    names = ["margin", "badge", "core-set", "power-margin"]
    with pytest.raises(UsageError, match="by: badge, core-set, power-margin;") as caught:
        groups_of(metrics=names)
    mend = str(caught.value).split("mend:")[1]
    assert "least-confident, margin, entropy" in mend
    assert "badge" not in mend
    check_metrics({name: SETTING.strategies[name] for name in METRICS})


@pytest.mark.parametrize(
    "options",
    [
        CorrelationOptions(sample_size=100, group_size=40),
        CorrelationOptions(sample_size=10_000, group_size=114),
        CorrelationOptions(group_size=0),
        CorrelationOptions(sample_size=-1),
        CorrelationOptions(most=0),
    ],
)
def test_sizes_that_leave_too_few_groups_are_refused(options: CorrelationOptions) -> None:
    with pytest.raises(UsageError, match="--group-size"):
        groups_of(options=options)


def test_rows_that_do_not_fill_a_group_are_left_out_and_a_small_pool_is_used_up() -> None:
    found = groups_of(metrics=["margin"], options=CorrelationOptions(group_size=113))
    assert [r.n for r in found["margin"]] == [113] * 3  # of 340


def test_a_start_that_diverged_is_refused() -> None:
    with pytest.raises(RunError, match="passive phase of seed 3"):
        groups_of(start=replace(start_of_all(), best=(0,)))


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_a_copy_that_diverges_is_named(way: Way) -> None:
    setting = setting_of(way, training=replace(TRAINING, learning_rate=1e300, optimiser="sgd"))
    with pytest.raises(RunError, match="metric margin, seed 3, group 0"):
        groups_of(setting, ["margin"])


def all_probabilities(signals: Signals) -> torch.Tensor:
    return signals.probabilities


def divided_by_zero(signals: Signals) -> torch.Tensor:
    return 1 / (0 * signals.probabilities[:, 0])


@pytest.mark.parametrize("score", [all_probabilities, divided_by_zero])
def test_a_score_that_is_not_one_finite_number_a_row_is_refused(
    score: Callable[[Signals], torch.Tensor],
) -> None:
    mine = Strategy(frozenset({"probabilities"}), score)
    with pytest.raises(RunError, match="metric mine is not one finite number"):
        groups_of(with_strategy("mine", mine), ["mine"])
