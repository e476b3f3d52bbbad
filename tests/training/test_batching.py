import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alsim.options.training import BatchRule
from alsim.seeding import stream
from alsim.training.batching import batch_sizes, epoch_order


def test_a_fixed_size_of_512_leaves_the_small_batches_of_the_study() -> None:
    tails = [batch_sizes(n, 512, "fixed")[-1] for n in (2060, 2580, 3080, 3600, 4100)]
    assert tails == [12, 20, 8, 16, 4]


def test_adaptive_sizes_stay_between_412_and_512_over_the_study() -> None:
    sizes = {n: batch_sizes(n, 512, "adaptive") for n in range(2000, 6001, 20)}
    largest = [max(s) for s in sizes.values()]
    assert min(largest) == 412
    assert max(largest) <= 512
    assert all(min(s) >= 0.979 * max(s) for s in sizes.values())


def test_adaptive_batches_leave_no_small_batch_where_fixed_ones_would() -> None:
    # 4100 in batches of ceil(4100 / 65) = 64 leaves 4.
    assert min(batch_sizes(4100, 64, "adaptive")) == 63


@given(st.integers(1, 5000), st.integers(1, 600))
def test_sizes_cover_every_row_and_never_exceed_the_batch_size(n: int, b: int) -> None:
    for rule in ("fixed", "adaptive"):
        sizes = batch_sizes(n, b, rule)
        assert sum(sizes) == n
        assert max(sizes) <= b
        assert min(sizes) >= 1
    adaptive = batch_sizes(n, b, "adaptive")
    assert max(adaptive) - min(adaptive) <= 1
    assert len(adaptive) == -(-n // b)
    upsampled = batch_sizes(n, b, "upsample")
    assert set(upsampled) == {max(adaptive)}
    assert 0 <= sum(upsampled) - n < len(upsampled)


@pytest.mark.parametrize("rule", ["fixed", "adaptive", "upsample"])
def test_no_rows_or_no_batch_is_a_bug(rule: BatchRule) -> None:
    with pytest.raises(ValueError, match="0 rows"):
        batch_sizes(0, 5, rule)
    with pytest.raises(ValueError, match="batches of 0"):
        batch_sizes(5, 0, rule)


def test_an_epoch_visits_every_row_once_and_with_upsampling_some_twice() -> None:
    assert sorted(epoch_order(50, 50, generator=stream(0, "test")).tolist()) == list(range(50))
    counts = epoch_order(50, 57, generator=stream(0, "test")).bincount(minlength=50)
    assert counts.min() == 1
    assert (counts == 2).sum() == 7


def test_every_row_is_equally_likely_to_come_first() -> None:
    first = torch.tensor([epoch_order(4, 4, generator=stream(s, "t"))[0] for s in range(4000)])
    assert (first.bincount(minlength=4) - 1000).abs().max() < 4 * (4000 * 0.25 * 0.75) ** 0.5
