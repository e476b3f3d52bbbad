"""Small learning curves for the tests of journals."""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from alsim.experiments.curves.records import (
    ContributionRecord,
    ItemRecord,
    MetricRecord,
    QueryRecord,
    Round,
    RowBits,
    RowNumbers,
    StepRecord,
)
from alsim.store.curve_journal import Journal
from alsim.store.curve_lines import Ending, Entry, Recorded, round_to_json

ODD = (math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1, 1 / 3, 1.7976931348623157e308)


def make_entry(
    step: int,
    strategy: str = "margin",
    seed: int = 7,
    *,
    ids: Sequence[str | int] = (3,),
    accuracy: float = 0.5,
) -> Entry:
    """Return a round with an accuracy, recalls of two classes, a query for each id, and items.

    The items are of 11 rows, all of which have a label, and of which three have one of "late".
    """
    place = (strategy, seed, step)
    return Entry(
        Round(
            StepRecord(*place, 20 + step, 20.5 + step, 40, 64, accuracy, 0.25, 1 / 3, 0.7, 0.125),
            (
                MetricRecord(*place, "label", "mixed", "all", "accuracy", None, 0.1 / (1 + step)),
                MetricRecord(*place, "label", "mixed", "all", "recall", "туфля", 1 / 3),
                MetricRecord(*place, "label", "mixed", "all", "recall", "boot", 1 / (3 + step)),
            ),
            tuple(
                QueryRecord(*place, k, id_, "label", 0.3 * k if step else None, 1.0, 1, "туфля")
                for k, id_ in enumerate(ids)
            ),
            (
                ItemRecord(*place, "label", RowBits(11, bytes([0b10110, step % 8]))),
                ItemRecord(*place, "late", RowBits(11, b"\x08\x00", b"\x0a\x04")),
            ),
        ),
        {"query": 0.1 * step, "train": 2.5},
    )


def make_ending(step: int, strategy: str = "margin", seed: int = 7) -> Ending:
    """Return the end of a curve after its last step, with contributions to one score each."""
    values = [0.5, -1.5, *[1 / 3] * 9]
    late = [math.nan, 1.0, math.nan, 2.0, *[math.nan] * 6, -1.0]
    return Ending(
        "done",
        step,
        {"save": 0.5},
        (
            ContributionRecord(strategy, seed, "label", "macro_f1", "area", numbers(values)),
            ContributionRecord(strategy, seed, "late", "auc", "last", numbers(late)),
        ),
    )


def numbers(values: Sequence[float]) -> RowNumbers:
    """Return numbers of rows."""
    return RowNumbers(struct.pack(f"<{len(values)}f", *values))


def write_journal(
    path: Path, n: int = 2, strategy: str = "margin", seed: int = 7, *, is_done: bool = True
) -> Path:
    """Write the journal of a curve of n rounds."""
    with Journal.open(path, strategy, seed) as journal:
        for step in range(n):
            journal.append(make_entry(step, strategy, seed))
        if is_done:
            journal.end(make_ending(n - 1, strategy, seed))
    return path


def append_missing(journal: Journal, n: int = 2) -> None:
    """Append the rounds that a journal lacks compared with `write_journal`."""
    held = journal.recorded
    for step in range(len(held.entries), n):
        journal.append(make_entry(step, held.strategy, held.seed))
    if held.ending is None:
        journal.end(make_ending(n - 1, held.strategy, held.seed))


def json_of(done: Round) -> dict[str, Any]:
    """Return a round as decoded from JSON."""
    return json.loads(json.dumps(round_to_json(done)))


def line_of(record: object) -> bytes:
    """Return the line of a journal that holds any JSON value, with the right digest."""
    return sign(json.dumps(record, ensure_ascii=False).encode())


def sign(body: bytes) -> bytes:
    """Return the line of a journal that holds any bytes, with the right digest."""
    return blake2b(body, digest_size=8).hexdigest().encode() + b" " + body + b"\n"


def records_of(path: Path) -> list[dict[str, Any]]:
    """Return the JSON of each line of a whole journal, by hand."""
    return [json.loads(line.partition(b" ")[2]) for line in path.read_bytes().splitlines()]


def is_prefix(found: Recorded | None, whole: Recorded) -> bool:
    """Return whether a journal is a beginning of the whole one; nan equals nan."""
    if found is None:
        return True
    n = len(found.entries)
    return (
        (found.strategy, found.seed) == (whole.strategy, whole.seed)
        and repr(found.entries) == repr(whole.entries[:n])
        and (found.ending is None or (found.ending, n) == (whole.ending, len(whole.entries)))
    )


def write_run(folder: Path, manifest: Mapping[str, object], *, n: int = 3) -> Path:
    """Write an incomplete run: `run.json` and the journals of two curves."""
    from alsim.store.manifest import write_manifest

    folder.mkdir()
    write_manifest(folder, {"evaluation_split": "test", **manifest})
    write_journal(folder / "journal" / "0000.jsonl", n, seed=0)
    write_journal(folder / "journal" / "0001.jsonl", n - 1, seed=1, is_done=False)
    return folder
