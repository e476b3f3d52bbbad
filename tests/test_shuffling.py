"""Rows shuffled without torch have the same order as with torch."""

import pytest
import torch

from alsim.seeding import stream
from alsim.shuffling import permutation, twister


@pytest.mark.parametrize("n", [0, 1, 2, 3, 625, 10_007])
@pytest.mark.parametrize("seed", [0, 7, 2**40])
def test_a_permutation_and_the_next_equal_those_of_torch(n: int, seed: int) -> None:
    mine, theirs = twister(seed, "pool", "test"), stream(seed, "pool", "test")
    for _ in range(2):
        assert (
            permutation(n, generator=mine).tolist() == torch.randperm(n, generator=theirs).tolist()
        )
