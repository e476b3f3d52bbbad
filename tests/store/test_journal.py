import errno
import json
import math
import os
import signal
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from journals import (
    ODD,
    append_missing,
    is_prefix,
    json_of,
    line_of,
    make_ending,
    make_entry,
    records_of,
    sign,
    write_journal,
)

from alsim.errors import StoreError
from alsim.experiments.curves.records import MetricRecord, Round
from alsim.store.curve_journal import Journal, read_journal
from alsim.store.curve_lines import Ending, Entry, Recorded, round_from_json, round_to_json

TESTS = Path(__file__).parents[1]


def read(path: Path) -> Recorded:
    found = read_journal(path)
    assert found is not None
    return found


def read_or_error(path: Path) -> Recorded | StoreError | None:
    try:
        return read_journal(path)
    except StoreError as error:
        return error


def base64(data: bytes) -> str:
    return b64encode(data).decode()


def forge(path: Path, *records: object) -> Path:
    """Write a journal of arbitrary records, each with the right digest."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(map(line_of, records)))
    return path


def test_a_journal_returns_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "journal" / "0000.jsonl"
    entries = tuple(make_entry(step) for step in range(3))
    ending = Ending("done", 2, {"save": 0.5})
    with Journal.open(path, "margin", 7) as journal:
        assert journal.recorded == Recorded("margin", 7, (), None, 0)
        for entry in entries:
            journal.append(entry)
        journal.end(ending)
        journal.sync()
    assert read_journal(path) == Recorded("margin", 7, entries, ending, path.stat().st_size)


@pytest.mark.parametrize("odd", ODD)
def test_unusual_numbers_are_read_back_to_the_bit(tmp_path: Path, odd: float) -> None:
    done = make_entry(0).round
    queries = tuple(replace(query, score=odd, id="") for query in done.queries)
    sigmas = tuple(replace(metric, metric="sigma", value=odd) for metric in done.metrics)
    nll = replace(done.step, nll=abs(odd))
    entry = Entry(Round(nll, sigmas, queries), {"query": 5e-324})
    path = tmp_path / "0000.jsonl"
    with Journal.open(path, "margin", 7) as journal:
        journal.append(entry)
    # Compared by representation: nan is not equal to itself, and -0.0 is equal to 0.0.
    assert repr(read(path).entries) == repr((entry,))


def metrics_as_written(*metrics: tuple[str, str | None, float]) -> list[Any]:
    """Return the rows of a journal for these metrics, labels and values of one head."""
    done = make_entry(0).round
    named = tuple(
        MetricRecord("margin", 7, 0, "label", "mixed", "all", *metric) for metric in metrics
    )
    written = json_of(replace(done, metrics=named))
    assert round_from_json(written).metrics == named
    return written["metrics"]


def test_values_by_label_share_one_row_and_others_have_a_row_each() -> None:
    at = ["label", "mixed", "all"]
    assert metrics_as_written(
        ("accuracy", None, 0.5), ("recall", "ant", 0.25), ("recall", "bee", 1), ("sigma", None, 2)
    ) == [
        [*at, "accuracy", 0.5], [*at, "recall", {"ant": 0.25, "bee": 1.0}], [*at, "sigma", 2.0],
    ]  # fmt: skip


def test_labels_in_any_order_or_repeated_are_read_back_unchanged() -> None:
    at = ["label", "mixed", "all"]
    found = metrics_as_written(
        *[("recall", "b", 0.5), ("recall", "a", 0.25), ("recall", "b", 0.75)],
        *[("recall", None, 1.0), ("recall", "c", 0.5), ("f1", "c", 0.5)],
    )
    assert found == [
        *[[*at, "recall", {"b": 0.5, "a": 0.25}], [*at, "recall", {"b": 0.75}]],
        *[[*at, "recall", 1.0], [*at, "recall", {"c": 0.5}], [*at, "f1", {"c": 0.5}]],
    ]
    assert list(found[0][-1]) == ["b", "a"]


@pytest.mark.parametrize("ids", [(2**63 - 1, -(2**63), 0), ("", "a\nb", "\0", "обувь", "1")])
def test_ids_are_read_back_unchanged(tmp_path: Path, ids: tuple[str | int, ...]) -> None:
    path = tmp_path / "0000.jsonl"
    with Journal.open(path, "bald(k=20)", 2**40) as journal:
        journal.append(make_entry(0, "bald(k=20)", 2**40, ids=ids))
    found = read(path).entries[0].round.queries
    assert tuple(query.id for query in found) == ids
    assert {query.score for query in found} == {None}


def test_an_integer_where_a_number_belongs_is_read_as_that_number(tmp_path: Path) -> None:
    header, first, *_ = records_of(write_journal(tmp_path / "0000.jsonl"))
    first["round"]["step"]["cost"] = 21
    cost = read(forge(tmp_path / "forged.jsonl", header, first)).entries[0].round.step.cost
    assert cost == 21
    assert type(cost) is float


def test_an_integer_where_a_number_belongs_is_written_as_it_will_be_read() -> None:
    done = make_entry(1).round
    scored = replace(done, queries=(replace(done.queries[0], score=3),))
    assert scored == round_from_json(round_to_json(scored))
    assert repr(round_to_json(scored)) == repr(
        round_to_json(round_from_json(round_to_json(scored)))
    )


def test_reading_a_missing_journal_returns_none(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "0000.jsonl") is None
    (tmp_path / "0000.jsonl").touch()
    assert read_journal(tmp_path / "0000.jsonl") is None


@pytest.mark.long
def test_a_journal_cut_at_any_byte_keeps_its_whole_lines_and_can_be_completed(
    tmp_path: Path,
) -> None:
    path = write_journal(tmp_path / "0000.jsonl")
    whole = path.read_bytes()
    full = read(path)
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        n_lines = whole[:cut].count(b"\n")
        found = read_journal(path)
        assert is_prefix(found, full)
        assert (found is None) == (n_lines == 0)
        if found is not None:
            assert len(found.entries) == min(2, n_lines - 1)
            assert (found.ending is None) == (n_lines < 4)
            assert found.n_bytes == whole[:cut].rfind(b"\n") + 1
        with Journal.open(path, "margin", 7) as journal:
            append_missing(journal)
        assert path.read_bytes() == whole


@pytest.mark.long
@pytest.mark.parametrize("change", [0x01, 0xFF])
def test_no_changed_byte_is_read_as_another_value(tmp_path: Path, change: int) -> None:
    path = write_journal(tmp_path / "0000.jsonl", 2)
    whole = path.read_bytes()
    full = read(path)
    before_last = whole.rfind(b"\n", 0, -1)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= change
        path.write_bytes(damaged)
        found = read_or_error(path)
        if isinstance(found, StoreError):
            assert str(path) in found.args[1]
            assert "delete that file" in found.args[2]
        else:
            assert place >= before_last
            assert found is not None
            assert is_prefix(found, full)
            assert found.ending is None


@pytest.mark.parametrize(
    "torn", [b"\0" * 100, b"\0" * 5000 + b"\n", b"0123456789abcdef {}\n", b"x"]
)
def test_the_remains_of_a_power_cut_at_the_end_are_ignored_and_overwritten(
    tmp_path: Path, torn: bytes
) -> None:
    path = write_journal(tmp_path / "0000.jsonl", 2, is_done=False)
    before = path.read_bytes()
    path.write_bytes(before + torn)
    assert len(read(path).entries) == 2
    assert read(path).n_bytes == len(before)
    with Journal.open(path, "margin", 7) as journal:
        journal.append(make_entry(2))
    assert path.read_bytes().startswith(before)
    assert len(read(path).entries) == 3


def test_damage_beyond_the_last_line_is_an_error(tmp_path: Path) -> None:
    path = write_journal(tmp_path / "0000.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    for ending in (b"", lines[3][:10]):
        path.write_bytes(b"".join(lines[:2]) + b"x" + lines[2] + b"x" + lines[3] + ending)
        with pytest.raises(StoreError, match="does not match its digest") as caught:
            read_journal(path)
        assert caught.value.args[1] == f"{path}, line 3"


def test_a_journal_that_ends_within_its_first_line_is_started_again(tmp_path: Path) -> None:
    path = write_journal(tmp_path / "0000.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole[:10])
    with Journal.open(path, "margin", 7) as journal:
        append_missing(journal)
    assert path.read_bytes() == whole


def test_damage_before_a_whole_line_is_reported_with_file_line_and_remedy(
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    path = write_journal(run / "journal" / "0000.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"margin", b"random")
    path.write_bytes(b"".join(lines))
    for act in (read_journal, lambda path: Journal.open(path, "margin", 7)):
        with pytest.raises(StoreError, match="does not match its digest") as caught:
            act(path)
        assert caught.value.args[1] == f"{path}, line 3"
        assert caught.value.args[2] == (
            f"delete that file; then this computes it again: alsim resume {run}"
        )
    assert path.read_bytes() == b"".join(lines)


def wrong_journals() -> dict[str, tuple[str, list[object]]]:
    """Return invalid records with right digests, and their error messages."""
    header = {"schema": 4, "strategy": "margin", "seed": 7}

    def entry(step: int, **changes: object) -> dict[str, object]:
        kept = make_entry(step)
        return {"round": json_of(kept.round), "seconds": dict(kept.seconds), **changes}

    def step(**changes: object) -> dict[str, object]:
        record = entry(0)
        record["round"]["step"].update(changes)  # type: ignore[index]
        return record

    def later(**changes: object) -> dict[str, object]:
        record = entry(1)
        record["round"]["step"].update(changes)  # type: ignore[index]
        return record

    def query(**changes: object) -> dict[str, object]:
        record = entry(0)
        row: list[object] = record["round"]["queries"][0]  # type: ignore[index]
        columns = ["rank", "id", "task", "score", "cost", "questions", "answer"]
        for name, value in changes.items():
            row[columns.index(name)] = value
        return record

    def recall(value: object) -> dict[str, object]:
        record = entry(0)
        record["round"]["metrics"][1][-1] = value  # type: ignore[index]
        return record

    def item(place: int, *row: object) -> dict[str, object]:
        record = entry(1 if place > 1 else 0)
        record["round"]["items"][place % 2] = list(row)  # type: ignore[index]
        return record

    def without_items(step: int) -> dict[str, object]:
        record = entry(step)
        record["round"]["items"] = []  # type: ignore[index]
        return record

    def end(*row: object) -> dict[str, object]:
        return {**done, "contributions": [list(row)]}

    done = {"end": "done", "step": 0, "seconds": {}, "contributions": []}
    eleven, three = base64(b"\x16\x00"), base64(b"\x0a\x04")
    of_rows, of_few = (base64(each.values.values) for each in make_ending(0).contributions)
    endless, odd = base64(b"\0\0\x80\x7f" * 11), base64(bytes(44))
    metrics, short = entry(0), entry(0)
    metrics["round"]["metrics"] = {}  # type: ignore[index]
    short["round"]["queries"][0].pop()  # type: ignore[index]
    return {
        "a first line that is a list": ("Expected `object`, got `array`", [[1]]),
        "no schema": ("no schema version", [{"strategy": "margin", "seed": 7}]),
        "a later schema": ("unknown schema version 5", [{"schema": 5, "curve": 1}]),
        "a schema of lists": ("unknown schema version", [{"schema": [[[[]]]]}]),
        "a header of more keys": ("unknown field `more`", [{**header, "more": 1}]),
        "a seed of text": ("Expected `int`, got `str`", [{**header, "seed": "7"}]),
        "a seed that is true": ("Expected `int`, got `bool`", [{**header, "seed": True}]),
        "a seed beyond 64 bits": ("<= 9223372036854775807", [{**header, "seed": 2**63}]),
        "text that is none": ("surrogates not allowed", []),  # its bytes are made below
        "two headers": ("unknown field `schema`", [header, header]),
        "a gap": (r"\('margin', 7, 0\) should follow", [header, entry(1)]),
        "a step twice": (r"\('margin', 7, 1\) should follow", [header, entry(0), entry(0)]),
        "another strategy": ("random", [header, step(strategy="random")]),
        "a query that lacks a value": ("Expected `array` of length 7, got 6", [header, short]),
        "a record after the end": ("follows the end", [header, entry(0), done, entry(1)]),
        "an end after the end": ("follows the end", [header, entry(0), done, done]),
        "an end of nothing": ("done at step -1", [header, {**done, "step": -1}]),
        "an end elsewhere": ("done at step 3 after 1", [header, entry(0), {**done, "step": 3}]),
        "an unknown end": ("Invalid enum value", [header, entry(0), {**done, "end": "tired"}]),
        "an endless end": ("Invalid enum value", [header, entry(0), {**done, "end": "x" * 9999}]),
        "an end that is a list": (
            "`str`, got `array`",
            [header, entry(0), {**done, "end": []}],
        ),
        "diverged at a recorded step": (
            "diverged at step 0",
            [header, entry(0), {**done, "end": "diverged"}],
        ),
        "a column more": ("unknown field `colour`", [header, step(colour="red")]),
        "a score of text": (r"`float \| null`, got `str`", [header, query(score="high")]),
        "an accuracy that is missing": (
            "`float`, got `null`",
            [header, step(accuracy=None)],
        ),
        "a float for an integer": ("Expected `int`, got `float`", [header, query(questions=1.0)]),
        "seconds in a list": ("Expected `object`, got `array`", [header, entry(0, seconds=[1])]),
        "seconds in words": (
            "`float`, got `str`",
            [header, entry(0, seconds={"query": "long"})],
        ),
        "metrics in an object": ("Expected `array`, got `object`", [header, metrics]),
        "fewer labels than none": ("n_labelled cannot be -5", [header, step(n_labelled=-5)]),
        "more labels than rows": ("n_labelled cannot be 46116", [header, step(n_labelled=2**62)]),
        "an accuracy that is none": ("accuracy cannot be nan", [header, step(accuracy=math.nan)]),
        "an accuracy above 1": ("accuracy cannot be 1.5", [header, step(accuracy=1.5)]),
        "a loss below 0": ("nll cannot be -inf", [header, step(nll=-math.inf)]),
        "a negative cost": (r"cost cannot be -1e\+308", [header, step(cost=-1e308)]),
        "an infinite cost": ("cost cannot be inf", [header, query(cost=math.inf)]),
        "an id beyond 64 bits": ("<= 9223372036854775807", [header, query(id=2**63)]),
        "a negative rank": ("rank cannot be -1", [header, query(rank=-1)]),
        "a recall above 1": ("the value of recall cannot be 2.0", [header, recall({"ant": 2.0})]),
        "negative seconds": ("Expected `float` >= 0", [header, entry(0, seconds={"query": -1})]),
        "endless seconds": (
            "`float` <= 1.7",
            [header, entry(0, seconds={"end": math.inf})],
        ),
        "fewer labels than before": (
            "n_labelled falls from 20 to 19",
            [header, entry(0), later(n_labelled=19)],
        ),
        "less cost than before": ("cost falls from 20.5 to 1.0", [header, entry(0), later(cost=1)]),
        "fewer questions than before": (
            "n_questions falls from 40 to 0",
            [header, entry(0), later(n_questions=0)],
        ),
        "a metric of no value": ("Expected `object` of length >= 1", [header, recall({})]),
        "a recall of text": (
            "`float`, got `str`",
            [header, recall({"ant": 0.5, "bee": "all"})],
        ),
        "recalls in a list": ("got `array`", [header, recall([0.5])]),
        "a round without items": (
            "missing required field `items`",
            [header, {**entry(0), "round": {k: [] for k in ("metrics", "queries")} | {"step": {}}}],
        ),
        "items of fewer bytes": (
            "1 bytes hold no bits of 11",
            [header, item(0, "label", 11, "Fg==")],
        ),
        "items of more bytes": ("2 bytes hold no bits of 8", [header, item(0, "label", 8, eleven)]),
        "items of bad base64": ("Invalid base64", [header, item(0, "label", 11, "?!")]),
        "items of numbers": ("Expected `bytes`, got `int`", [header, item(0, "label", 11, 22)]),
        "items of no rows": ("Expected `int` >= 1", [header, item(0, "label", 0, "")]),
        "items of many rows": ("hold no bits of 4611", [header, item(0, "label", 2**62, eleven)]),
        "items after the last row": (
            "a bit is set of none of the 9 rows",
            [header, item(0, "label", 9, base64(b"\x16\x02"))],
        ),
        "items of unknown rows": (
            "or of one without a bit",
            [header, item(1, "late", 11, base64(b"\x01\x00"), three)],
        ),
        "items that are all known": (
            "of 11 rows all are known",
            [header, item(1, "late", 11, eleven, base64(b"\xff\x07"))],
        ),
        "items known to nobody": (
            "Expected `bytes`, got `null`",
            [header, item(1, "late", 11, eleven, None)],
        ),
        "items known by fewer bytes": (
            "0 bytes hold no bits of 11",
            [header, item(1, "late", 11, eleven, "")],
        ),
        "items of a task twice": ("a task twice", [header, item(1, "label", 11, eleven)]),
        "items of other rows than before": (
            "items of 'label' are of other rows",
            [header, entry(0), item(2, "label", 12, eleven)],
        ),
        "items of other known rows": (
            "items of 'late' are of other rows",
            [header, entry(0), item(3, "late", 11, base64(b"\x08\x00"), base64(b"\x08\x00"))],
        ),
        "items of another task": (
            "items of 'early' are of other rows",
            [header, entry(0), item(3, "early", 11, eleven)],
        ),
        "items that end": (
            "items of 'label' are of other rows",
            [header, entry(0), without_items(1)],
        ),
        "an end without contributions": (
            "missing required field `contributions`",
            [header, entry(0), {k: v for k, v in done.items() if k != "contributions"}],
        ),
        "contributions of fewer rows": (
            "macro_f1 of 'label' are none, or of other rows",
            [header, entry(0), end("label", "macro_f1", "area", base64(bytes(40)))],
        ),
        "contributions of half a number": (
            "are none, or of other rows",
            [header, entry(0), end("label", "macro_f1", "area", base64(bytes(43)))],
        ),
        "contributions of unknown rows": (
            "auc of 'late' are none, or of other rows",
            [header, entry(0), end("late", "auc", "area", of_rows)],
        ),
        "contributions of rows that are known": (
            "auc of 'label' are none, or of other rows",
            [header, entry(0), end("label", "auc", "area", of_few)],
        ),
        "endless contributions": (
            "are none, or of other rows",
            [header, entry(0), end("label", "auc", "area", endless)],
        ),
        "contributions to a task without items": (
            "auc of 'x' are none",
            [header, entry(0), end("x", "auc", "area", odd)],
        ),
        "contributions to nothing": (
            "auc of 'label' are none",
            [header, {**end("label", "auc", "area", odd), "end": "diverged"}],
        ),
        "contributions of an unknown part": (
            "Invalid enum value",
            [header, entry(0), end("label", "auc", "first", odd)],
        ),
        "contributions of bad base64": (
            "Invalid base64",
            [header, entry(0), end("label", "auc", "area", "*")],
        ),
        "contributions twice": (
            "the same contributions twice",
            [header, entry(0), {**done, "contributions": [["label", "auc", "area", odd]] * 2}],
        ),
    }


@pytest.mark.parametrize("name", wrong_journals())
def test_a_whole_line_without_meaning_is_one_clear_error(tmp_path: Path, name: str) -> None:
    what, records = wrong_journals()[name]
    path = forge(tmp_path / "0000.jsonl", *records)
    if not records:
        path.write_bytes(sign(b'{"schema": 4, "strategy": "\\ud800", "seed": 7}'))
    with pytest.raises(StoreError, match=what) as caught:
        read_journal(path)
    assert str(path) in caught.value.args[1]
    assert len(caught.value.args[0]) < 300


def test_a_label_that_is_not_text_is_one_clear_error(tmp_path: Path) -> None:
    header, record, *_ = records_of(write_journal(tmp_path / "whole.jsonl"))
    record["round"]["metrics"][1][-1] = {"\ud800": 0.5}
    path = tmp_path / "0000.jsonl"
    path.write_bytes(line_of(header) + sign(json.dumps(record).encode()))
    with pytest.raises(StoreError, match="surrogates not allowed"):
        read_journal(path)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"schema":' + b"[" * 100_000,
        b'{"schema": ' + b"[" * 400 + b"]" * 400 + b"}",
        b'{"schema": 4, "strategy": "margin", "seed": ' + b"7" * 5000 + b"}",
        b'{"schema": 4, "strategy": "margin", "seed": 1e999}',
        b'{"schema": 4, "strategy": "\xff", "seed": 7}',
        '{"schema": 4, "strategy": "margin", "seed": 7}'.encode("utf-16"),
        b"",
        b" ",
        b"\0",
        b"null",
    ],
)
def test_any_bytes_raise_at_most_a_store_error(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "0000.jsonl"
    path.write_bytes(sign(body))
    with pytest.raises(StoreError) as caught:
        read_journal(path)
    assert str(path) in caught.value.args[1]
    assert len(str(caught.value)) < 1000


def test_a_journal_that_is_not_a_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot read: Is a directory"):
        read_journal(tmp_path)
    (tmp_path / "journal").touch()
    with pytest.raises(StoreError, match="cannot read: Not a directory"):
        read_journal(tmp_path / "journal" / "0000.jsonl")
    with pytest.raises(StoreError, match="Not a directory"):
        Journal.open(tmp_path / "journal" / "0000.jsonl", "margin", 7)


def test_the_journal_of_another_curve_is_not_continued(tmp_path: Path) -> None:
    path = write_journal(tmp_path / "0000.jsonl")
    before = path.read_bytes()
    for strategy, seed in (("random", 7), ("margin", 8)):
        with pytest.raises(StoreError, match=f"not of {strategy}, seed {seed}"):
            Journal.open(path, strategy, seed)
    assert path.read_bytes() == before


def test_only_the_next_step_of_the_curve_can_be_written(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "0000.jsonl", "margin", 7) as journal:
        for wrong in (make_entry(1), make_entry(0, "random"), make_entry(0, seed=8)):
            with pytest.raises(ValueError, match="should follow"):
                journal.append(wrong)
        with pytest.raises(ValueError, match="after 0 rounds"):
            journal.end(Ending("done", 0, {}))
        journal.append(make_entry(0))
        journal.end(Ending("diverged", 1, {}))
        for write in (
            lambda: journal.append(make_entry(1)),
            lambda: journal.end(Ending("done", 0, {})),
        ):
            with pytest.raises(ValueError, match="has ended"):
                write()
    assert read(tmp_path / "0000.jsonl").ending == Ending("diverged", 1, {})


def test_a_curve_can_diverge_before_its_first_round(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "0000.jsonl", "margin", 7) as journal:
        journal.end(Ending("diverged", 0, {"passive": 3.0}))
    assert read(tmp_path / "0000.jsonl").ending == Ending("diverged", 0, {"passive": 3.0})


def test_a_closed_journal_can_be_closed_again(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "0000.jsonl", "margin", 7)
    journal.close()
    journal.close()


def test_a_disk_that_takes_a_few_bytes_at_a_time_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_journal(tmp_path / "whole.jsonl").read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    assert write_journal(tmp_path / "slow.jsonl").read_bytes() == whole


@pytest.mark.long
def test_a_disk_that_fills_up_at_any_byte_leaves_whole_lines_that_can_be_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_journal(tmp_path / "whole.jsonl", 2).read_bytes()
    full = read(tmp_path / "whole.jsonl")
    write = os.write
    for room in range(0, len(whole), 7):
        path = tmp_path / f"{room}.jsonl"

        def write_some(descriptor: int, data: bytes, path: Path = path, room: int = room) -> int:
            left = room - path.stat().st_size
            if left <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(descriptor, data[:left])

        with monkeypatch.context() as patched:
            patched.setattr(os, "write", write_some)
            with pytest.raises(StoreError, match="No space left") as caught:
                write_journal(path, 2)
            assert "free some space" in caught.value.args[2]
        kept = path.read_bytes()
        assert whole.startswith(kept)
        assert not kept or kept.endswith(b"\n")
        assert is_prefix(read_journal(path), full)
        with Journal.open(path, "margin", 7) as journal:
            append_missing(journal, 2)
        assert path.read_bytes() == whole


def test_a_journal_can_be_written_again_after_a_failed_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write

    def write_half_then_fail(descriptor: int, data: bytes) -> int:
        write(descriptor, data[: len(data) // 2])
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with Journal.open(tmp_path / "0000.jsonl", "margin", 7) as journal:
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", write_half_then_fail)
            with pytest.raises(StoreError, match="quota"):
                journal.append(make_entry(0))
        append_missing(journal)
    assert read(tmp_path / "0000.jsonl") == read(write_journal(tmp_path / "whole.jsonl"))


def test_a_failed_flush_to_disk_is_a_store_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with Journal.open(tmp_path / "0000.jsonl", "margin", 7) as journal:
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(StoreError, match="Input/output error"):
            journal.sync()
    with pytest.raises(StoreError, match="Input/output error"):
        Journal.open(tmp_path / "0001.jsonl", "margin", 7)


@pytest.mark.skipif(os.name != "posix", reason="an open file cannot be deleted there")
def test_a_journal_deleted_while_running_is_noticed_at_the_next_round(tmp_path: Path) -> None:
    path = tmp_path / "0000.jsonl"
    with Journal.open(path, "margin", 7) as journal:
        path.unlink()
        with pytest.raises(StoreError, match="No such file") as caught:
            journal.append(make_entry(0))
    assert "moved or deleted under way" in caught.value.args[2]


def test_a_run_deleted_while_running_is_not_recreated_for_its_journal(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        Journal.open(tmp_path / "gone" / "journal" / "0000.jsonl", "margin", 7)
    assert list(tmp_path.iterdir()) == []


LIMITED = """
import sys; sys.path.insert(0, sys.argv[1])
import resource, signal
from pathlib import Path
from journals import write_journal
from alsim.errors import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    write_journal(Path(sys.argv[2]), 1000)
except StoreError as error:
    print(error)
"""


@pytest.mark.process
@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit of file sizes")
def test_a_real_limit_of_the_file_size_leaves_a_readable_journal(tmp_path: Path) -> None:
    path = tmp_path / "0000.jsonl"
    said = subprocess.run(
        [sys.executable, "-c", LIMITED, str(TESTS), str(path), "20000"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.startswith("cannot write: File too large")
    n = len(read(path).entries)
    whole = write_journal(tmp_path / "whole.jsonl", 1000, is_done=False).read_bytes()
    assert path.read_bytes() == b"".join(whole.splitlines(keepends=True)[: n + 1])
    assert 20_000 - path.stat().st_size < 1000


APPENDING = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from journals import make_entry
from alsim.store.curve_journal import Journal
with Journal.open(Path(sys.argv[2]), "margin", 7) as journal:
    print("ready", flush=True)
    for step in range(len(journal.recorded.entries), 10**9):
        journal.append(make_entry(step))
        journal.sync()
"""


@pytest.mark.process
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_journal_is_read_while_it_is_written_and_after_its_writer_was_killed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "0000.jsonl"
    n_before = 0
    for _ in range(2):
        command = [sys.executable, "-c", APPENDING, str(TESTS), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            counts = [n_before]
            while counts[-1] < n_before + 50:
                counts.append(len(read(path).entries))
            process.send_signal(signal.SIGKILL)
        assert counts == sorted(counts)
        found = read(path)
        n_before = len(found.entries)
        assert found.entries == tuple(make_entry(step) for step in range(n_before))
