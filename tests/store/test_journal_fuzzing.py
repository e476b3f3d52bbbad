"""Any bytes of a journal give its records or one StoreError."""

import copy
import math
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import append_missing, is_prefix, json_of, line_of, records_of, sign, write_journal

from alsim.errors import StoreError
from alsim.experiments.curves.records import (
    ItemRecord,
    MetricRecord,
    QueryRecord,
    Round,
    RowBits,
    StepRecord,
)
from alsim.store.curve_journal import Journal, read_journal
from alsim.store.curve_lines import Entry, Recorded, round_from_json, round_to_json
from alsim.store.curves import read_run
from alsim.store.manifest import write_manifest

ints = st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]))  # a lone surrogate is not text
names = texts | st.just("a")  # so that some are equal
counts = st.integers(0, 2**48)
shares, amounts, losses = st.floats(0, 1), st.floats(0, 1e308), st.floats(0) | st.just(math.nan)


def packed(rows: list[bool | None]) -> RowBits:
    """Return rows as bits, of which None has none."""
    known = sum((row is not None) << place for place, row in enumerate(rows))
    ones = sum(bool(row) << place for place, row in enumerate(rows))
    n = len(rows)
    a, b = (number.to_bytes((n + 7) // 8, "little") for number in (ones, known))
    return RowBits(n, a, None if None not in rows else b)


bits = st.lists(st.booleans() | st.none(), min_size=1, max_size=20).map(packed)
items = st.lists(
    st.builds(ItemRecord, texts, ints, counts, texts, bits), max_size=3, unique_by=lambda i: i.task
).map(tuple)
rounds = st.builds(
    Round,
    st.builds(
        StepRecord,
        *[texts, ints, counts, counts, amounts, counts, counts, *[shares] * 3, losses, shares],
    ),
    st.lists(
        st.builds(
            MetricRecord,
            *[texts, ints, counts, *[names] * 4, st.none() | names, st.floats()],
        ),
        max_size=6,
    ).map(tuple),
    st.lists(
        st.builds(
            QueryRecord,
            *[texts, ints, counts, counts, texts | ints, texts],
            *[st.none() | st.floats(), amounts, counts, texts],
        ),
        max_size=2,
    ).map(tuple),
    items,
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


@pytest.fixture(scope="module")
def whole(folder: Path) -> Path:
    return write_journal(folder / "whole.jsonl")


def read_or_refuse(path: Path, data: bytes) -> Recorded | None:
    """Return the records in the bytes, or None if they are refused correctly."""
    found = None
    path.write_bytes(data)
    try:
        found = read_journal(path)
    except StoreError as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        what, where, mend = refused.args
        assert what.startswith(("damaged journal: ", "no schema", "unknown schema"))
        assert str(path) in where
        assert len(str(refused)) < 2000
        assert mend
        return None
    # A readable journal can be continued and is read again unchanged.
    if found is not None:
        Journal.open(path, found.strategy, found.seed).close()
        assert repr(read_journal(path)) == repr(found)
        assert path.stat().st_size == found.n_bytes
    return found


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_or_empty(folder: Path, data: bytes) -> None:
    assert read_or_refuse(folder / "random.jsonl", data) is None


@pytest.mark.long
@given(st.lists(st.binary(max_size=60), max_size=4), st.binary(max_size=5))
def test_random_bytes_with_the_right_digests_are_refused(
    folder: Path, bodies: list[bytes], tail: bytes
) -> None:
    data = b"".join(map(sign, bodies)) + tail
    assert read_or_refuse(folder / "signed.jsonl", data) is None


@pytest.mark.long
@given(st.data())
def test_a_journal_with_inserted_removed_or_swapped_bytes_gives_no_wrong_records(
    folder: Path, whole: Path, data: st.DataObject
) -> None:
    true = read_journal(whole)
    assert true is not None
    parts = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(parts)))
        n = data.draw(st.integers(0, 20))
        source = data.draw(st.integers(0, len(parts)))
        new = data.draw(st.binary(max_size=8) | st.just(bytes(parts[source : source + n])))
        parts[place : place + n] = new
    path = folder / "mutated.jsonl"
    found = read_or_refuse(path, bytes(parts))
    assert is_prefix(found, true)
    if found is not None:
        with Journal.open(path, "margin", 7) as journal:
            append_missing(journal)
        assert path.read_bytes() == whole.read_bytes()


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Return each (container, key) in a JSON value, at any depth."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    found = [(value, key) for key in keys]
    for key in keys:
        if isinstance(value[key], dict | list):
            found += places_in(value[key])
    return found


@pytest.mark.long
@settings(max_examples=60)
@given(st.data())
def test_a_record_with_any_value_in_any_field_is_read_exactly_or_refused(
    folder: Path, whole: Path, data: st.DataObject
) -> None:
    records = records_of(whole)
    for _ in range(data.draw(st.integers(1, 2))):
        container, key = data.draw(st.sampled_from(places_in(records)))
        match data.draw(st.sampled_from(["put", "copy", "drop"])):
            case "put":
                container[key] = data.draw(anything)
            case "copy":
                container[key] = copy.deepcopy(records[0])
            case _:
                container.pop(key)
        if not records:
            break
    try:
        lines = b"".join(map(line_of, records))
    except UnicodeEncodeError:  # a surrogate cannot be written like this; see test_journal.py
        return
    found = read_or_refuse(folder / "forged.jsonl", lines)
    if found is not None and records:
        assert [json_of(entry.round) for entry in found.entries] == [
            record["round"] for record in records[1:] if "round" in record
        ] or "nan" in repr(found)


def of_one_step(done: Round) -> Round:
    """Return a round with all records of one step of one curve."""
    place = {"strategy": "margin", "seed": 7, "step": 0}
    return Round(
        replace(done.step, **place),
        tuple(replace(metric, **place) for metric in done.metrics),
        tuple(replace(query, **place) for query in done.queries),
        tuple(replace(item, **place) for item in done.items),
    )


@pytest.mark.long
@given(rounds)
def test_any_round_survives_json(done: Round) -> None:
    done = of_one_step(done)
    assert repr(round_from_json(round_to_json(done))) == repr(done)


@pytest.mark.long
@settings(max_examples=60)
@given(rounds, st.dictionaries(texts, amounts, max_size=2))
def test_any_round_survives_a_journal(folder: Path, done: Round, seconds: dict[str, float]) -> None:
    path = folder / "any.jsonl"
    path.unlink(missing_ok=True)
    entry = Entry(of_one_step(done), seconds)
    with Journal.open(path, "margin", 7) as journal:
        journal.append(entry)
    found = read_journal(path)
    assert found is not None
    assert repr(found.entries) == repr((entry,))


manifests = st.fixed_dictionaries(
    {"schema": st.sampled_from([2, 3, 4]) | anything},
    optional={"status": st.sampled_from(["running", "complete"]) | anything, "pool": anything},
)


@pytest.mark.long
@given(manifests | anything)
def test_any_json_in_run_json_gives_an_empty_run_or_one_error(folder: Path, value: Any) -> None:
    run = folder / "run"
    run.mkdir(exist_ok=True)
    write_manifest(run, {"status": "failed"})
    try:
        text = line_of(value).partition(b" ")[2]
    except UnicodeEncodeError:
        return
    (run / "run.json").write_bytes(text)
    with suppress(StoreError):
        assert read_run(run).steps.num_rows == 0
