"""Oracles in a study: which labels reach the training, and whose beliefs are used."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor
from toy import make_pool, make_toy_setting

from alsim.experiments.asking import initial_query, labelled_rows
from alsim.experiments.curves.loop import active, begin
from alsim.experiments.curves.recording import answer_texts
from alsim.experiments.curves.records import Round
from alsim.experiments.jobs import Job
from alsim.experiments.passive import passive
from alsim.experiments.progress import Progress
from alsim.experiments.schedule import Schedule
from alsim.experiments.setting import Setting
from alsim.options.engine import Way
from alsim.options.sizes import QuerySize, Until
from alsim.oracle import Answers, HierarchicalOracle, Oracle, OracleTraits, PerfectOracle

TRUTH = make_pool().tasks["label"].labels
GROUPS = {"first": (0, 1, 2), "last": (3, 4, 5)}
JOBS = [Job(0, "margin"), Job(1, "random")]


def setting_with(oracle: Oracle, way: Way = "direct") -> Setting:
    schedule = Schedule(60, QuerySize(15, 15), 2, Until())
    return replace(make_toy_setting(way, schedule=schedule), oracles={"label": oracle})


def run(setting: Setting, jobs: list[Job]) -> dict[Any, Round]:
    groups = [jobs] if setting.way == "lockstep" else [[job] for job in jobs]
    rounds: dict[Any, Round] = {}
    for group in groups:
        start = passive(setting, [job.seed for job in group], Progress())
        position = begin(setting, group, start)
        for advance in active(setting, group, position, Progress()):
            for r, done in advance.rounds.items():
                rounds[(*group[r], advance.step)] = done
    return rounds


@pytest.mark.long
def test_asking_until_the_class_is_known_changes_only_the_cost() -> None:
    perfect = run(setting_with(PerfectOracle(TRUTH)), JOBS)
    asked = run(setting_with(HierarchicalOracle(TRUTH, GROUPS)), JOBS)
    assert asked.keys() == perfect.keys()
    for key, done in asked.items():
        assert done.metrics == perfect[key].metrics
        assert done.step.nll == perfect[key].step.nll
        assert [q.answer for q in done.queries] == [q.answer for q in perfect[key].queries]
        assert done.step.n_questions == done.step.cost > done.step.n_labelled


@dataclass(frozen=True, eq=False)
class Listener:
    """A perfect oracle that records the beliefs it receives."""

    wants_beliefs: bool
    heard: list[tuple[Tensor, Tensor | None]] = field(default_factory=list)

    @property
    def traits(self) -> OracleTraits:
        return OracleTraits(self.wants_beliefs)

    def __call__(
        self, rows: Tensor, *, beliefs: Tensor | None, generator: torch.Generator
    ) -> Answers:
        self.heard.append((rows, beliefs))
        return PerfectOracle(TRUTH)(rows, beliefs=beliefs, generator=generator)


@pytest.mark.long
@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_the_oracle_receives_the_beliefs_of_its_own_replica(way: Way) -> None:
    oracle = Listener(wants_beliefs=True)
    jobs = [Job(0, "margin"), Job(1, "margin")]
    rounds = run(setting_with(oracle, way), jobs)
    heard = [(rows, beliefs) for rows, beliefs in oracle.heard if beliefs is not None]
    assert len(heard) == 2 * 2
    scores = [
        [q.score for q in rounds[*job, step].queries]
        for job, step in (
            [(job, step) for step in (1, 2) for job in jobs]
            if way == "lockstep"
            else [(job, step) for job in jobs for step in (1, 2)]
        )
    ]
    for (rows, beliefs), mine in zip(heard, scores, strict=True):
        assert beliefs.shape == (len(rows), 6)
        best, second = beliefs.sort(1, descending=True).values[:, :2].unbind(1)
        # Margin scores are minus the margin of the same probabilities.
        assert (second - best).tolist() == pytest.approx(mine, abs=1e-9)


@pytest.mark.long
def test_an_oracle_that_needs_no_beliefs_receives_none() -> None:
    oracle = Listener(wants_beliefs=False)
    run(setting_with(oracle), [JOBS[0]])
    assert all(beliefs is None for _, beliefs in oracle.heard)


def test_the_first_labels_are_asked_for_without_beliefs() -> None:
    oracle = Listener(wants_beliefs=True)
    initial_query(setting_with(oracle), 0)
    assert [beliefs for _, beliefs in oracle.heard] == [None]


def test_only_an_oracle_with_partial_answers_passes_sets_to_the_training() -> None:
    for limit in (None, 2):
        setting = setting_with(HierarchicalOracle(TRUTH, GROUPS, limit))
        query = initial_query(setting, 0)
        rows = query.rows
        labels = labelled_rows(setting, [query]).labels["label"]
        if limit is None:
            assert torch.equal(labels[0], TRUTH[rows])
        else:
            assert labels.dtype == torch.bool
            assert labels.shape == (1, 60, 6)
            assert labels[0, torch.arange(60), TRUTH[rows]].all()
            assert labels.sum(2).max() > 1


@pytest.mark.long
@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_partial_answers_let_the_model_learn_classes(way: Way) -> None:
    rounds = run(setting_with(HierarchicalOracle(TRUTH, GROUPS, 2), way), JOBS)
    for job in JOBS:
        last = rounds[*job, 2]
        assert last.step.n_questions == 2 * last.step.n_labelled == 2 * 90
        assert any(" | " in q.answer for q in last.queries)
        assert last.step.accuracy > 0.45  # the groups alone would allow one third


@pytest.mark.long
def test_training_on_sets_of_one_class_equals_training_on_classes() -> None:
    named, sets = (
        run(setting_with(HierarchicalOracle(TRUTH, GROUPS, limit)), [JOBS[0]])
        for limit in (None, 3)
    )
    for key, done in sets.items():
        assert [q.answer for q in done.queries] == [q.answer for q in named[key].queries]
        assert done.step.nll == pytest.approx(named[key].step.nll, abs=1e-9)


def test_a_set_is_named_by_its_group_or_by_its_classes() -> None:
    possible = torch.tensor([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1], [1, 1, 1, 1]]).bool()
    answers = Answers(
        torch.tensor([-1, -1, 3, -1]), torch.ones(4), torch.ones(4, dtype=torch.int64), possible
    )
    names = {frozenset({0, 1}): "pair", frozenset({3}): "own"}
    assert answer_texts(answers, "abcd", names) == ["pair", "a | c", "d", "a | b | c | d"]
