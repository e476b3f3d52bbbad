"""What the journals of every kind of study share; they hold what is found until it is complete.

Curves have a file each, of a line a step; correlation a Parquet file a metric and seed; training
one of a single line a unit of work. A line is `DIGEST JSON`: hexadecimal digits of BLAKE2b over
the JSON's bytes.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import convert

from alsim.errors import StoreError
from alsim.experiments.ranges import refuse_impossible
from alsim.store.layout import JOURNALS, run_of
from alsim.store.manifest import command_of, is_complete

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Record = TypeVar("_Record", bound="DataclassInstance")
_Found = TypeVar("_Found")


def line_of(record: Mapping[str, object], digest_size: int) -> bytes:
    """Return the line that holds a record, with its digest of `digest_size` bytes and its end."""
    # Not by msgspec, which writes null for a loss that is not a number.
    body = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    return _digest(body, digest_size) + b" " + body + b"\n"


def body_of(line: bytes, digest_size: int) -> bytes | None:
    """Return the JSON of a line without its end, or None if it does not match its digest."""
    digest, _, body = line.partition(b" ")
    return body if digest == _digest(body, digest_size) else None


def object_of(line: bytes, digest_size: int) -> dict[str, Any]:
    """Return the JSON object of a line without its end.

    Raises:
        ValueError: If the line does not match its digest, or holds something else, or text that
            is not Unicode.
    """
    body = body_of(line, digest_size)
    if body is None:
        raise ValueError("it does not match its digest")
    text = body.decode()
    value = json.loads(text)  # see `line_of`
    if "\\u" in text:  # an escape can be half of a character
        json.dumps(value, ensure_ascii=False).encode()
    return convert(value, dict[str, Any])


def record_of(kind: type[_Record], value: object) -> _Record:
    """Return a record whose fields are the keys of a JSON object.

    Raises:
        ValueError: If a key is missing or unknown, or a value is of another type or out of range.
    """
    record = convert(value, kind)
    unknown = convert(value, dict[str, Any]).keys() - {field.name for field in fields(kind)}
    if unknown:  # which msgspec allows in a dataclass
        raise ValueError(f"Object contains unknown field `{min(unknown)}`")
    refuse_impossible(record)
    return record


def journals_in(folder: Path, suffix: str) -> list[Path]:
    """Return the journals of a study that end in `suffix`, by the order of their names.

    Raises:
        StoreError: If the system cannot list them.
    """
    try:
        paths = sorted((folder / JOURNALS).iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(
            f"cannot read: {error.strerror}",
            str(folder / JOURNALS),
            "restore the folder from a copy, or run again: --out FOLDER",
        ) from error
    return [path for path in paths if path.suffix == suffix]


def mend_journal(path: Path) -> str:
    """Return what to do about a damaged journal."""
    return f"delete that file; then this computes it again: alsim resume {run_of(path)}"


def read_unfinished(
    folder: Path, manifest: Mapping[str, object], read: Callable[[], _Found]
) -> _Found | None:
    """Return what `read` finds in the journals of a study, None if the study is complete.

    It may be completed meanwhile: then its journals go one by one, and what was found is void.

    Raises:
        StoreError: If the journals cannot be read, or do not fit together.
    """
    if manifest["status"] == "complete":
        return None
    try:
        found = read()
    except StoreError:
        if not is_complete(folder):
            raise
    except (ValueError, TypeError) as error:
        if not is_complete(folder):
            raise unfit(folder, error, command_of(manifest)) from error
    else:
        if not is_complete(folder):
            return found
    return None


def unfit(folder: Path, error: Exception, command: str) -> StoreError:
    """Return the error for journals that do not fit together, of a study that `command` makes."""
    return StoreError(
        f"the journals do not fit together: {error}",
        str(folder / JOURNALS),
        f"remove what alsim did not put there, or make it again: {command} --out FOLDER",
    )


def _digest(body: bytes, size: int) -> bytes:
    return blake2b(body, digest_size=size).hexdigest().encode()
