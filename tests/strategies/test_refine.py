"""REFINE: its filtering against a plain loop over what its parts pick."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from alsim.errors import UsageError
from alsim.seeding import stream
from alsim.signals import Signal, Signals
from alsim.strategies import Candidates, Strategy, find_strategy, query
from alsim.strategies import refine as module
from alsim.strategies.refine import filtered, refine
from alsim.strategies.uncertainty import entropy, margin
from alsim.testing import check_strategy, make_rows


def candidates_of(strategy: Strategy, n: int = 60, seed: int = 0) -> Candidates:
    return make_rows(strategy, n, seed=seed).candidates(strategy)


def best(score: Callable[[Signals], Tensor], p: Tensor, rows: Tensor, k: int) -> set[int]:
    values = score(Signals(len(rows), {"probabilities": p[rows]}))
    return set(rows[values.topk(k).indices].tolist())


def test_a_round_leaves_what_its_parts_query_and_no_other_row() -> None:
    for seed in range(10):
        candidates = candidates_of(refine(), seed=seed)
        p, rows = candidates.kept["probabilities"], torch.arange(60)
        left = filtered(
            [margin(), entropy()], candidates, rows, 7, 1, 60, generator=stream(seed, "query")
        )
        wanted = best(margin().score, p, rows, 7) | best(entropy().score, p, rows, 7)
        assert left.tolist() == sorted(wanted)
        assert 7 < len(wanted) <= 14  # the two differ


def test_each_batch_is_picked_from_a_random_subset_of_the_rows_left() -> None:
    candidates = candidates_of(refine())
    p, rows = candidates.kept["probabilities"], torch.arange(60)[::2]
    generator, seen = stream(3, "query"), set[int]()
    for _ in range(5):  # the same draws: a subset, then the order of ties in `top_k`
        subset = rows[torch.randperm(30, generator=generator)[:12].sort().values]
        torch.randperm(12, generator=generator)
        seen |= best(margin().score, p, subset, 4)
    left = filtered([margin()], candidates, rows, 4, 5, 12, generator=stream(3, "query"))
    assert left.tolist() == sorted(seen)
    assert len(seen) > 4


def test_the_query_is_the_coverage_of_what_is_left_after_all_rounds() -> None:
    strategy = refine("margin+badge", depth=3, batches=4)
    last = find_strategy("uncertainty-herding").strategy
    for seed in range(5):
        candidates = candidates_of(strategy, seed=seed)
        generator, rows, size = stream(seed, "query"), torch.arange(60), 5000
        sizes: list[int] = []
        for _ in range(3):
            rows = filtered(
                [margin(), find_strategy("badge").strategy],
                candidates, rows, 6, 4, max(6, size), generator=generator,
            )  # fmt: skip
            sizes.append(len(rows))
            size = int(0.4 * len(rows))
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[-1] < 60
        is_left = torch.zeros(60, dtype=torch.bool)
        is_left[rows] = True
        expected = rows[query(last, candidates.only(is_left), 6, generator=generator)]
        chosen = query(strategy, candidates, 6, generator=stream(seed, "query"))
        assert torch.equal(chosen, expected)


def test_no_more_rows_go_on_than_the_next_round_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = refine("random", depth=1, batches=30)  # 30 batches of 9 leave all 60 rows
    candidates = candidates_of(strategy)

    def n_queried() -> int:
        drawn = [query(strategy, candidates, 9, generator=stream(i, "query")) for i in range(20)]
        return len(torch.cat(drawn).unique())

    before = n_queried()  # the rows that cover the others, but for a few
    monkeypatch.setattr(module, "_AT_MOST", 5)  # fewer than a query takes: k random rows go on
    assert n_queried() > 2 * before


def test_it_asks_for_what_its_parts_read_and_for_one_pass_only() -> None:
    one_pass: set[Signal] = {"probabilities", "hidden", "embeddings"}
    assert refine().signals == one_pass
    assert refine("margin").signals == {"probabilities", "embeddings"}
    assert refine("margin+core-set").labelled == {"hidden", "embeddings"}
    for name in ("typiclust + galaxy", "random", "falcun+cluster-margin"):
        check_strategy(refine(name, depth=2, batches=2))


def test_copies_of_few_rows_are_queried_as_distinct_rows() -> None:
    strategy = refine(batches=2)
    candidates = candidates_of(strategy, 5)
    rows = torch.arange(60) % 5
    kept: dict[Signal, Tensor] = {s: value[rows] for s, value in candidates.kept.items()}
    copies = Candidates(candidates.scores[rows], kept, candidates.labelled, candidates.labels, 5)
    for k in (1, 8, 60):
        chosen = query(strategy, copies, k, generator=stream(k, "query"))
        assert len(set(chosen.tolist())) == k


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("ensemble=margin+badg", "no strategy 'badg'.*did you mean badge"),
        ("ensemble=", "no strategy ''"),
        ("ensemble=margin+bald", "'bald' reads mc_probabilities"),
        ("ensemble=ideal-learning-loss", "'ideal-learning-loss' reads true_loss"),
        ("ensemble=control", "'control' queries nothing"),
        ("depth=0", "depth must be at least 1"),
        ("batches=0", "batches must be at least 1"),
    ],
)
def test_an_ensemble_that_cannot_be_is_refused(inside: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"(?s){message}"):
        find_strategy(f"refine({inside})")
