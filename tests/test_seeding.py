import math
import subprocess
import sys

import pytest
import torch
from scipy import stats

from alsim.seeding import forked, row_bytes, stream


@pytest.mark.process
def test_a_stream_is_the_same_in_another_process() -> None:
    code = "from alsim.seeding import stream; print(stream(7, 'round', 3, 'query').initial_seed())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == stream(7, "round", 3, "query").initial_seed()


def test_streams_differ_by_seed_and_by_every_part_of_the_path() -> None:
    paths = [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2), (0, "a"), (0, "a1"), (0, "a", "1")]
    assert len({stream(*path).initial_seed() for path in paths}) == len(paths)


def test_draws_across_streams_are_uniform() -> None:
    draws = [torch.rand((), generator=stream(seed, "test")).item() for seed in range(2000)]
    assert stats.kstest(draws, "uniform").pvalue > 0.001


def test_forking_leaves_the_global_generator_alone_and_advances_its_own() -> None:
    before = torch.get_rng_state()
    generator = stream(0, "test")
    with forked(generator):
        first = torch.rand(3)
    with forked(generator):
        second = torch.rand(3)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first, torch.rand(3, generator=stream(0, "test")))
    assert not torch.equal(first, second)


def test_the_global_generator_is_restored_after_an_error() -> None:
    before = torch.get_rng_state()
    try:
        with forked(stream(0, "test")):
            torch.rand(3)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert torch.equal(before, torch.get_rng_state())


def test_the_bytes_of_a_row_depend_only_on_the_seed_and_the_row() -> None:
    whole = row_bytes(7, torch.arange(100), 21)
    assert whole.shape == (100, 21)
    assert torch.equal(row_bytes(7, torch.tensor([60, 3]), 21), whole[[60, 3]])
    assert not torch.equal(row_bytes(8, torch.arange(100), 21), whole)


def test_bytes_of_rows_are_uniform_and_neighbours_independent() -> None:
    drawn = row_bytes(1, torch.arange(4000), 64)
    counts = drawn.flatten().bincount(minlength=256)
    assert stats.chisquare(counts.numpy()).pvalue > 0.001
    for one, other in ((drawn[:, 0], drawn[:, 1]), (drawn[:-1, 5], drawn[1:, 5])):
        high = torch.stack([one >> 6, other >> 6], 1).int()
        table = (high[:, 0] * 4 + high[:, 1]).bincount(minlength=16)
        assert stats.chisquare(table.numpy()).pvalue > 0.001
    assert abs(drawn.double().mean() - 127.5) < 4 * 73.9 / math.sqrt(drawn.numel())
