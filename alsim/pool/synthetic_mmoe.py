"""Two regression tasks of a chosen correlation, as Ma et al. (2018), §3.2, generate them."""

from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from alsim.options.synthetic import MmoeOptions
from alsim.pool.roles import Roles
from alsim.pool.synthetic import check_made, made
from alsim.seeding import stream

F64 = torch.float64
NOISE_VARIANCE = 0.01
TASKS = ("y1", "y2")


def mmoe_pool(options: MmoeOptions | None = None) -> pa.Table:
    """Return a table of inputs `x` and two regression targets, `y1` and `y2`.

    x ~ N(0, I), rounded to float32; y_k = w_kᵀx + Σᵢ sin(αᵢ w_kᵀx + βᵢ) + ε, ε ~ N(0, 0.01), with
    the weights of `task_weights` and αᵢ, βᵢ of `sine_parameters`, which both tasks share. Ma et
    al. (2018), §3.2, eqs. 2 to 4. The paper leaves open c, m, α, β and the number of rows: here
    c = 0.3, m = 5, α, β ~ N(0, 1) and 10,000 / 1,000 / 1,000 rows. Targets are held as float32
    and not standardised.

    "Correlation" is that of the weights, cos(w₁, w₂) = p, as in the paper. That of the targets
    rises with it and is another number.

    Raises:
        UsageError: If an option cannot be used.
    """
    options = options or MmoeOptions()
    check_made(options)
    n = options.n_rows
    generator = stream(options.seed, "mmoe", "inputs")
    x = torch.randn(n, options.width, generator=generator, dtype=F64).float()
    generator = stream(options.seed, "mmoe", "noise")
    noise = NOISE_VARIANCE**0.5 * torch.randn(n, len(TASKS), generator=generator, dtype=F64)
    targets = (signal(x, options) + noise).float()
    held_out = n // 12
    split = np.repeat([0, 1, 2], [n - 2 * held_out, held_out, held_out]).astype(np.int32)
    columns: dict[str, Any] = {
        "id": pa.array(np.arange(n)),
        "x": pa.FixedSizeListArray.from_arrays(pa.array(x.numpy().ravel()), options.width),
        **{name: pa.array(targets[:, k].numpy()) for k, name in enumerate(TASKS)},
        "split": pa.DictionaryArray.from_arrays(split, pa.array(["train", "validation", "test"])),
    }
    roles = Roles(("x",), dict.fromkeys(TASKS, "target"), None, "split", "id")
    return made(columns, roles, "mmoe", options)


def task_weights(options: MmoeOptions) -> Tensor:
    """Return w₁ and w₂, `(2, d)` float64: c·u₁ and c·(p·u₁ + √(1 − p²)·u₂), u₁ ⊥ u₂.

    u₁ and u₂ are orthonormal and uniform: two normal vectors, made orthogonal.
    """
    generator = stream(options.seed, "mmoe", "weights")
    first, second = torch.randn(2, options.width, generator=generator, dtype=F64)
    first = first / first.norm()
    second = second - (second @ first) * first
    second = second - (second @ first) * first  # once more, for the digits the first one lost
    second = second / second.norm()
    p = options.correlation
    return options.scale * torch.stack([first, p * first + (1 - p**2) ** 0.5 * second])


def sine_parameters(options: MmoeOptions) -> tuple[Tensor, Tensor]:
    """Return α and β, `(m,)` float64 each."""
    generator = stream(options.seed, "mmoe", "sines")
    alpha, beta = torch.randn(2, options.n_sines, generator=generator, dtype=F64)
    return alpha, beta


def signal(x: Tensor, options: MmoeOptions) -> Tensor:
    """Return the targets without noise, `(n, 2)` float64, of inputs `(n, d)`."""
    alpha, beta = sine_parameters(options)
    linear = x.to(F64) @ task_weights(options).T
    return linear + torch.sin(alpha * linear.unsqueeze(2) + beta).sum(2)
