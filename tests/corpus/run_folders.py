"""Bad run folders: each makes `alsim plot FOLDER` end with exit code 4 and one message.

A dictionary from a name to the function that writes the folder at a path. Faults of
permissions are left out for root, who may read everything.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from journals import line_of, make_entry, records_of, sign, write_journal, write_run

from alsim.store.curves import write_tables
from alsim.store.manifest import write_manifest

Write = Callable[[Path], None]


def _complete(folder: Path) -> None:
    """Write a complete run without faults."""
    folder.mkdir()
    write_manifest(folder, {"status": "complete", "evaluation_split": "test"})
    write_tables(folder, [make_entry(step).round for step in range(3)])


def _killed(folder: Path) -> None:
    """Write a killed run without faults."""
    write_run(folder, {"status": "running"})


def _with_manifest(text: str | bytes) -> Write:
    def write(folder: Path) -> None:
        _complete(folder)
        (folder / "run.json").write_bytes(text.encode() if isinstance(text, str) else text)

    return write


def _with_steps(change: Callable[[Path], None]) -> Write:
    def write(folder: Path) -> None:
        _complete(folder)
        change(folder / "steps.parquet")

    return write


def _with_table(change: Callable[[pa.Table], pa.Table]) -> Write:
    return _with_steps(lambda path: pq.write_table(change(pq.read_table(path)), path))


def _with_journal(change: Callable[[Path], None]) -> Write:
    def write(folder: Path) -> None:
        _killed(folder)
        change(folder / "journal" / "0000.jsonl")

    return write


def _with_records(change: Callable[[list[dict[str, Any]]], object]) -> Write:
    """Return a writer of a journal with changed records, each with the right digest."""

    def write(path: Path) -> None:
        records = records_of(path)
        change(records)
        path.write_bytes(b"".join(map(line_of, records)))

    return _with_journal(write)


def _flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)


def _cut(path: Path, n: int) -> None:
    os.truncate(path, path.stat().st_size - n)


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _replace_by_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _no_manifest(folder: Path) -> None:
    _complete(folder)
    (folder / "run.json").unlink()


def _manifest_is_a_folder(folder: Path) -> None:
    _complete(folder)
    _replace_by_folder(folder / "run.json")


def _file(folder: Path) -> None:
    folder.write_text("thesis")


def _loop(folder: Path) -> None:
    folder.symlink_to(folder.name)


def _nothing_recorded(folder: Path) -> None:
    write_run(folder, {"status": "running"}, n=1)
    for path in (folder / "journal").iterdir():
        path.write_bytes(path.read_bytes().partition(b"\n")[0])


def _interrupted_without_tables(folder: Path) -> None:
    folder.mkdir()
    write_manifest(folder, {"status": "interrupted"})


def _journals_are_a_file(folder: Path) -> None:
    _interrupted_without_tables(folder)
    (folder / "journal").write_text("")


def _journal_twice(folder: Path) -> None:
    _killed(folder)
    (folder / "journal" / "copy.jsonl").write_bytes(
        (folder / "journal" / "0000.jsonl").read_bytes()
    )


def _ids_of_two_kinds(folder: Path) -> None:
    _killed(folder)
    path = write_journal(folder / "journal" / "0002.jsonl", strategy="random")
    records = records_of(path)
    records[1]["round"]["queries"][0][1] = "a"  # rank, id …
    path.write_bytes(b"".join(map(line_of, records)))


def _item(records: list[dict[str, Any]], at: int, value: object) -> None:
    """Change an entry of the last step's first item: task, rows, bits."""
    records[-2]["round"]["items"][0][at] = value


def _contribution(records: list[dict[str, Any]], values: str) -> None:
    records[-1]["contributions"][0][-1] = values


def _no_steps(folder: Path) -> None:
    _complete(folder)
    write_tables(folder, [])


def _unreadable(path: Path) -> None:
    path.chmod(0)


def _unreadable_manifest(folder: Path) -> None:
    _complete(folder)
    (folder / "run.json").chmod(0)


def _manifest(**values: object) -> str:
    return json.dumps({"schema": 4, "status": "complete", **values})


BAD_RUNS: dict[str, Write] = {
    "no run.json": _no_manifest,
    "an empty folder": Path.mkdir,
    "a file for a folder": _file,
    "a link to itself": _loop,
    "run.json is a folder": _manifest_is_a_folder,
    "run.json is empty": _with_manifest(""),
    "run.json is cut": _with_manifest(_manifest()[:-5]),
    "run.json is a list": _with_manifest("[1, 2]"),
    "run.json is not UTF-8": _with_manifest(b'{"schema": 4, "status": "\xff\xfe"}'),
    "run.json is UTF-16": _with_manifest(_manifest().encode("utf-16")),
    "run.json is zeros, as a power cut leaves it": _with_manifest(b"\0" * 512),
    "run.json is brackets within brackets": _with_manifest("[" * 200_000),
    "no schema": _with_manifest('{"status": "complete"}'),
    "a later schema": _with_manifest(_manifest(schema=5)),
    "a schema that is no number": _with_manifest(_manifest(schema=float("nan"))),
    "a schema of more digits than Python reads": _with_manifest('{"schema": ' + "2" * 5000 + "}"),
    "a schema of lists": _with_manifest('{"schema": ' + "[" * 500 + "]" * 500 + "}"),
    "no status": _with_manifest('{"schema": 4}'),
    "an unknown status": _with_manifest(_manifest(status="done")),
    "a status that is a list": _with_manifest(_manifest(status=["complete"])),
    "a status that is no text": _with_manifest('{"schema": 4, "status": "\\ud800"}'),
    "no steps": _no_steps,
    "a missing table": _with_steps(Path.unlink),
    "an empty table": _with_steps(lambda path: os.truncate(path, 0)),
    "a cut table": _with_steps(lambda path: _cut(path, 1)),
    "a table cut in the middle": _with_steps(lambda path: _cut(path, path.stat().st_size // 2)),
    "a table that is not Parquet": _with_steps(lambda path: path.write_bytes(b"a,b\n1,2\n" * 9)),
    "a table with a byte changed": _with_steps(lambda path: _flip(path, 40)),
    "a table with its footer changed": _with_steps(
        lambda path: _flip(path, path.stat().st_size - 40)
    ),
    "a table that is a folder": _with_steps(_replace_by_folder),
    "a table that links to itself": _with_steps(_replace_by_loop),
    "a table without a column": _with_table(lambda table: table.drop_columns(["accuracy"])),
    "a table with a column of text": _with_table(
        lambda table: table.set_column(7, "accuracy", pa.array(["high"] * len(table)))
    ),
    "a table without a value": _with_table(
        lambda table: table.set_column(
            1, pa.field("seed", pa.int64()), pa.array([None, 0, 0], pa.int64())
        )
    ),
    "a table of another schema": _with_table(
        lambda table: table.replace_schema_metadata({"alsim.schema": "99"})
    ),
    "a table of no schema": _with_table(lambda table: table.replace_schema_metadata(None)),
    "interrupted without tables": _interrupted_without_tables,
    "journals without a whole record": _nothing_recorded,
    "journals are a file": _journals_are_a_file,
    "a journal that is a folder": _with_journal(_replace_by_folder),
    "a journal that links to itself": _with_journal(_replace_by_loop),
    "a journal with a byte changed": _with_journal(lambda path: _flip(path, 200)),
    "a journal of zeros before a whole line": _with_journal(
        lambda path: path.write_bytes(b"\0" * 100 + b"\n" + path.read_bytes())
    ),
    "a journal of another text": _with_journal(lambda path: path.write_text("one\ntwo\nthree\n")),
    "a journal without its first line": _with_records(lambda records: records.pop(0)),
    "a journal with a gap": _with_records(lambda records: records.pop(2)),
    "a journal with a step twice": _with_records(lambda records: records.insert(1, records[1])),
    "a journal that goes on after its end": _with_records(
        lambda records: records.append(records[-1])
    ),
    "a journal of a later schema": _with_records(lambda records: records[0].update(schema=5)),
    "a journal of two strategies": _with_records(
        lambda records: records[0].update(strategy="random")
    ),
    "a journal with a key of its own": _with_records(lambda records: records[1].update(note=1)),
    "a journal of brackets within brackets": _with_journal(
        lambda path: path.write_bytes(sign(b"[" * 200_000))
    ),
    "a journal of more digits than Python reads": _with_journal(
        lambda path: path.write_bytes(sign(b'{"schema": ' + b"2" * 5000 + b"}"))
    ),
    "a journal twice": _journal_twice,
    "ids of two kinds": _ids_of_two_kinds,
    "items of another task": _with_records(lambda records: _item(records, 0, "early")),
    "items of fewer rows": _with_records(lambda records: _item(records, 1, 5)),
    "items that are no base64": _with_records(lambda records: _item(records, 2, "**")),
    "contributions that are no base64": _with_records(lambda records: _contribution(records, "*")),
    "contributions of fewer rows": _with_records(lambda records: _contribution(records, "")),
}
if os.name == "posix" and os.geteuid() != 0:
    BAD_RUNS["run.json may not be read"] = _unreadable_manifest
    BAD_RUNS["a table may not be read"] = _with_steps(_unreadable)
    BAD_RUNS["a journal may not be read"] = _with_journal(_unreadable)
