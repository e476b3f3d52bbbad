import datetime
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pools import doors, make_table, write

from alsim.errors import PoolError
from alsim.pool.ids import read_ids

UUIDS = [uuid.UUID(int=3**i) for i in range(80)]
STORED = pa.array([each.bytes for each in UUIDS], pa.binary(16))
SHA = [bytes([i] * 20) for i in range(80)]
DAYS = [datetime.date(2024, 1, 1) + datetime.timedelta(i) for i in range(80)]
TIMES = pa.array([10**18 + i for i in range(80)], pa.int64()).cast(pa.timestamp("ns"))

IDS: dict[str, tuple[pa.Array, list[Any]]] = {
    "uint64": (pa.array(range(80), pa.uint64()), list(range(80))),
    "uint64 beyond int64": (
        pa.array([2**64 - 1 - i for i in range(80)], pa.uint64()),
        [str(2**64 - 1 - i) for i in range(80)],
    ),
    "UUID": (pa.ExtensionArray.from_storage(pa.uuid(), STORED), list(map(str, UUIDS))),
    "UUID as 16 bytes": (STORED, list(map(str, UUIDS))),
    "other bytes": (pa.array(SHA, pa.binary(20)), [each.hex() for each in SHA]),
    "text as bytes": (
        pa.array([f"é{i}".encode() for i in range(80)], pa.binary()),
        [f"é{i}" for i in range(80)],
    ),
    "whole floats": (pa.array([float(i) for i in range(80)]), list(range(80))),
    "whole decimals": (pa.array([Decimal(i) for i in range(80)]), list(range(80))),
    "decimals beyond int64": (
        pa.array([Decimal(10**30 + i) for i in range(80)]),
        [str(10**30 + i) for i in range(80)],
    ),
    "decimals": (
        pa.array([Decimal(i) / 4 for i in range(80)], pa.decimal128(9, 2)),
        [f"{i / 4:.2f}" for i in range(80)],
    ),
    "days": (pa.array(DAYS), [day.isoformat() for day in DAYS]),
    "nanoseconds": (TIMES, [f"2001-09-09 01:46:40.{i:09d}" for i in range(80)]),
}


@pytest.mark.parametrize(("column", "expected"), IDS.values(), ids=IDS.keys())
def test_ids_are_read_without_loss_by_every_command(
    tmp_path: Path, column: pa.Array, expected: list[Any]
) -> None:
    path = write(make_table(80, id=column), tmp_path / "pool.parquet")
    found = doors(path, tmp_path / "doors")
    for loaded in (found.loaded, found.imported):
        assert sorted(loaded.pool.ids.to_pylist()) == sorted(expected)
    assert not any(found.warnings())


@pytest.mark.parametrize(
    "column",
    [
        pa.array([i / 2 for i in range(80)]),
        pa.array([[i] for i in range(80)]),
        pa.array([{"a": i} for i in range(80)]),
    ],
)
def test_ids_that_are_neither_integers_nor_text_are_a_fault(column: pa.Array) -> None:
    with pytest.raises(PoolError, match="ids are integers or strings"):
        read_ids(pa.chunked_array([column]), "id", "here")


def test_two_decimals_that_are_equal_as_floats_stay_distinct() -> None:
    near = [Decimal("0.10000000000000000001"), Decimal("0.10000000000000000002")]
    found = read_ids(pa.chunked_array([pa.array(near)]), "id", "here")
    assert found.to_pylist() == list(map(str, near))


def test_an_int64_is_unchanged() -> None:
    ids = read_ids(pa.chunked_array([pa.array(np.arange(4), pa.int16())]), "id", "here")
    assert ids.type == pa.int64()
