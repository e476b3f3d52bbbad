"""What a finished study found, in a few words, such as "margin saves 1,180 labels, better".

The words are kept in `run.json`, so that many folders are listed quickly. Each kind of study has a
module `answer` with a function that finds them in its tables.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from alsim.errors import AlsimError
from alsim.lazy import import_object
from alsim.store.manifest import kind_of, write_manifest

_KEY = "answer"


def answer_of(folder: Path, manifest: Mapping[str, object]) -> str:
    """Return the kept answer of a finished study; it is computed for one of an earlier version.

    It is empty if the study is not finished, or does not tell.
    """
    kept = manifest.get(_KEY)
    if isinstance(kept, str) or manifest["status"] != "complete":
        return kept if isinstance(kept, str) else ""
    find: Callable[[Path], str] = import_object(
        f"{kind_of(manifest)}.answer:answer_in", "alsim.studies"
    )
    try:
        return find(folder)
    except AlsimError:  # such as curves without a common point
        return ""


def keep_answer(folder: Path, manifest: Mapping[str, object]) -> None:
    """Add the answer to the `run.json` of a study that has just been finished."""
    answer = answer_of(folder, manifest)
    with suppress(AlsimError):  # a full disk, say: the study is complete without it
        write_manifest(folder, {**manifest, _KEY: answer})
