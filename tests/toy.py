"""A small pool of two modalities for tests of everything above the pool layer."""

import pyarrow as pa
import torch

from alsim.experiments.schedule import Schedule
from alsim.experiments.setting import Setting, make_setting
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.sizes import QuerySize, Until
from alsim.options.training import TrainingOptions
from alsim.oracle import PerfectOracle
from alsim.pool.pool import Pool, Task
from alsim.seeding import stream
from alsim.strategies import STRATEGIES, find_strategy

N_CLASSES = 6


def make_pool(n: int = 700, absent: float = 0.15) -> Pool:
    """Return `n` rows, of which the last 300 are 100 validation and 200 test rows."""
    g = stream(0, "toy")
    y = torch.randint(0, N_CLASSES, (n,), generator=g)
    centres = torch.randn(N_CLASSES, 20, generator=g)
    present = torch.rand(n, 2, generator=g) >= absent
    image = (centres[y] + 2 * torch.randn(n, 20, generator=g)) * present[:, :1]
    text = ((centres[y] + torch.randn(n, 20, generator=g))[:, :12] * present[:, 1:]).contiguous()
    return Pool(
        name="toy",
        modalities={"image": image, "text": text},
        present=present,
        tasks={"label": Task("label", tuple("abcdef"), y)},
        splits={
            "train": range(n - 300),
            "validation": range(n - 300, n - 200),
            "test": range(n - 200, n),
        },
        ids=pa.array([f"row-{i:05d}" for i in range(n)]),
    )


def make_toy_setting(
    way: Way = "direct",
    *,
    pool: Pool | None = None,
    model: ModelOptions | None = None,
    training: TrainingOptions | None = None,
    schedule: Schedule | None = None,
) -> Setting:
    """Return a study on the toy pool: 60 initial labels, 4 queries of 15, float64, no dropout."""
    pool = pool or make_pool()
    return make_setting(
        pool,
        oracles={"label": PerfectOracle(pool.tasks["label"].labels)},
        strategies={name: find_strategy(name).strategy for name in STRATEGIES},
        schedule=schedule or Schedule(60, QuerySize(15, 15), 4, Until()),
        model=model or ModelOptions(name="three-head", width=16, dropout=0.0),
        training=training
        or TrainingOptions(
            batch_size=32, max_epochs=20, patience=4, learning_rate=1e-2, precision="float64"
        ),
        way=way,
        device=torch.device("cpu"),
    )
