"""The optimisers of a single replica: bit-identical to the classes of torch, without using them."""

import pytest
import torch

from alsim.options.training import OptimiserName
from alsim.training.optimisers import BETA1, BETA2, EPS, FLAT


@pytest.mark.parametrize("name", ["adam", "sgd"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_thirty_steps_are_bit_identical_to_those_of_torch(
    name: OptimiserName, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(3)
    start = torch.randn(1003, generator=generator, dtype=dtype)
    theirs = torch.nn.Parameter(start.clone())
    optimiser = (
        torch.optim.Adam([theirs], lr=1e-2, betas=(BETA1, BETA2), eps=EPS, fused=True)
        if name == "adam"
        else torch.optim.SGD([theirs], lr=1e-2)
    )
    mine = FLAT[name](start.clone(), torch.zeros_like(start), 1e-2)
    for _ in range(30):
        gradient = torch.randn(1003, generator=generator, dtype=dtype)
        theirs.grad = gradient
        optimiser.step()
        mine.gradients.copy_(gradient)
        mine.step()
        assert torch.equal(mine.values, theirs)
    assert not torch.equal(mine.values, start)
    if name == "adam":
        state = optimiser.state[theirs]
        assert torch.equal(mine.first, state["exp_avg"])
        assert torch.equal(mine.second, state["exp_avg_sq"])
        assert mine.steps == state["step"] == 30
    else:
        assert mine.steps == mine.first.abs().sum() == 0
