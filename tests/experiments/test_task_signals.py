"""The signals of each task: its own probabilities and its own last layer."""

import pytest
import torch
from toy_queries import make_queried_pool, make_queries_setting

from alsim.experiments.asking import initial_query, labelled_rows
from alsim.experiments.cells import open_cells
from alsim.experiments.curves.scoring import score_tasks
from alsim.experiments.setting import Setting, fresh_replicas
from alsim.options.engine import Way
from alsim.options.experts import ExpertOptions
from alsim.options.model import ModelOptions
from alsim.seeding import stream
from alsim.signals import Request, Scene, SharedOutputs, Signal, signals_of
from alsim.strategies import find_strategy
from alsim.training.features import shape_of
from alsim.training.objective import make_objective
from alsim.training.replicas import Replicas
from alsim.training.ways import make_replicas

EXPERTS = ExpertOptions(number=3, widths=(7,))
POOL = make_queried_pool()
NEEDS: frozenset[Signal] = frozenset(
    {"probabilities", "hidden", "head_probabilities", "true_loss", "mc_probabilities"}
)


def nets(setting: Setting, way: Way, n: int) -> Replicas:
    model = ModelOptions(name="mmoe", width=8, dropout=0.5, experts=EXPERTS)
    made = [
        make_objective(
            shape_of(setting.pool), model, setting.training, generator=stream(i, "net")
        ).double()
        for i in range(n)
    ]
    return make_replicas(way, made, setting.training)


@pytest.mark.parametrize("way", ["direct", "lockstep"])
def test_the_hidden_signal_of_a_task_is_the_input_of_its_own_head(way: Way) -> None:
    setting = make_queries_setting(way=way)
    replicas = nets(setting, way, 2 if way == "lockstep" else 1)
    rows = torch.arange(100)
    first = torch.empty(0)
    for task in POOL.tasks:
        scene = Scene(replicas, setting.features, task)
        request = Request(frozenset({"probabilities", "hidden"}), lambda use: stream(0, use))
        found = signals_of(scene, rows, [request] * replicas.size)[-1]
        first = found.hidden if task == "label" else first
        # Log-odds are linear in the input of the head: the residual is zero.
        odds = found.probabilities.log()
        odds = odds - odds[:, :1]
        for hidden, fits in ((found.hidden, True), (first, task == "label")):
            design = torch.cat([hidden, torch.ones(len(hidden), 1).double()], 1)
            left = odds - design @ torch.linalg.lstsq(design, odds).solution
            assert (left.abs().max().item() < 1e-9) == fits


def test_a_pass_shared_by_tasks_equals_separate_passes() -> None:
    setting = make_queries_setting()
    replicas = nets(setting, "direct", 1)
    everything = torch.arange(3, 90)
    shared = SharedOutputs(replicas, setting.features, everything, NEEDS)
    for i, (name, task) in enumerate(POOL.tasks.items()):
        known = setting.known[everything, i]
        rows = everything[known] if name != "third" else everything[5:20]
        scene = Scene(replicas, setting.features, name, truth=task.labels.clamp_min(0))
        requests = [Request(NEEDS, lambda use: stream(0, use))]
        (alone,) = signals_of(scene, rows, requests)
        (together,) = signals_of(scene, rows, requests, shared)
        assert alone.values.keys() == together.values.keys() == NEEDS
        for signal, value in alone.values.items():
            torch.testing.assert_close(together.values[signal], value, rtol=0, atol=1e-12)


def test_candidates_for_several_tasks_at_once_equal_those_for_each_alone() -> None:
    names = ("margin", "badge(combine=quotas)", "core-set(combine=quotas)", "random")
    setting = make_queries_setting(names, way="lockstep")
    seeds = [0, 1, 0, 1]
    replicas = fresh_replicas(setting, seeds, "init")
    labelled = labelled_rows(setting, [initial_query(setting, seed) for seed in seeds])
    is_open = open_cells(setting.known, setting.oracles, labelled, "object")
    rows = {
        task: [mine[:, i].nonzero()[:, 0] for mine in is_open] for i, task in enumerate(POOL.tasks)
    }
    rows["late"][0] = torch.empty(0, dtype=torch.int64)  # it is not this task's turn
    strategies = [find_strategy(name).strategy for name in names]
    together = score_tasks(setting, replicas, seeds, strategies, rows, labelled, step=1)
    for task, mine in rows.items():
        alone = score_tasks(
            setting, replicas, seeds, strategies, {task: mine}, labelled, step=1
        )[task]  # fmt: skip
        for here, there, own in zip(together[task], alone, mine, strict=True):
            assert here.scores.shape == there.scores.shape == (len(own),)
            torch.testing.assert_close(here.scores, there.scores, rtol=0, atol=1e-12)
            assert torch.equal(here.labels, there.labels)
            assert here.n_classes == len(POOL.tasks[task].classes)
            for parts, others in ((here.kept, there.kept), (here.labelled, there.labelled)):
                assert parts.keys() == others.keys()
                for signal, value in parts.items():
                    torch.testing.assert_close(value, others[signal], rtol=0, atol=1e-12)


def test_a_strategy_receives_only_the_labels_of_its_task() -> None:
    setting = make_queries_setting(("core-set(combine=quotas)",))
    replicas = fresh_replicas(setting, [0], "init")
    queried = initial_query(setting, 0)
    strategy = find_strategy("core-set(combine=quotas)").strategy
    rows = {task: [torch.arange(300, 320)] for task in POOL.tasks}
    labelled = labelled_rows(setting, [queried])
    found = score_tasks(setting, replicas, [0], [strategy], rows, labelled, step=1)
    for i, (name, task) in enumerate(POOL.tasks.items()):
        expected = queried.rows[queried.cells[:, i]].sort().values
        assert 0 < len(expected) < 40
        assert torch.equal(found[name][0].labels, task.labels[expected])
        assert len(found[name][0].labelled["hidden"]) == len(expected)
