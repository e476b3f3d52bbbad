"""Hostile pools: any content of a file gives a pool or one message."""

import base64
import datetime
import decimal
import json
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus.pools import ROLES, not_utf8, varint
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pools import embeddings, make_table

from alsim.errors import AlsimError
from alsim.options.pool import PoolOptions
from alsim.pool.checking import check_pool
from alsim.pool.loading import load_pool
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation
from alsim.pool.summary import summarise

N = 24


def judge(pool: Path | pa.Table, folder: Path, **options: Any) -> str:
    """Return the error of a pool, or "", after checking that all commands agree on it."""
    chosen = PoolOptions(**options)
    folder.mkdir(exist_ok=True)
    found = ""
    try:
        loaded = load_pool(open_source(pool), chosen, folder, FreeValidation(4), queried=False)
        assert loaded.pool.n == sum(map(len, loaded.pool.splits.values()))
        assert all(tensor.isfinite().all() for tensor in loaded.pool.modalities.values())
    except AlsimError as error:
        found = str(error)
    is_refused = False
    try:
        checked = check_pool(open_source(pool), chosen, FreeValidation(4))
        faults = [fault.args[0] for fault in checked.faults]
        is_refused = any(warning.startswith("not for alsim run") for warning in checked.warnings)
    except AlsimError as error:
        faults = [str(error)]
    assert bool(faults) == bool(found)
    try:
        load_pool(open_source(pool), chosen, folder, FreeValidation(4), several=True)
        assert not found
        assert not is_refused
    except AlsimError:
        assert found or is_refused
    try:
        summarise(open_source(pool), chosen, FreeValidation(4))
    except AlsimError:
        assert found
    return found


def peak() -> int:
    """Return the peak memory of this process in bytes (on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# Bytes

OTHER = {
    "id": pa.array(range(N)),
    "text": pa.array([None if i % 3 else [i / 2, 1.0] for i in range(N)], pa.list_(pa.float64())),
    "picture": pa.array([[i, 255 - i] for i in range(N)], pa.list_(pa.uint8(), 2)),
    "label": pa.array([i % 3 for i in range(N)], pa.int16()),
}
ENCODINGS = {
    "id": "DELTA_BINARY_PACKED",
    "text.list.element": "BYTE_STREAM_SPLIT",
    "split": "DELTA_BYTE_ARRAY",
}
WRITTEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"compression": "none"}),
    ({}, {"compression": "zstd", "row_group_size": 9}),
    ({}, {"compression": "snappy", "use_dictionary": False, "data_page_version": "2.0"}),
    (OTHER, {"compression": "none", "data_page_size": 32, "store_schema": False}),
    (OTHER, {"compression": "lz4", "use_dictionary": False, "column_encoding": ENCODINGS}),
    (OTHER, {"compression": "gzip", "write_page_index": True}),
]


def written(columns: dict[str, Any], options: dict[str, Any]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(make_table(N, **columns), sink, **options)
    return sink.getvalue().to_pybytes()


SOUND = [written(columns, options) for columns, options in WRITTEN]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SOUND)))
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for _ in range(draw(st.integers(1, 4))):
        end = len(data) - 8
        # The footer is read first, so half of the damage is there.
        first = min(footer, end - 1) if draw(st.booleans()) else 4
        at = draw(st.integers(first, end - 1))
        length = draw(st.integers(1, 40))
        match draw(st.sampled_from(["flip", "fill", "cut", "insert", "swap", "truncate"])):
            case "flip":
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "fill":
                data[at : at + length] = bytes([draw(st.sampled_from([0, 0x7F, 0xFF]))]) * length
            case "cut":
                del data[at : at + length]
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=40))
            case "swap":
                other = draw(st.integers(4, end - 1))
                data[at : at + length], data[other : other + length] = (
                    data[other : other + length],
                    data[at : at + length],
                )
            case _:
                del data[at : end - draw(st.integers(0, 40))]
        if len(data) < 60:
            break
    return bytes(data)


@pytest.mark.long
@settings(max_examples=200)
@given(damaged())
def test_a_damaged_file_gives_a_pool_or_one_message(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "damaged.parquet"
    path.write_bytes(data)
    before = peak()
    judge(path, folder / "damaged")
    assert peak() - before < 300e6


@pytest.mark.long
@settings(max_examples=150)
@given(st.sampled_from(SOUND), st.floats(0, 1), st.sampled_from([2**60, 2**33, 2**31 - 1, 9**7]))
def test_a_footer_that_claims_too_much_uses_no_memory(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, place: float, claim: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "claiming.parquet"
    length = int.from_bytes(data[-8:-4], "little")
    start = len(data) - 8 - length
    at = start + int(place * (length - 1))
    # A byte below 128 may be a Thrift number; a longer one replaces it.
    assume(data[at] < 128)
    number = varint(claim)
    tail = (length + len(number) - 1).to_bytes(4, "little") + b"PAR1"
    path.write_bytes(data[:at] + number + data[at + 1 : -8] + tail)
    before = peak()
    judge(path, folder / "claiming")
    assert peak() - before < 300e6


# Columns


def fixed(row: Any, type_: pa.DataType) -> "pa.Array[Any]":
    return pa.array([row] * N, type_)


WORDS = pa.array([f"class-{i % 3}" for i in range(N)])
THIRDS = pa.array([i % 3 for i in range(N)], pa.int8())
COLUMNS: dict[str, Any] = {
    "integers": pa.array(range(N)),
    "integers with nulls": pa.array([None, *range(1, N)]),
    "large unsigned": pa.array([2**64 - 1 - i for i in range(N)], pa.uint64()),
    "half floats": pa.array(np.arange(N) / 2, pa.float16()),
    "whole floats": pa.array([float(i % 2) for i in range(N)]),
    "NaN": fixed(float("nan"), pa.float64()),
    "NaN and whole": pa.array([float("nan") if i % 2 else i % 3 for i in range(N)], pa.float64()),
    "infinities": pa.array([float("inf"), 1.0] * (N // 2)),
    "beyond int64": pa.array([1e300, 1.0] * (N // 2)),
    "booleans": pa.array([True, False] * (N // 2)),
    "nulls": pa.nulls(N),
    "null strings": pa.nulls(N, pa.string()),
    "decimals": fixed(decimal.Decimal("1.50"), pa.decimal128(5, 2)),
    "wide decimals": fixed(decimal.Decimal(7), pa.decimal256(60, 2)),
    "dates": pa.array([datetime.date(2020, 1, 1 + i) for i in range(N)]),
    "timestamps": pa.array([datetime.datetime(2020, 1, 1 + i) for i in range(N)]),
    "times": pa.array([datetime.time(i) for i in range(N)]),
    "durations": pa.array([datetime.timedelta(i) for i in range(N)]),
    "bytes": pa.array([b"\xff%d" % (i % 3) for i in range(N)]),
    "bytes of one width": fixed(b"ab", pa.binary(2)),
    "empty strings": fixed("", pa.string()),
    "words": WORDS,
    "large words": WORDS.cast(pa.large_string()),
    "viewed words": WORDS.cast(pa.string_view()),
    "not UTF-8": not_utf8(N),
    "splits": pa.array(["train", "val", "test"] * (N // 3)),
    "odd splits": pa.array([" TRAIN ", "Test", "", "train\n"] * (N // 4)),
    "categories": WORDS.dictionary_encode(),
    "categories of integers": THIRDS.dictionary_encode(),
    "categories of floats": pa.array([0.5, 1.5] * (N // 2)).dictionary_encode(),
    "categories of dates": fixed(datetime.date(2020, 1, 1), pa.date32()).dictionary_encode(),
    "categories that repeat": pa.DictionaryArray.from_arrays(THIRDS, ["a", "a", "b"]),
    "categories with a null": pa.DictionaryArray.from_arrays(THIRDS, ["a", None, "b"]),
    "categories out of range": pa.DictionaryArray.from_arrays(
        pa.array([i * 5 for i in range(N)], pa.int8()), ["a", "b"], safe=False
    ),
    "categories not UTF-8": pa.DictionaryArray.from_arrays(THIRDS, not_utf8(3)),
    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([N // 2, N]), ["a", "b"]),
    "structs": fixed({"a": 1}, pa.struct([("a", pa.int64())])),
    "maps": fixed([("a", 1)], pa.map_(pa.string(), pa.int64())),
    "unions": pa.UnionArray.from_sparse(pa.array([0] * N, pa.int8()), [pa.array(range(N))]),
    "lists": fixed([1.0, 2.0], pa.list_(pa.float32())),
    "large lists": fixed([1.0, 2.0], pa.large_list(pa.float16())),
    "viewed lists": fixed([1.0, 2.0], pa.list_view(pa.float32())),
    "lists of integers": fixed([1, 2], pa.list_(pa.int64())),
    "lists of strings": fixed(["a"], pa.list_(pa.string())),
    "lists of null": fixed([None], pa.list_(pa.float32())),
    "lists of decimals": fixed([decimal.Decimal(1)], pa.list_(pa.decimal128(3, 0))),
    "lists of lists": fixed([[1.0]], pa.list_(pa.list_(pa.float32()))),
    "lists of structs": fixed([{"a": 1.0}], pa.list_(pa.struct([("a", pa.float32())]))),
    "ragged lists": embeddings([[1.0] * (i % 3) for i in range(N)]),
    "pairs": fixed([1.0, 2.0], pa.list_(pa.float64(), 2)),
    "pairs with a null": fixed([1.0, None], pa.list_(pa.float32(), 2)),
    "null pairs": pa.nulls(N, pa.list_(pa.float32(), 2)),
    "null of a great width": pa.nulls(N, pa.list_(pa.float32(), 100_000)),
    "bytes with a null": fixed([1, None], pa.list_(pa.uint8(), 2)),
    "width 0": fixed([], pa.list_(pa.float32(), 0)),
    "UUIDs": pa.ExtensionArray.from_storage(pa.uuid(), fixed(b"x" * 16, pa.binary(16))),
    "tensors": pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.float32(), (2,)), fixed([1.0, 2.0], pa.list_(pa.float32(), 2))
    ),
    "opaque": pa.ExtensionArray.from_storage(pa.opaque(pa.string(), "what", "whose"), WORDS),
}
CRASHES_ITS_WRITER = "categories out of range"


@pytest.mark.long
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["label", "split", "id", "text", "task", "label.x", ""]),
        st.sampled_from(list(COLUMNS)),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(["label", "", "text"]),
    st.sampled_from([None, "class", "target"]),
    st.booleans(),
    st.booleans(),
)
def test_columns_of_any_type_in_any_role_give_a_pool_or_one_message(
    tmp_path_factory: pytest.TempPathFactory,
    columns: dict[str, str],
    label: str,
    label_type: Any,
    is_named: bool,
    is_file: bool,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    pool: Any = make_table(N, **{name: COLUMNS[of] for name, of in columns.items()})
    if is_file and CRASHES_ITS_WRITER not in columns.values():
        try:
            pq.write_table(pool, folder / "odd.parquet", row_group_size=10)
        except pa.ArrowNotImplementedError:
            assume(False)
        pool = folder / "odd.parquet"
    options = {"label": (label,), "modality": ("text", "")} if is_named else {}
    judge(pool, folder / "odd", label_type=label_type, **options)


@pytest.mark.long
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "label", "features", "split"]),
        st.sampled_from(list(COLUMNS)),
        min_size=1,
        max_size=3,
    ),
    st.lists(st.sampled_from(["a", "b", "label", "features", "text", ""]), max_size=3),
    st.sampled_from([None, "a", "b", "label", "split"]),
    st.sampled_from(["first", "any"]),
    st.sampled_from([{}, {"features": 0.5}, {"features": 0.99, "text": 0.5}]),
    st.sampled_from(["auto", "all", "none"]),
)
def test_columns_of_any_type_as_inputs_and_tasks_give_a_pool_or_one_message(
    tmp_path_factory: pytest.TempPathFactory,
    columns: dict[str, str],
    features: list[str],
    task: str | None,
    rows_kept: Any,
    masks: dict[str, float],
    standardise: Any,
) -> None:
    pool = make_table(N, **{name: COLUMNS[of] for name, of in columns.items()})
    judge(
        pool,
        tmp_path_factory.getbasetemp() / "inputs",
        features=tuple(features),
        task=task,
        rows_kept=rows_kept,
        mask_modality=masks,
        standardise=standardise,
    )


@pytest.mark.parametrize("role", ["label", "id", "split"])
@pytest.mark.parametrize("of", ["categories out of range", "categories not UTF-8", "not UTF-8"])
def test_columns_that_would_crash_the_process_or_raise_another_error_are_reported(
    tmp_path: Path, role: str, of: str
) -> None:
    found = judge(make_table(N, **{role: COLUMNS[of]}), tmp_path)
    assert f"the column {role!r}" in found
    assert "cannot be read" in found


@pytest.mark.parametrize("of", ["words", "large words", "viewed words", "categories"])
def test_text_of_any_type_can_be_labels_ids_and_splits(tmp_path: Path, of: str) -> None:
    names = pa.array([f"row-{i}" for i in range(N)]).cast(COLUMNS["words"].type)
    kind = COLUMNS[of].type
    splits = pa.array(["train", "val", "test"] * (N // 3))

    def held(column: Any) -> Any:
        return column.dictionary_encode() if of == "categories" else column.cast(kind)

    table = make_table(N, label=COLUMNS[of], id=held(names), split=held(splits))
    assert judge(table, tmp_path) == ""


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9, 10, 11])
@pytest.mark.parametrize("has_split", [True, False])
def test_run_and_check_agree_on_tiny_pools(tmp_path: Path, n: int, has_split: bool) -> None:
    judge(make_table(n) if has_split else make_table(n, split=None), tmp_path)


# Metadata

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["text", "label", "split", "class", "target"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)  # fmt: skip


@pytest.mark.long
@settings(max_examples=150)
@given(
    st.one_of(
        st.binary(max_size=30),
        VALUES.map(lambda value: json.dumps(value).encode()),
        st.dictionaries(
            st.sampled_from([*ROLES, "features", "other"]), VALUES, min_size=1, max_size=3
        ).map(lambda some: json.dumps({**ROLES, **some}).encode()),
    )
)
def test_metadata_of_any_shape_gives_a_pool_or_one_message(
    tmp_path_factory: pytest.TempPathFactory, text: bytes
) -> None:
    table = make_table(N).replace_schema_metadata({b"alsim": text})
    judge(table, tmp_path_factory.getbasetemp() / "metadata")


def test_a_schema_in_the_metadata_that_does_not_fit_the_columns_gives_one_message(
    tmp_path: Path,
) -> None:
    lists = embeddings([[1.0, 2.0]] * N)
    table = make_table(N, text=lists, picture=None)
    for width in (3, 2**20, 2**31 - 1):
        claim = table.schema.set(1, pa.field("text", pa.list_(pa.float32(), width)))
        with pq.ParquetWriter(tmp_path / "p.parquet", table.schema, store_schema=False) as writer:
            writer.write_table(table)
            encoded = base64.b64encode(claim.serialize().to_pybytes())
            writer.add_key_value_metadata({"ARROW:schema": encoded.decode()})
        assert "cannot be decoded" in judge(tmp_path / "p.parquet", tmp_path / "pool")
