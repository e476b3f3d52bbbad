"""Rows read when they are needed equal those of one tensor, to the bit."""

import pytest
import torch
from toy import make_toy_setting

from alsim.experiments.curves.scoring import score_tasks
from alsim.experiments.setting import fresh_replicas
from alsim.seeding import stream
from alsim.strategies import Candidates, Strategy
from alsim.strategies.rows import Joined, Kept, PoolRows, mean_of
from alsim.training.fit import Labelled

WIDTHS = [(5,), (64,), (70, 33), (3, 61, 130)]


def make(widths: tuple[int, ...], dtype: torch.dtype) -> tuple[PoolRows, torch.Tensor]:
    g = stream(0, "rows")
    modalities = [torch.randn(900, d, generator=g) for d in widths]
    rows = torch.randperm(900, generator=g)[:701].sort().values
    return PoolRows(modalities, rows, dtype), torch.cat(modalities, 1)[rows].to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_rows_of_a_pool_equal_those_of_a_tensor(
    widths: tuple[int, ...], dtype: torch.dtype
) -> None:
    rows, whole = make(widths, dtype)
    assert (len(rows), tuple(rows.shape)) == (701, tuple(whole.shape))
    places = torch.randint(0, 701, (40,), generator=stream(1, "rows"))
    for index in (slice(None), slice(100, 300), slice(690, 900), places, whole[:, 0] > 0):
        assert torch.equal(rows[index], whole[index])
    chosen = whole[:, 1] > 0
    assert torch.equal(rows.only(chosen)[:], whole[chosen])
    assert torch.equal(mean_of(rows), mean_of(whole))
    assert torch.equal(mean_of(whole), whole.mean(0))


@pytest.mark.parametrize("m", [0, 1, 200])
def test_joined_rows_equal_the_concatenation(m: int) -> None:
    rest, whole = make((70, 33), torch.float64)
    first = torch.randn(m, 103, generator=stream(2, "rows"), dtype=torch.float64)
    joined, expected = Joined(first, rest), torch.cat([first, whole])
    assert (len(joined), joined.shape) == (m + 701, (m + 701, 103))
    places = torch.randint(0, m + 701, (3000,), generator=stream(1, "rows"))
    spans = (slice(0, 10), slice(m - 1 if m else 0, m + 5), slice(m, m + 701), slice(800, 2000))
    for index in (*spans, places):
        assert torch.equal(joined[index], expected[index])


def test_the_kept_values_of_some_candidates_are_those_of_their_rows() -> None:
    rows, whole = make((5,), torch.float64)
    scores, hidden = whole[:, 0], whole[:, 1:3]
    chosen = whole[:, 4] > 0
    for kept in (Kept({"embeddings": rows, "hidden": hidden}), {"hidden": hidden}):
        some = Candidates(scores, kept).only(chosen)
        assert torch.equal(some.scores, scores[chosen])
        assert torch.equal(some.kept["hidden"], hidden[chosen])
        assert set(some.kept) == set(kept)
        assert len(some.kept) == len(kept)
        assert torch.equal(some.rows("hidden")[:], hidden[chosen])
    some = Candidates(scores, Kept({"embeddings": rows})).only(chosen)
    assert torch.equal(some.kept["embeddings"], whole[chosen])
    assert isinstance(some.rows("embeddings"), PoolRows)


def test_kept_embeddings_are_read_from_the_pool_without_a_pass_over_it() -> None:
    setting = make_toy_setting("lockstep")
    replicas = fresh_replicas(setting, [0, 1], "init")
    passes: list[int] = []
    replicas.objective.model.register_forward_hook(lambda *_: passes.append(1))
    keeps = Strategy(keeps=frozenset({"embeddings"}))
    both = Strategy(frozenset({"embeddings"}), lambda s: s.embeddings[:, 0], keeps=keeps.keeps)
    rows = [torch.arange(3, 350), torch.arange(0, 400, 2)]
    labelled = Labelled(torch.zeros(2, 1, dtype=torch.int64), {"label": torch.zeros(2, 1).long()})
    for strategies in ([keeps, keeps], [both, keeps]):
        scored = score_tasks(
            setting, replicas, [0, 1], strategies, {"label": rows}, labelled, step=1
        )["label"]
        for candidates, mine in zip(scored, rows, strict=True):
            whole = torch.cat(list(setting.features.take(mine).modalities.values()), 1)
            assert torch.equal(candidates.kept["embeddings"], whole)
            assert isinstance(candidates.rows("embeddings"), PoolRows)
        first = scored[0].kept["embeddings"][:, 0]
        expected = first if strategies[0] is both else torch.zeros(347)
        assert torch.equal(scored[0].scores, expected)
    assert passes == []
