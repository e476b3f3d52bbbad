"""The control: no query, the same steps, and the same epochs on the first labels alone."""

from collections.abc import Sequence

import pytest
import torch
from toy import make_toy_setting

from alsim.experiments.asking import initial_query, labelled_rows
from alsim.experiments.curves.loop import Advance, active, begin
from alsim.experiments.curves.position import Position
from alsim.experiments.jobs import Job
from alsim.experiments.passive import passive
from alsim.experiments.progress import Progress
from alsim.experiments.schedule import Schedule
from alsim.experiments.setting import Setting, fit_streams, fresh_replicas
from alsim.options.engine import Way
from alsim.options.sizes import QuerySize, Until
from alsim.seeding import stream
from alsim.strategies import Strategy, query
from alsim.testing import check_strategy, make_rows
from alsim.training.fit import fit_epochs

CONTROLS = [Job(0, "control"), Job(1, "control")]
SILENT = Strategy(asks=False, select=lambda candidates, k, *, generator: torch.zeros(k).long())


def advances(setting: Setting, jobs: Sequence[Job]) -> list[Advance]:
    start = passive(setting, [job.seed for job in jobs], Progress())
    return list(active(setting, jobs, begin(setting, jobs, start), Progress()))


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_it_takes_every_planned_step_and_asks_for_nothing(way: Way) -> None:
    setting = make_toy_setting(way)
    jobs = CONTROLS if way == "lockstep" else CONTROLS[:1]
    found = advances(setting, jobs)
    assert [advance.step for advance in found] == [0, 1, 2, 3, 4]
    for advance in found:
        for done in advance.rounds.values():
            assert (done.step.n_labelled, done.step.cost, done.step.n_questions) == (60, 60, 60)
            assert len(done.queries) == (60 if advance.step == 0 else 0)


def test_its_net_is_the_one_fine_tuned_on_the_first_labels_by_the_streams_of_the_steps() -> None:
    setting = make_toy_setting()
    last = advances(setting, CONTROLS[:1])[-1]
    twin = fresh_replicas(setting, [0], "init")
    twin.load(passive(setting, [0], Progress()).state)
    first = labelled_rows(setting, [initial_query(setting, 0)])
    for step in range(1, 5):
        fit_epochs(
            twin, setting.features, first, setting.training, n_classes=setting.n_classes,
            streams=fit_streams(setting.features.device, [0], "round", step),
        )  # fmt: skip
    (expected,) = setting.evaluator.evaluate(twin)
    assert last.rounds[0].step.nll == expected.mean("nll")


def test_it_goes_on_from_a_checkpoint_of_any_step() -> None:
    setting = make_toy_setting()
    whole = advances(setting, CONTROLS[:1])
    start = passive(setting, [0], Progress())
    steps = active(setting, CONTROLS[:1], begin(setting, CONTROLS[:1], start), Progress())
    kept = next(advance for advance in steps if advance.step == 2).position()
    again = Position.from_tensors(2, kept.to_tensors())
    rest = list(active(setting, CONTROLS[:1], again, Progress()))
    assert [a.rounds for a in rest] == [a.rounds for a in whole[2:]]


@pytest.mark.parametrize(
    ("schedule", "n"),
    [
        (Schedule(60, QuerySize(15, 15), 100, Until("labels", 100)), 3),
        (Schedule(300, QuerySize(40, 40), 100, Until("exhausted")), 3),
        (Schedule(60, QuerySize(15, 15), 5, Until("budget"), budget=1000), 5),
    ],
)
def test_it_ends_at_the_step_where_the_others_are_planned_to_end(
    schedule: Schedule, n: int
) -> None:
    found = advances(make_toy_setting(schedule=schedule), CONTROLS[:1])
    assert len(found) - 1 == n == schedule.planned_steps(400)


def test_it_does_not_go_along_with_those_that_query() -> None:
    setting = make_toy_setting("lockstep")
    with pytest.raises(ValueError, match="too many values"):
        advances(setting, [Job(0, "control"), Job(1, "margin")])


def test_what_queries_nothing_is_exempt_from_the_contract_of_queries() -> None:
    check_strategy(SILENT)
    with pytest.raises(ValueError, match="not 9 distinct"):  # the contract would have failed
        query(SILENT, make_rows(SILENT).candidates(SILENT), 9, generator=stream(0, "query"))
