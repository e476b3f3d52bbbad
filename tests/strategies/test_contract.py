"""Every strategy of the table keeps the contract, on synthetic rows and on nets with a pool."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from pools import load, make_table
from toy import make_toy_setting

from alsim.errors import UsageError
from alsim.experiments.asking import initial_query, labelled_rows
from alsim.experiments.cells import open_cells
from alsim.experiments.curves.scoring import considered, score_tasks
from alsim.experiments.setting import Setting, fresh_replicas
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.training import LossPrediction, TrainingOptions
from alsim.pool.pool import Pool
from alsim.seeding import stream
from alsim.signals import Chunks, Signals
from alsim.strategies import STRATEGIES, Candidates, Strategy, find_strategy, query
from alsim.testing import CONTRACT, check_strategy
from alsim.training.replicas import Replicas

ALL = pytest.mark.parametrize("name", STRATEGIES)


@pytest.mark.long
@ALL
@pytest.mark.parametrize("check", CONTRACT.values(), ids=CONTRACT.keys())
def test_a_strategy_keeps_its_contract(name: str, check: Callable[[Strategy], None]) -> None:
    check(find_strategy(name).strategy)


def setting_of(pool: Pool | None = None, way: Way = "direct") -> Setting:
    return make_toy_setting(
        way,
        pool=pool,
        model=ModelOptions(name="three-head", width=8, dropout=0.5),
        training=TrainingOptions(precision="float64", loss_prediction=LossPrediction(width=4)),
    )


class Scored(NamedTuple):
    rows: torch.Tensor
    candidates: Candidates


def score(setting: Setting, replicas: Replicas, names: list[str], seeds: list[int]) -> list[Scored]:
    strategies = [find_strategy(name).strategy for name in names]
    labelled = labelled_rows(setting, [initial_query(setting, seed) for seed in seeds])
    can_ask = open_cells(setting.known, ["label"], labelled, "object").any(2)
    rows = [
        considered(mine, strategy.candidates, 12, generator=stream(seed, "candidates"))
        for mine, strategy, seed in zip(can_ask, strategies, seeds, strict=True)
    ]
    scored = score_tasks(setting, replicas, seeds, strategies, {"label": rows}, labelled, step=1)
    return [Scored(*pair) for pair in zip(rows, scored["label"], strict=True)]


def ids(setting: Setting, name: str, scored: Scored) -> list[str | int]:
    strategy = find_strategy(name).strategy
    chosen = query(strategy, scored.candidates, 12, generator=stream(0, "query"))
    return setting.pool.ids_of(scored.rows[chosen].tolist())


def assert_close(a: Candidates, b: Candidates) -> None:
    torch.testing.assert_close(a.scores, b.scores, rtol=0, atol=1e-10)
    assert torch.equal(a.labels, b.labels)
    for mine, theirs in ((a.kept, b.kept), (a.labelled, b.labelled)):
        assert mine.keys() == theirs.keys()
        for signal, value in mine.items():
            torch.testing.assert_close(value, theirs[signal], rtol=0, atol=1e-10)


@ALL
def test_scoring_changes_neither_the_net_nor_its_batch_norm(name: str) -> None:
    setting = setting_of()
    replicas = fresh_replicas(setting, [0], "init")
    before = replicas.state().to_tensors()
    score(setting, replicas, [name], [0])
    after = replicas.state().to_tensors()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


@pytest.mark.long
@ALL
def test_the_input_of_a_selector_does_not_depend_on_the_chunk_size(name: str) -> None:
    setting = setting_of()
    replicas = fresh_replicas(setting, [0], "init")
    (whole,) = score(setting, replicas, [name], [0])
    for chunk in (7, 64):
        smaller = replace(setting, chunks=Chunks(chunk))
        (parts,) = score(smaller, replicas, [name], [0])
        assert_close(whole.candidates, parts.candidates)


@pytest.mark.long
@ALL
def test_the_same_ids_are_queried_when_rows_and_ids_are_permuted_together(
    name: str, tmp_path: Path
) -> None:
    table = make_table(260)
    order = torch.randperm(260, generator=stream(0, "rows")).numpy()
    chosen: list[list[str | int]] = []
    for folder, rows in (("as-they-are", table), ("permuted", table.take(order))):
        pool = load(rows, tmp_path / folder).pool
        setting = setting_of(pool)
        replicas = fresh_replicas(setting, [0], "init")
        (scored,) = score(setting, replicas, [name], [0])
        chosen.append(ids(setting, name, scored))
    assert chosen[0] == chosen[1]


@pytest.mark.long
def test_in_lockstep_each_replica_sees_what_it_would_see_alone() -> None:
    names = list(STRATEGIES)
    setting = setting_of(way="lockstep")
    seeds = [i % 3 for i in range(len(names))]
    together = score(setting, fresh_replicas(setting, seeds, "init"), names, seeds)
    alone = setting_of()
    for name, seed, scored in zip(names, seeds, together, strict=True):
        (mine,) = score(alone, fresh_replicas(alone, [seed], "init"), [name], [seed])
        assert torch.equal(mine.rows, scored.rows)
        assert_close(mine.candidates, scored.candidates)


def test_labelled_rows_come_in_the_order_of_their_ids_with_their_own_labels() -> None:
    setting = setting_of()
    (scored,) = score(setting, fresh_replicas(setting, [0], "init"), ["core-set"], [0])
    rows = initial_query(setting, 0)[0].sort().values
    assert torch.equal(scored.candidates.labels, setting.pool.tasks["label"].labels[rows])
    labelled = scored.candidates.labelled["hidden"]
    outputs = fresh_replicas(setting, [0], "init").outputs(setting.features.take(rows))
    torch.testing.assert_close(labelled, outputs.hidden[0])


def test_candidates_limit_the_scored_rows_but_never_below_the_query_size() -> None:
    setting = setting_of()
    replicas = fresh_replicas(setting, [0], "init")
    every = score(setting, replicas, ["margin"], [0])[0].rows
    few = score(setting, replicas, ["margin(candidates=50)"], [0])[0].rows
    assert len(few) == len(few.unique()) == 50
    assert torch.isin(few, every).all()
    assert len(score(setting, replicas, ["margin(candidates=3)"], [0])[0].rows) == 12


def test_the_public_contract_check_finds_a_strategy_that_breaks_it() -> None:
    good = find_strategy("margin").strategy
    check_strategy(good)

    def first_rows(candidates: Candidates, k: int, *, generator: torch.Generator) -> torch.Tensor:
        del candidates, generator
        return torch.zeros(k, dtype=torch.int64)

    def by_class(signals: Signals) -> torch.Tensor:
        return signals.probabilities[:, 0]

    def by_neighbours(signals: Signals) -> torch.Tensor:
        return signals.probabilities.amax(-1) - signals.probabilities.amax(-1).mean()

    for broken, message in (
        (replace(good, select=first_rows), "the selector picked"),
        (replace(good, score=by_class), "classes are in the order"),
        (replace(good, score=by_neighbours), "not close"),
        (replace(good, score=lambda s: torch.rand(s.n).double()), "streams differ"),
        (replace(good, needs=frozenset(), score=good.score), "declared: ValueError: .* without"),
        (replace(good, score=lambda s: s.probabilities), "not \\(60,\\)"),
        (replace(good, score=lambda s: s.probabilities.topk(2, 1).values[:, 1]), "out of range"),
    ):
        with pytest.raises(AssertionError, match=message):
            check_strategy(broken)


def test_an_unknown_strategy_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean margin"):
        find_strategy("margn")
