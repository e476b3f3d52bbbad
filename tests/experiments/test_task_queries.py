"""Queries in pools with several tasks: what is queried, its cost, and its training labels."""

from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import groupby

import pytest
import torch
from torch import Tensor
from toy import make_pool, make_toy_setting
from toy_queries import PRICES, Rounds, asked, make_queried_pool, make_queries_setting, run

from alsim.experiments.asking import ask, initial_query, labelled_rows
from alsim.experiments.cells import merged, open_cells
from alsim.experiments.curves.loop import active, begin
from alsim.experiments.curves.picking import Options, pick
from alsim.experiments.curves.position import Position
from alsim.experiments.curves.querying import query_round
from alsim.experiments.curves.records import Round
from alsim.experiments.jobs import Job
from alsim.experiments.passive import passive
from alsim.experiments.progress import Progress
from alsim.experiments.schedule import Schedule
from alsim.experiments.setting import Setting, fresh_replicas
from alsim.options.curves import Unit
from alsim.options.sizes import QuerySize, Until
from alsim.options.training import TrainingOptions
from alsim.pool.pool import Pool
from alsim.seeding import stream
from alsim.training.batching import batch_sizes
from alsim.training.fit import Labelled
from alsim.training.state import ReplicaState

POOL = make_queried_pool()
IDS = POOL.ids.to_pylist()
KNOWN = {
    (IDS[row], name): task.classes[task.labels[row]]
    for name, task in POOL.tasks.items()
    for row in POOL.splits["train"]
    if task.labels[row] >= 0
}
RULES = ("mean", "max", "rank-sum", "rrf", "alternating", "quotas")
NAMES = ("random", *(f"margin(combine={rule})" for rule in RULES), "badge(combine=quotas)")
JOBS = [Job(0, name) for name in NAMES]
UNITS = pytest.mark.parametrize("unit", ["object", "cell"])


@cache
def rounds_of(unit: Unit) -> Rounds:
    return run(make_queries_setting(NAMES, unit, read_price=2.0), JOBS)


@pytest.mark.long
@UNITS
@pytest.mark.parametrize("job", JOBS)
def test_each_known_cell_is_queried_at_most_once_and_answered_correctly(
    unit: Unit, job: Job
) -> None:
    queries = asked(rounds_of(unit), job)
    cells = [(query.id, query.task) for query in queries]
    assert len(set(cells)) == len(cells)
    assert all(KNOWN[cell] == q.answer for cell, q in zip(cells, queries, strict=True))


@UNITS
@pytest.mark.parametrize("job", JOBS)
def test_labels_count_units_and_each_query_has_its_size(unit: Unit, job: Job) -> None:
    n = 0
    for step in range(4):
        done = rounds_of(unit)[*job, step]
        ranks = [query.rank for query in done.queries]
        assert sorted(set(ranks)) == list(range(40 if step == 0 else 11))
        assert ranks == sorted(ranks)
        n += len(set(ranks))
        assert done.step.n_labelled == n
        if unit == "cell":
            assert len(ranks) == len(set(ranks))


@pytest.mark.parametrize("job", JOBS)
def test_a_queried_object_brings_all_of_its_known_labels_at_once(job: Job) -> None:
    for step in range(4):
        done = rounds_of("object")[*job, step]
        for _, of_rank in groupby(done.queries, lambda query: query.rank):
            queries = list(of_rank)
            assert len({query.id for query in queries}) == 1
            expected = [name for name in POOL.tasks if (queries[0].id, name) in KNOWN]
            assert [query.task for query in queries] == expected
            assert len({query.score for query in queries}) == 1


@UNITS
@pytest.mark.parametrize("job", JOBS)
def test_reading_an_object_is_paid_once_ever_and_each_label_at_the_price_of_its_task(
    unit: Unit, job: Job
) -> None:
    read: set[str | int] = set()
    total = 0.0
    n_questions = 0
    for step in range(4):
        done = rounds_of(unit)[*job, step]
        for query in done.queries:
            expected = PRICES[query.task] + (0 if query.id in read else 2)
            assert query.cost == expected
            read.add(query.id)
            total += expected
            n_questions += query.questions
        assert done.step.cost == pytest.approx(total, abs=1e-9)
        assert done.step.n_questions == n_questions
    if unit == "cell":
        again = Counter(query.id for query in asked(rounds_of(unit), job))
        assert max(again.values()) > 1  # an object that was paid for before


def test_by_cells_an_object_twice_in_one_query_is_read_once() -> None:
    setting = make_queries_setting(unit="cell", read_price=2.0)
    row = next(r for r in range(400) if all((IDS[r], task) in KNOWN for task in PRICES))
    other = next(r for r in range(400) if (IDS[r], "late") in KNOWN and r != row)
    rows = torch.tensor([row, other, row])
    cells = torch.tensor([[False, False, True], [False, True, False], [True, False, False]])
    costs = {}
    for seen in ([], [row], [other]):
        answers = ask(
            setting, rows, cells, seen=torch.tensor(seen, dtype=torch.int64), beliefs=None,
            generator=stream(0, "ask"),
        )  # fmt: skip
        costs[tuple(seen)] = [sum(float(a.costs[i]) for a in answers.values()) for i in range(3)]
    assert costs == {
        (): [4 + 2, 0.5 + 2, 1],
        (row,): [4, 0.5 + 2, 1],
        (other,): [4 + 2, 0.5, 1],
    }


@UNITS
def test_every_seed_has_equally_many_initial_labels_and_the_last_object_may_be_partial(
    unit: Unit,
) -> None:
    setting = make_queries_setting(unit=unit)
    partly = set[int]()
    for seed in range(30):
        queried = initial_query(setting, seed)
        assert len(queried.rows) == 40
        assert (setting.known[queried.rows] & queried.cells).equal(queried.cells)
        if unit == "object":
            assert queried.cells.equal(setting.known[queried.rows])
            continue
        assert (queried.cells.sum(1) == 1).all()
        counts = Counter(queried.rows.tolist())
        lacking = [row for row, n in counts.items() if n < int(setting.known[row].sum())]
        assert lacking in ([], [int(queried.rows[-1])])
        partly.update(int(task) for row in lacking for task in
                      queried.cells[queried.rows == row].any(0).nonzero()[:, 0])  # fmt: skip
    assert unit == "object" or partly == {0, 1, 2}  # no task is favoured


def test_random_draws_uniformly_over_units_whatever_the_rule() -> None:
    n_runs = 400
    schedule = Schedule(40, QuerySize(60, 60), 1, Until())
    for unit, name in (("object", "random(combine=quotas)"), ("cell", "random(combine=rrf)")):
        setting = make_queries_setting((name,), unit, schedule=schedule)
        start = passive(setting, [0], Progress())
        position = begin(setting, [Job(0, name)], start)
        can_ask = open_cells(setting.known, setting.oracles, position.labelled, unit)[0]
        counts = torch.zeros(can_ask.shape)
        rows = can_ask.any(1).nonzero()[:, 0]
        options = Options(rows, can_ask[rows], unit)
        for i in range(n_runs):
            picked = pick(
                setting.strategies[name], options, {}, 60, step=1, generator=stream(i, "uniform")
            )
            counts.index_put_((picked.rows,), picked.cells.float(), accumulate=True)
        n_units = int(can_ask.any(1).sum() if unit == "object" else can_ask.sum())
        drawn = counts.amax(1)[can_ask.any(1)] if unit == "object" else counts[can_ask]
        assert drawn.sum() == 60 * n_runs
        p = 60 / n_units
        deviation = (n_runs * p * (1 - p)) ** 0.5
        # χ² over n cells, divided by its degrees of freedom: mean 1, deviation √(2/n).
        chi = ((drawn - n_runs * p) / deviation).square().mean().item()
        assert abs(chi - 1) < 5 * (2 / n_units) ** 0.5


def margins_at_first(setting: Setting, job: Job) -> tuple[Tensor, Tensor]:
    """Return the negative margins, `(400, 3)`, after the passive phase, and the open cells."""
    start = passive(setting, [job.seed], Progress())
    replicas = fresh_replicas(setting, [job.seed], "init")
    replicas.load(start.state)
    logits = replicas.outputs(setting.features.span(0, 400)).logits
    best = [torch.softmax(logits[task]["mixed"][0], 1).topk(2, 1).values for task in PRICES]
    scores = torch.stack([b[:, 1] - b[:, 0] for b in best], 1)
    queried = initial_query(setting, job.seed)
    is_open = setting.known[:400].clone()
    for row, cells in zip(queried.rows.tolist(), queried.cells, strict=True):
        is_open[row] &= ~(torch.ones(3, dtype=torch.bool) if setting.unit == "object" else cells)
    return scores, is_open


@UNITS
@pytest.mark.parametrize("rule", RULES[:4])
def test_the_query_equals_that_of_loops_over_objects_and_tasks(unit: Unit, rule: str) -> None:
    job = Job(0, f"margin(combine={rule})")
    scores, is_open = margins_at_first(make_queries_setting((job.strategy,), unit), job)
    values: dict[tuple[int, int], float] = {}
    for task in range(3):
        mine = [scores[row, task].item() for row in range(400) if is_open[row, task]]
        for row in range(400):
            if is_open[row, task]:
                score = scores[row, task].item()
                n_above = sum(other > score for other in mine)
                values[row, task] = {
                    "rank-sum": (len(mine) - n_above - 0.5) / len(mine),
                    "rrf": 1 / (60 + n_above + 1),
                }.get(rule, score)
    if unit == "object":
        of_row = {row: [v for (r, _), v in values.items() if r == row] for row, _ in values}
        best = {
            (row, 0): {"max": max(v), "rrf": sum(v)}.get(rule, sum(v) / len(v))
            for row, v in of_row.items()
        }
    else:
        best = values
    expected = sorted(best.values(), reverse=True)[:11]
    queries = rounds_of(unit)[*job, 1].queries
    queried = {query.rank: query.score for query in queries}
    assert list(queried.values()) == pytest.approx(expected, abs=1e-9)
    for query in queries:
        task = list(PRICES).index(query.task) if unit == "cell" else 0
        assert best[IDS.index(query.id), task] == pytest.approx(query.score, abs=1e-9)


@UNITS
@pytest.mark.parametrize("rule", RULES[4:])
def test_tasks_in_turn_query_the_best_of_what_is_left(unit: Unit, rule: str) -> None:
    job = Job(0, f"margin(combine={rule})")
    scores, is_open = margins_at_first(make_queries_setting((job.strategy,), unit), job)
    expected: list[tuple[str, float]] = []
    # At step 1 the second task begins; of 11 the quotas are 4, 4 and 3.
    for task, n in {"alternating": [(1, 11)], "quotas": [(1, 4), (2, 4), (0, 3)]}[rule]:
        rows = [row for row in range(400) if is_open[row, task]]
        for row in sorted(rows, key=lambda row: -scores[row, task].item())[:n]:
            expected.append((IDS[row], scores[row, task].item()))
            is_open[row] &= (torch.arange(3) != task) if unit == "cell" else False
    queried = {q.rank: (q.id, q.score) for q in rounds_of(unit)[*job, 1].queries}
    assert [id_ for id_, _ in queried.values()] == [id_ for id_, _ in expected]
    found = [score for _, score in queried.values()]
    assert found == pytest.approx([score for _, score in expected], abs=1e-9)


TURNED = (2, 0, 1)  # which of the tasks comes first, second and third


def turned_state(state: ReplicaState) -> ReplicaState:
    """Return the nets of three tasks with the tasks in another order."""

    def turned(name: str) -> str:
        head, dot, rest = name.removeprefix("model.heads.").partition(".")
        is_head = name.startswith("model.heads.") and dot
        return f"model.heads.{TURNED[int(head)]}.{rest}" if is_head else name

    flat = state.to_tensors()
    parts = {name: name.rpartition("/") for name in flat}
    return ReplicaState.from_tensors(
        {
            name: flat[f"{folder}{slash}{turned(last)}"]
            for name, (folder, slash, last) in parts.items()
        }
    )


@UNITS
@pytest.mark.parametrize("rule", RULES[:4])
def test_the_order_of_the_tasks_does_not_affect_the_query(unit: Unit, rule: str) -> None:
    names = list(POOL.tasks)
    other = replace(POOL, tasks={names[i]: POOL.tasks[names[i]] for i in TURNED})
    job = Job(0, f"margin(combine={rule})")
    found: list[set[tuple[int, str]]] = []
    for pool in (POOL, other):
        setting = make_queries_setting((job.strategy,), unit, pool=pool)
        state = fresh_replicas(make_queries_setting(unit=unit), [0], "init").state()
        replicas = fresh_replicas(setting, [0], "init")
        replicas.load(state if pool is POOL else turned_state(state))
        rows = torch.arange(0, 90, 3).unsqueeze(0)
        known = {
            name: torch.where(setting.known[rows[0], i], task.labels[rows[0]], -1).unsqueeze(0)
            for i, (name, task) in enumerate(pool.tasks.items())
        }
        queried = query_round(
            setting, replicas, [job], Labelled(rows, known), [True], step=1, size=30
        )[0]  # fmt: skip
        assert queried.scores is not None
        # Rows without any modality have equal scores; some of the last ones may be left.
        above = queried.scores > queried.scores.min()
        pairs = queried.cells.nonzero().tolist()
        found.append({(int(queried.rows[i]), list(pool.tasks)[j]) for i, j in pairs if above[i]})
    assert found[0] == found[1]
    assert len(found[0]) > 20


def test_by_cells_an_object_is_one_training_row_with_its_known_labels() -> None:
    rows = torch.tensor([[5, 3, 5, 9, 3]])
    labels = {
        "a": torch.tensor([[2, -1, -1, 0, 1]]),
        "b": torch.tensor([[-1, 4, 3, -1, -1]]),
    }
    found = merged(Labelled(rows, labels))
    assert found.rows.tolist() == [[3, 5, 9]]
    assert {task: y.tolist() for task, y in found.labels.items()} == {
        "a": [[1, 2, 0]],
        "b": [[4, 3, -1]],
    }


@UNITS
def test_open_cells_are_those_not_queried_yet(unit: Unit) -> None:
    setting = make_queries_setting(unit=unit)
    queried = initial_query(setting, 2)
    labelled = labelled_rows(setting, [queried])
    found = open_cells(setting.known, setting.oracles, labelled, unit)[0]
    gone = {
        (int(row), task)
        for row, cells in zip(queried.rows, queried.cells, strict=True)
        for task in range(3)
        if unit == "object" or cells[task]
    }
    for row in range(POOL.n):
        for task, name in enumerate(PRICES):
            is_open = (IDS[row], name) in KNOWN and (row, task) not in gone
            assert bool(found[row, task]) == is_open


@pytest.mark.long
def test_queries_for_one_task_do_not_depend_on_other_tasks() -> None:
    alone = make_pool()
    several = replace(alone, tasks={**alone.tasks, "more": POOL.tasks["late"]})
    job = Job(0, "margin")
    plain, chosen = (
        run(
            replace(
                make_toy_setting(pool=pool), schedule=Schedule(60, QuerySize(15, 15), 2, Until())
            ),
            [job],
        )
        for pool in (alone, several)
    )
    assert plain == chosen


def test_steps_record_the_mean_over_tasks_and_metrics_record_each_task() -> None:
    done = rounds_of("object")[*JOBS[1], 3]
    value = {
        (m.task, m.metric): m.value
        for m in done.metrics
        if (m.head, m.modalities, m.label) == ("mixed", "all", None)
    }
    for metric in ("accuracy", "balanced_accuracy", "macro_f1", "nll", "ece"):
        mean = sum(value[task, metric] for task in PRICES) / 3
        assert getattr(done.step, metric) == pytest.approx(mean, abs=1e-12)
    assert {task for task, metric in value if metric == "auc"} == {"late"}
    recalls = [m for m in done.metrics if m.metric == "recall"]
    assert Counter(m.task for m in recalls) == {"label": 6, "late": 2, "third": 3}


def test_a_task_is_measured_on_the_rows_with_a_known_label() -> None:
    setting = make_queries_setting()
    start = passive(setting, [0], Progress())
    replicas = fresh_replicas(setting, [0], "init")
    replicas.load(start.state)
    for split, evaluator in (("test", setting.evaluator), ("validation", setting.validator)):
        rows = POOL.splits[split]
        logits = replicas.outputs(setting.features.span(rows.start, rows.stop)).logits
        accuracies: list[float] = []
        for name, task in POOL.tasks.items():
            predicted = logits[name]["mixed"][0].argmax(1).tolist()
            pairs = zip(predicted, task.labels[rows.start : rows.stop].tolist(), strict=True)
            right = [said == label for said, label in pairs if label >= 0]
            assert 0 < len(right) < len(rows)
            accuracies.append(sum(right) / len(right))
        assert evaluator is not None
        measured = evaluator.evaluate(replicas)[0]
        found = [each.measures["accuracy"] for each in measured.tasks.values()]
        assert found == pytest.approx(accuracies, abs=1e-12)
        assert evaluator.accuracies(replicas) == pytest.approx([sum(accuracies) / 3], abs=1e-12)
        nll = measured.mean("nll")
        assert evaluator.losses(replicas).tolist() == pytest.approx([nll], abs=1e-12)


@UNITS
def test_an_object_is_one_training_row_however_it_was_queried(unit: Unit) -> None:
    ids: set[str | int] = set()
    for step in range(4):
        done = rounds_of(unit)[*JOBS[0], step]
        ids.update(query.id for query in done.queries)
        assert done.step.batch_size == max(batch_sizes(len(ids), 16, "adaptive"))
    assert unit == "object" or len(ids) < 40 + 3 * 11


@UNITS
def test_resuming_from_any_step_repeats_the_following_steps(unit: Unit) -> None:
    setting = make_queries_setting(("margin(combine=rrf)",), unit, read_price=1.0)
    jobs = [Job(1, "margin(combine=rrf)")]
    positions: list[Position] = []
    rounds: list[Round] = []
    start = passive(setting, [1], Progress())
    for advance in active(setting, jobs, begin(setting, jobs, start), Progress()):
        rounds.append(advance.rounds[0])
        positions.append(advance.position())
    for step, position in enumerate(positions):
        # A file may have any order.
        tensors = dict(sorted(position.to_tensors().items(), reverse=True))
        again = Position.from_tensors(step, {k: v.clone() for k, v in tensors.items()})
        found = [a.rounds[0] for a in active(setting, jobs, again, Progress())]
        assert found == rounds[step:]


@pytest.mark.long
def test_queries_in_lockstep_equal_those_of_one_net_after_another() -> None:
    names = ("random", "margin", "margin(combine=quotas)", "core-set(combine=alternating)")
    jobs = [Job(seed, name) for seed in (0, 1) for name in names]
    direct, lockstep = (
        run(make_queries_setting(names, way=way), jobs) for way in ("direct", "lockstep")
    )
    assert direct.keys() == lockstep.keys()
    for key, done in direct.items():
        queried = [(q.id, q.task, q.rank, q.cost, q.answer) for q in done.queries]
        assert [(q.id, q.task, q.rank, q.cost, q.answer) for q in lockstep[key].queries] == queried
        assert lockstep[key].step.nll == pytest.approx(done.step.nll, abs=1e-9)


@pytest.mark.long
def test_a_run_until_exhausted_queries_every_known_cell() -> None:
    pool = _without_rows(POOL)
    for unit, n in (("object", 30), ("cell", None)):
        schedule = Schedule(10, QuerySize(13, 13), 99, Until("exhausted"))
        for name in ("margin", "margin(combine=alternating)", "margin(combine=quotas)"):
            training = TrainingOptions(batch_size=16, max_epochs=1)
            setting = make_queries_setting(
                (name,), unit, pool=pool, schedule=schedule, training=training
            )
            queries = asked(run(setting, [Job(0, name)]), Job(0, name))
            known = {cell for cell in KNOWN if cell[0] in set(IDS[:30])}
            assert {(q.id, q.task) for q in queries} == known
            assert len(queries) == len(known)
            assert n is None or setting.n_units == len({id_ for id_, _ in known}) <= n


def _without_rows(pool: Pool) -> Pool:
    """Return the pool with 30 train rows; the others become validation rows."""
    splits = {**pool.splits, "train": range(30), "validation": range(30, 500)}
    return replace(pool, splits=splits)
