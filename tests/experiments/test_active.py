"""The loop: the same start for every strategy, paired seeds, records that add up."""

import math
from dataclasses import replace
from functools import cache

import pytest
import torch
from toy import make_pool, make_toy_setting

from alsim.experiments.curves.loop import Advance, active, begin
from alsim.experiments.curves.position import Position
from alsim.experiments.curves.records import Round
from alsim.experiments.jobs import Job
from alsim.experiments.passive import Passive, passive
from alsim.experiments.progress import Progress
from alsim.experiments.schedule import Schedule
from alsim.experiments.setting import Setting
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.sizes import QuerySize, Until
from alsim.options.training import TrainingOptions
from alsim.pool.pool import Pool, Task
from alsim.training.state import ReplicaState

Rounds = dict[tuple[int, str, int], Round]


def run(setting: Setting, jobs: list[Job]) -> Rounds:
    """Run the jobs in the way of the setting: all at once, or one by one."""
    seeds = sorted({job.seed for job in jobs})
    groups = [jobs] if setting.way == "lockstep" else [[job] for job in jobs]
    rounds: Rounds = {}
    for group in groups:
        of_group = seeds if setting.way == "lockstep" else [group[0].seed]
        start = passive(setting, of_group, Progress()).pick([of_group.index(j.seed) for j in group])
        for advance in active(setting, group, begin(setting, group, start), Progress()):
            for r, done in advance.rounds.items():
                rounds[(*group[r], advance.step)] = done
    return rounds


JOBS = [Job(seed, name) for seed in (0, 1) for name in ("random", "margin")]


@cache
def direct() -> Rounds:
    """Return the reference: each job run by itself."""
    return run(make_toy_setting("direct"), JOBS)


def ids(rounds: Rounds, seed: int, strategy: str, step: int) -> list[str | int]:
    return [query.id for query in rounds[seed, strategy, step].queries]


@pytest.mark.long
def test_every_strategy_of_a_seed_starts_from_the_same_labels_and_accuracy() -> None:
    for seed in (0, 1):
        assert ids(direct(), seed, "random", 0) == ids(direct(), seed, "margin", 0)
        first = [direct()[seed, name, 0].step for name in ("random", "margin")]
        assert first[0].nll == first[1].nll
    assert ids(direct(), 0, "random", 0) != ids(direct(), 1, "random", 0)


def test_labels_add_up_and_queries_are_distinct_training_rows() -> None:
    train = set(make_pool().ids.to_pylist()[:400])
    for seed, strategy in JOBS:
        seen: list[str | int] = []
        for step in range(5):
            done = direct()[seed, strategy, step]
            seen += ids(direct(), seed, strategy, step)
            assert done.step.n_labelled == len(seen) == done.step.cost
            assert [query.rank for query in done.queries] == list(range(len(done.queries)))
        assert len(set(seen)) == len(seen) == 60 + 4 * 15
        assert set(seen) <= train


def test_answers_are_the_classes_of_the_rows() -> None:
    pool = make_pool()
    truth = dict(zip(pool.ids.to_pylist(), pool.tasks["label"].labels.tolist(), strict=True))
    for done in direct().values():
        assert all(query.answer == "abcdef"[truth[query.id]] for query in done.queries)


def test_only_initial_labels_lack_a_score_and_queries_come_best_first() -> None:
    for (_, strategy, step), done in direct().items():
        scores = [query.score for query in done.queries]
        assert (None in scores) == (step == 0)
        if step and strategy == "margin":
            assert scores == sorted(scores, reverse=True)
            assert all(-1 <= score <= 0 for score in scores)


@pytest.mark.long
def test_lockstep_gives_the_same_study_as_one_replica_at_a_time() -> None:
    lockstep = run(make_toy_setting("lockstep"), JOBS)
    assert lockstep.keys() == direct().keys()
    for key, done in direct().items():
        assert [q.id for q in lockstep[key].queries] == [q.id for q in done.queries]
        assert lockstep[key].step.nll == pytest.approx(done.step.nll, abs=1e-9)


@pytest.mark.long
def test_the_numbers_of_a_seed_do_not_change_when_others_run_with_it() -> None:
    alone = run(make_toy_setting("direct"), [Job(1, "margin")])
    assert all(direct()[key] == done for key, done in alone.items())
    lockstep = make_toy_setting("lockstep", training=TrainingOptions(batch_size=32, max_epochs=5))
    pair = run(lockstep, [Job(1, "margin")])
    four = run(lockstep, JOBS)
    assert all(four[key] == done for key, done in pair.items())


def test_the_order_of_the_rows_and_the_names_of_the_classes_change_no_query() -> None:
    # Rows of a pool are in id order, so only the classes can still be permuted.
    pool = make_pool()
    task = pool.tasks["label"]
    turned = replace(
        pool, tasks={"label": Task("label", tuple(reversed(task.classes)), 5 - task.labels)}
    )
    # Initial weights would move with their class, so a strategy that ignores them is used.
    rounds = run(make_toy_setting(pool=turned), [Job(0, "random")])
    for step in range(5):
        assert ids(rounds, 0, "random", step) == ids(direct(), 0, "random", step)
        answers = [query.answer for query in rounds[0, "random", step].queries]
        assert answers == [q.answer for q in direct()[0, "random", step].queries]


def test_accuracy_is_reported_for_every_head_and_pattern_and_agrees_with_the_total() -> None:
    pool = make_pool()
    present = pool.present[500:]
    n_of = {
        "image+text": int((present[:, 0] & present[:, 1]).sum()),
        "image": int((present[:, 0] & ~present[:, 1]).sum()),
        "text": int((~present[:, 0] & present[:, 1]).sum()),
        "none": int((~present[:, 0] & ~present[:, 1]).sum()),
    }
    done = direct()[0, "margin", 4]
    value = {(m.head, m.modalities, m.metric): m.value for m in done.metrics if m.label is None}
    mixed = sum(n * value["mixed", pattern, "accuracy"] for pattern, n in n_of.items()) / 200
    assert mixed == pytest.approx(done.step.accuracy)
    assert value["mixed", "all", "accuracy"] == pytest.approx(done.step.accuracy)
    n_text = n_of["image+text"] + n_of["text"]
    text = sum(n_of[p] * value["text", p, "accuracy"] for p in ("image+text", "text")) / n_text
    assert value["text", "all", "accuracy"] == pytest.approx(text)
    assert ("text", "image", "accuracy") not in value
    assert {h for h, _, metric in value if metric == "sigma"} == {"mixed", "image", "text"}


def test_recalls_of_the_classes_agree_with_the_overall_measures() -> None:
    pool = make_pool()
    n_of = dict(zip("abcdef", pool.tasks["label"].labels[500:].bincount().tolist(), strict=True))
    assert len(set(n_of.values())) > 3  # so that no class can be mistaken for another
    for done in direct().values():
        recalls = {m.label: m.value for m in done.metrics if m.metric == "recall"}
        assert list(recalls) == list("abcdef")
        weighed = sum(n * recalls[label] for label, n in n_of.items()) / 200
        assert weighed == pytest.approx(done.step.accuracy, abs=1e-12)
        assert sum(recalls.values()) / 6 == pytest.approx(done.step.balanced_accuracy, abs=1e-12)
        for label, n in n_of.items():
            assert n * recalls[label] == pytest.approx(round(n * recalls[label]), abs=1e-9)


def test_a_class_without_an_evaluated_row_has_no_recall() -> None:
    pool = make_pool()
    labels = pool.tasks["label"].labels.clone()
    labels[500:][labels[500:] == 2] = 3
    merged = replace(pool, tasks={"label": Task("label", tuple("abcdef"), labels)})
    rounds = run(make_toy_setting(pool=merged), [Job(0, "margin")])
    for done in rounds.values():
        found = [m for m in done.metrics if m.label is not None]
        assert [m.label for m in found] == list("abdef")
        assert {(m.task, m.head, m.modalities, m.metric) for m in found} == {
            ("label", "mixed", "all", "recall")
        }


def test_test_labels_do_not_affect_training_or_queries() -> None:
    pool = make_pool()
    labels = pool.tasks["label"].labels.clone()
    labels[500:] = (labels[500:] + 1) % 6
    garbled = replace(pool, tasks={"label": Task("label", tuple("abcdef"), labels)})
    rounds = run(make_toy_setting(pool=garbled), [Job(0, "margin")])
    for step in range(5):
        assert ids(rounds, 0, "margin", step) == ids(direct(), 0, "margin", step)
    assert rounds[0, "margin", 4].step.accuracy != direct()[0, "margin", 4].step.accuracy


@pytest.mark.long
def test_labels_of_unlabelled_rows_have_no_effect_before_they_are_queried() -> None:
    pool = make_pool()
    asked = {row for step in range(5) for row in ids(direct(), 0, "margin", step)}
    labels = pool.tasks["label"].labels.clone()
    for row, name in enumerate(pool.ids.to_pylist()[:400]):
        if name not in asked:
            labels[row] = (labels[row] + 1) % 6
    garbled = replace(pool, tasks={"label": Task("label", tuple("abcdef"), labels)})
    rounds = run(make_toy_setting(pool=garbled), [Job(0, "margin")])
    assert all(rounds[0, "margin", step] == direct()[0, "margin", step] for step in range(5))


@pytest.mark.long
@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_a_run_until_exhausted_labels_every_training_row(way: str) -> None:
    schedule = Schedule(60, QuerySize(90, 90), 2, Until("exhausted"))
    rounds = run(make_toy_setting(way, schedule=schedule), [Job(0, "margin")])  # pyright: ignore[reportArgumentType]
    last = max(rounds)
    assert [rounds[0, "margin", s].step.n_labelled for s in range(last[2] + 1)] == [
        60, 150, 240, 330, 400,
    ]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_a_run_until_an_accuracy_ends_each_replica_at_its_own_step(way: str) -> None:
    base = Schedule(60, QuerySize(20, 20), 8, Until())
    setting = make_toy_setting(way, schedule=base)  # pyright: ignore[reportArgumentType]
    jobs = [Job(0, "random"), Job(0, "margin"), Job(1, "margin")]
    full = run(setting, jobs)
    stopped = run(replace(setting, schedule=replace(base, until=Until("accuracy", 0.75))), jobs)
    last = {job: max(step for *key, step in stopped if tuple(key) == job) for job in jobs}
    assert min(last.values()) < 8
    assert len(set(last.values())) > 1
    assert all(full[key] == done for key, done in stopped.items())


@pytest.mark.long
def test_retraining_starts_each_step_from_fresh_weights() -> None:
    training = TrainingOptions(batch_size=32, max_epochs=3, precision="float64", retrain=True)
    rounds = run(make_toy_setting(training=training), [Job(0, "random")])
    fewer = Schedule(60, QuerySize(30, 30), 2, Until())
    other = run(make_toy_setting(training=training, schedule=fewer), [Job(0, "random")])
    # Retraining depends only on the labels and the streams of the step.
    assert rounds[0, "random", 0] == other[0, "random", 0]
    assert rounds[0, "random", 2].step.n_labelled == other[0, "random", 1].step.n_labelled
    assert rounds[0, "random", 2].step.nll != other[0, "random", 1].step.nll
    warm = replace(training, retrain=False)
    again = run(make_toy_setting(training=warm), [Job(0, "random")])
    assert again[0, "random", 1].step.nll != rounds[0, "random", 1].step.nll


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_a_seed_whose_passive_phase_diverges_has_no_start(way: Way) -> None:
    training = TrainingOptions(batch_size=32, max_epochs=2, learning_rate=1e30, loss="sum")
    setting = make_toy_setting(way, training=training)
    start = passive(setting, [7], Progress())
    assert start.alive == (False,)
    advances = list(active(setting, JOBS[:1], begin(setting, JOBS[:1], start), Progress()))
    assert [advance.rounds for advance in advances] == [{}]


@pytest.mark.long
def test_a_replica_that_diverges_ends_alone_and_the_others_are_unaffected() -> None:
    setting = make_toy_setting("lockstep")
    start = passive(setting, [0, 1], Progress()).pick([0, 1, 0, 1])
    jobs = [Job(0, "random"), Job(1, "random"), Job(0, "margin"), Job(1, "margin")]
    whole = list(active(setting, jobs, begin(setting, jobs, start), Progress()))
    lost: list[tuple[int, int]] = []
    rounds: list[dict[int, Round]] = []
    for advance in active(setting, jobs, begin(setting, jobs, poisoned(start, 2)), Progress()):
        lost += [(advance.step, r) for r in advance.diverged]
        rounds.append(dict(advance.rounds))
    assert lost == [(0, 2)]
    assert [set(found) for found in rounds] == [{0, 1, 3}] * 5
    for found, expected in zip(rounds, whole, strict=True):
        assert found == {r: done for r, done in expected.rounds.items() if r != 2}


def poisoned(start: Passive, replica: int) -> Passive:
    """Return the start with the weights of one replica set to NaN, as after divergence."""
    tensors = {
        name: tensor.clone().index_fill_(0, torch.tensor([replica]), math.nan)
        if name.startswith("parameters/")
        else tensor
        for name, tensor in start.state.to_tensors().items()
    }
    return replace(start, state=ReplicaState.from_tensors(tensors))


@pytest.mark.long
@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_resuming_from_any_step_gives_bit_identical_rounds(way: Way) -> None:
    setting = make_toy_setting(way)
    jobs = JOBS if way == "lockstep" else JOBS[3:]
    seeds = [job.seed for job in jobs]
    start = passive(setting, seeds, Progress())
    whole: list[Advance] = []
    positions: list[dict[str, torch.Tensor]] = []
    for advance in active(setting, jobs, begin(setting, jobs, start), Progress()):
        whole.append(advance)
        positions.append(advance.position().to_tensors())
    for step, tensors in enumerate(positions):
        position = Position.from_tensors(step, tensors)
        again = list(active(setting, jobs, position, Progress()))
        assert [a.rounds for a in again] == [a.rounds for a in whole[step:]]


@pytest.mark.long
def test_resuming_is_exact_for_every_model_and_a_pool_of_one_modality() -> None:
    pool = make_pool()
    single = Pool(
        "one",
        {"text": pool.modalities["text"]},
        pool.present[:, 1:],
        pool.tasks,
        pool.splits,
        pool.ids,
    )
    for name in ("three-head", "mlp", "linear"):
        model = ModelOptions(name=name, width=8)
        rounds = run(make_toy_setting(pool=single, model=model), [Job(0, "random")])
        assert rounds[0, "random", 4].step.accuracy > 2 / 6
        assert torch.isfinite(torch.tensor(rounds[0, "random", 4].step.nll))
