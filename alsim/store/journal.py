"""A learning curve's journal: what it recorded, a line at a time, whatever may cut it short.

Each line is `DIGEST JSON`: 16 hexadecimal digits of BLAKE2b over the JSON's bytes. The first
line says whose curve it is, the next are its steps from 0 on, and the last says why it ended.
"""

import errno
import json
import math
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from alsim.errors import StoreError
from alsim.experiments.records import Round
from alsim.store.atomic import cannot_write, sync_folder, write_all
from alsim.store.layout import run_of
from alsim.store.opening import opened, read_all, read_bytes
from alsim.store.records import (
    as_float,
    as_int,
    as_object,
    as_text,
    places,
    round_from_json,
    round_to_json,
)
from alsim.store.tables import SCHEMA_VERSION, check_version

# How each first line begins.
_HEX = re.compile(rb"[0-9a-f]{0,16}")
_OPENING = b'{"schema":'


@dataclass(frozen=True, slots=True)
class Entry:
    """One round, and the seconds that its phases took."""

    round: Round
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a curve ended, and what its last phases took."""

    reason: Literal["done", "diverged"]
    step: int  # done: the last one; diverged: the one that failed, 0 being the passive phase
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a journal holds."""

    strategy: str
    seed: int
    entries: tuple[Entry, ...]  # step 0, 1, 2 …
    ending: Ending | None
    n_bytes: int  # of whole lines; what follows is a torn one


def read_journal(path: Path) -> Recorded | None:
    """Return what a journal holds, or None where it has not yet a whole first line.

    A torn last line is left out: one without its end, or that does not match its digest, such
    as zeros after a power cut. So a journal can be read while it is written.

    Raises:
        StoreError: If it cannot be read, is no journal, is damaged before its last line, or is of
            another schema version.
    """
    try:
        data = read_bytes(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read: {error.strerror}", str(path), _mend(path)) from error
    return _parse(data, path)


def _parse(data: bytes, path: Path) -> Recorded | None:
    """Return what a journal's bytes hold, see `read_journal`."""
    *lines, tail = data.split(b"\n")
    if lines and not tail and _body(lines[-1]) is None:
        lines.pop()
    if not lines:
        digest, _, body = data.rstrip(b"\0").partition(b" ")
        if not _HEX.fullmatch(digest) or not _OPENING.startswith(body[: len(_OPENING)]):
            raise _no_journal(path)
        return None
    strategy, seed, entries, ending = "", 0, list[Entry](), None
    for number, line in enumerate(lines, start=1):
        try:
            record = _record(line)
            if number == 1:
                strategy, seed = _header(record, path)
            elif ending is not None:
                raise ValueError("it follows the end")
            elif "end" in record:
                ending = _ending(record)
                _refuse_wrong_end(ending, len(entries))
            else:
                entry = _entry(record)
                _refuse_foreign(entry, strategy, seed, len(entries))
                if entries:
                    _refuse_fall(entries[-1].round, entry.round)
                entries.append(entry)
        except (ValueError, RecursionError) as error:
            reason = str(error).partition("\n")[0]
            where = f"{path}, line {number}"
            raise StoreError(f"damaged journal: {reason}", where, _mend(path)) from error
    n_bytes = sum(len(line) + 1 for line in lines)
    return Recorded(strategy, seed, tuple(entries), ending, n_bytes)


class Journal:
    """A journal that is written to. A context manager, which closes it."""

    def __init__(self, path: Path, descriptor: int, recorded: Recorded) -> None:
        self._path = path
        self._descriptor = descriptor
        self._recorded = recorded
        self._n_bytes = recorded.n_bytes
        self._n_entries = len(recorded.entries)
        self._is_ended = recorded.ending is not None

    @staticmethod
    def open(path: Path, strategy: str, seed: int) -> "Journal":
        """Make a journal, or open it again behind its last whole line.

        Its folder is made if need be; the folder above must exist. A new journal is on the
        disk, by name and first line, when this returns. Only one process may have it open.

        Raises:
            StoreError: If it is another curve's, is damaged, or cannot be written.
        """
        header = {"schema": SCHEMA_VERSION, "strategy": strategy, "seed": seed}
        try:
            with suppress(FileExistsError):
                path.parent.mkdir()
                sync_folder(path.parent.parent)
            with opened(path.parent) as place:
                descriptor = place.open(path.name, os.O_RDWR | os.O_APPEND | os.O_CREAT)
                try:
                    recorded = _cut(descriptor, path, header)
                    held = recorded or Recorded(strategy, seed, (), None, 0)
                    journal = Journal(path, descriptor, held)
                    if recorded is None:
                        journal._write(header)
                        journal.sync()
                        place.sync()
                except BaseException:
                    os.close(descriptor)
                    raise
        except OSError as error:
            raise cannot_write(path, error) from error
        return journal

    @property
    def recorded(self) -> Recorded:
        """Return what it held when it was opened."""
        return self._recorded

    def append(self, entry: Entry) -> None:
        """Write the next round, in one piece; it is on the disk only after `sync`.

        Raises:
            StoreError: If the system cannot write it; then nothing of it is kept.
            ValueError: If it is not the curve's next step.
        """
        self._refuse_after_end()
        _refuse_foreign(entry, self._recorded.strategy, self._recorded.seed, self._n_entries)
        self._write({"round": round_to_json(entry.round), "seconds": dict(entry.seconds)})
        self._n_entries += 1

    def end(self, ending: Ending) -> None:
        """Write why the curve ended, as `append` does; nothing can follow.

        Raises:
            StoreError: If the system cannot write it.
            ValueError: If it has ended, or at another step.
        """
        self._refuse_after_end()
        _refuse_wrong_end(ending, self._n_entries)
        seconds = dict(ending.seconds)
        self._write({"end": ending.reason, "step": ending.step, "seconds": seconds})
        self._is_ended = True

    def sync(self) -> None:
        """Put what was written on the disk.

        Raises:
            StoreError: If the system cannot.
        """
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _write(self, record: Mapping[str, object]) -> None:
        line = _line(record)
        try:
            if not os.fstat(self._descriptor).st_nlink:
                # The system would go on writing to a file that no one can ever read.
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            try:
                write_all(self._descriptor, line)
            except BaseException:
                # What comes next must not follow half a line.
                with suppress(OSError):
                    os.ftruncate(self._descriptor, self._n_bytes)
                raise
        except OSError as error:
            raise cannot_write(self._path, error) from error
        self._n_bytes += len(line)

    def _refuse_after_end(self) -> None:
        if self._is_ended:
            raise ValueError("the curve has ended")


def _cut(descriptor: int, path: Path, header: Mapping[str, Any]) -> Recorded | None:
    """Cut an open journal behind its last whole line, and return what it holds, None for nothing.

    Nothing is an empty file, zeros, or the beginning of this very first line: no other file is cut.
    """
    data = read_all(descriptor)
    recorded = _parse(data, path)
    if recorded is None and not _line(header).startswith(data.rstrip(b"\0")):
        raise _no_journal(path)
    place = (header["strategy"], header["seed"])
    if recorded is not None and (recorded.strategy, recorded.seed) != place:
        raise StoreError(
            f"the journal is that of {recorded.strategy}, seed {recorded.seed}, "
            f"not of {place[0]}, seed {place[1]}",
            str(path),
            _mend(path),
        )
    os.ftruncate(descriptor, 0 if recorded is None else recorded.n_bytes)
    return recorded


def _line(record: Mapping[str, object]) -> bytes:
    body = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    return _digest(body) + b" " + body + b"\n"


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=8).hexdigest().encode()


def _body(line: bytes) -> bytes | None:
    """Return a line's JSON, or None if it does not match its digest."""
    digest, _, body = line.partition(b" ")
    return body if digest == _digest(body) else None


def _record(line: bytes) -> dict[str, Any]:
    body = _body(line)
    if body is None:
        raise ValueError("it does not match its digest")
    return as_object(json.loads(body.decode()))


def _header(record: Mapping[str, Any], path: Path) -> tuple[str, int]:
    """Return the strategy and seed of a first line."""
    check_version(record.get("schema"), path)  # before all else: another may have other keys
    as_object(record, {"schema", "strategy", "seed"})
    return as_text(record["strategy"]), as_int(record["seed"])


def _entry(record: Mapping[str, Any]) -> Entry:
    as_object(record, {"round", "seconds"})
    return Entry(round_from_json(record["round"]), _seconds(record["seconds"]))


def _ending(record: Mapping[str, Any]) -> Ending:
    as_object(record, {"end", "step", "seconds"})
    reason = record["end"]
    if reason not in ("done", "diverged"):
        raise ValueError("a curve ends done or diverged")
    return Ending(reason, as_int(record["step"]), _seconds(record["seconds"]))


def _seconds(value: object) -> dict[str, float]:
    found = {as_text(phase): as_float(taken) for phase, taken in as_object(value).items()}
    for phase, taken in found.items():
        if not 0 <= taken < math.inf:
            raise ValueError(f"the seconds of {phase} cannot be {taken!r}")
    return found


def _refuse_foreign(entry: Entry, strategy: str, seed: int, step: int) -> None:
    """Raise a ValueError unless all of an entry is of this curve and step."""
    wrong = places(entry.round) - {(strategy, seed, step)}
    if wrong:
        raise ValueError(f"it holds {wrong.pop()}, where {(strategy, seed, step)} should follow")


def _refuse_fall(last: Round, next_: Round) -> None:
    """Raise a ValueError if what only grows from step to step is less than at the step before."""
    for name in ("n_labelled", "n_questions", "cost"):
        before, after = getattr(last.step, name), getattr(next_.step, name)
        if after < before:
            raise ValueError(f"{name} falls from {before!r} to {after!r}")


def _refuse_wrong_end(ending: Ending, n_entries: int) -> None:
    """Raise a ValueError unless a curve of so many rounds can end so."""
    step = n_entries - 1 if ending.reason == "done" else n_entries
    if ending.step != step or step < 0:
        raise ValueError(f"{ending.reason} at step {ending.step} after {n_entries} rounds")


def _no_journal(path: Path) -> StoreError:
    return StoreError(
        "damaged journal: it does not begin as one",
        f"{path}, line 1",
        "move it away, since it may be another's file; then this computes its curve anew: "
        f"alsim resume {run_of(path)}",
    )


def _mend(path: Path) -> str:
    return f"delete that file; then this computes its curve anew: alsim resume {run_of(path)}"
