"""A small pool of things with an embedding, a column to encode, and three labels."""

import numpy as np
import pyarrow as pa

N = 300
RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, (N, 6)).astype(np.float32)
SPLIT = ["test" if i % 4 == 0 else "validation" if i % 4 == 1 else "train" for i in range(N)]
LATE = [None if i % 7 == 0 else "yes" if X[i, 0] > 3 else "no" for i in range(N)]
HEIGHT = pa.array(np.where(np.arange(N) % 5 == 0, np.nan, 100 + 9 * X[:, 1]), from_pandas=True)
POOL = pa.table(
    {
        "id": [f"row-{i:03d}" for i in range(N)],
        "x": pa.array(list(X), pa.list_(pa.float32())),
        "colour": ["red" if i % 3 else None for i in range(N)],
        "kind": [f"kind-{int(X[i, 2] > 3) + int(X[i, 3] > 3)}" for i in range(N)],
        "late": LATE,
        "height": HEIGHT,
        "split": SPLIT,
    }
)
