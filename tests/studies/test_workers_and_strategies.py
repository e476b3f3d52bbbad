"""Every strategy on worker processes: queries do not depend on the number of workers."""

from pathlib import Path

import pytest
from pools import make_table, write

import alsim
from alsim.store.curves import Run
from alsim.strategies import STRATEGIES


def run(folder: Path, workers: int) -> Run:
    pool = write(make_table(260), folder.with_suffix(".parquet"))
    return alsim.run(
        pool, strategy=[*STRATEGIES, "bald(batch-norm=frozen)", "random(batch-rule=fixed)"],
        seeds="3..3", initial_size=40, query_size=6, steps=1, max_epochs=2, batch_size=16,
        workers=workers, out=folder,
    )  # fmt: skip


@pytest.mark.slow
def test_every_strategy_gives_bit_identical_tables_with_one_worker_and_with_two(
    tmp_path: Path,
) -> None:
    one, two = run(tmp_path / "one", 1), run(tmp_path / "two", 2)
    assert len(set(one.steps.column("strategy").to_pylist())) == len(STRATEGIES) + 2
    for table in ("steps", "metrics", "queries"):
        mine, theirs = ((tmp_path / f / f"{table}.parquet").read_bytes() for f in ("one", "two"))
        assert mine == theirs, table
    assert two.queries.num_rows == (len(STRATEGIES) + 2) * (40 + 6)
