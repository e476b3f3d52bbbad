"""The files that a run depends on: read once, known by their digests, refused where they differ."""

import hashlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alsim.errors import StoreError
from alsim.loading import file_of, importing
from alsim.models.table import GROUP as MODEL_GROUP
from alsim.models.table import MODELS
from alsim.options.texts import parse_names
from alsim.store.layout import MANIFEST
from alsim.store.manifest import command_of, open_folder
from alsim.strategies import STRATEGIES
from alsim.strategies.plugins import GROUP as STRATEGY_GROUP

# Arguments that may name plug-ins: the group of their entry points, and what is built in.
_PLUGINS = {
    "strategy": (STRATEGY_GROUP, STRATEGIES.keys()),
    "metric": (STRATEGY_GROUP, STRATEGIES.keys()),
    "model": (MODEL_GROUP, MODELS.keys()),
}
_FILES = ("confusion", "groups", "initial_ids")
_recipe: ContextVar[Path | None] = ContextVar("recipe", default=None)


@dataclass(frozen=True, slots=True)
class Used:
    """A file that arguments name."""

    name: str  # as they name it
    flag: str
    path: Path
    is_code: bool


def files_used(given: Mapping[str, Any]) -> Iterator[Used]:
    """Yield the files that arguments name, each once; the arguments may have any type."""
    seen: set[str] = set()
    for argument, (group, known) in _PLUGINS.items():
        for text in _names(given.get(argument)):
            name = text.partition("(")[0].strip()
            if name in known or name in seen or (path := file_of(name, group)) is None:
                continue
            seen.add(name)
            yield Used(name, f"--{argument}", path, is_code=True)
    for argument in _FILES:
        path = given.get(argument)
        if isinstance(path, str | Path):
            flag = "--" + argument.replace("_", "-")
            yield Used(str(Path(path).absolute()), flag, Path(path), is_code=False)
    if (recipe := _recipe.get()) is not None:
        yield Used(str(recipe.absolute()), "recipe", recipe, is_code=False)


@contextmanager
def of_recipe(path: Path | None) -> Generator[None]:
    """Let the runs within the block depend on the file of a recipe."""
    token = _recipe.set(path)
    try:
        yield
    finally:
        _recipe.reset(token)


@contextmanager
def depending(given: Mapping[str, Any]) -> Generator[Mapping[str, str]]:
    """Yield the SHA-256 of each file that arguments name; plug-ins are imported as they were read.

    A file that cannot be read has none; whoever uses it reports that.

    Raises:
        StoreError: If a plug-in's content differs from when the run in the folder `out` was begun.
            `refuse_differences` compares the other files by what they mean.
    """
    digests: dict[str, str] = {}
    texts: dict[str, bytes] = {}
    used = list(files_used(given))
    for file in used:
        try:
            content = file.path.read_bytes() if file.path.is_file() else None
        except (OSError, ValueError):
            continue
        if content is None:
            continue
        digests[file.name] = hashlib.sha256(content).hexdigest()
        if file.is_code:
            texts[str(file.path.resolve())] = content
    if not given.get("force"):
        _refuse_changed(given.get("out"), used, digests)
    with importing(texts):
        yield digests


def _names(value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        return ()
    return parse_names([text for text in texts if isinstance(text, str)])


def _refuse_changed(out: object, used: list[Used], digests: Mapping[str, str]) -> None:
    try:
        if not isinstance(out, str | Path) or not (Path(out) / MANIFEST).is_file():
            return
    except (OSError, ValueError):  # not the name of a folder, which is reported later
        return
    folder, past = open_folder(out)
    then = past.get("files")
    if not isinstance(then, Mapping):  # of an earlier alsim
        return
    changed = [
        f"\n  {file.flag}: {file.path.absolute()}"
        for file in used
        if file.is_code
        and file.name in then
        and file.name in digests
        and digests[file.name] != then[file.name]
    ]
    if changed:
        what = "plug-ins are not what they were when the run was begun"
        mend = f"put them back as they were; or start anew: {command_of(past)} … --out {folder} "
        mend += "--force, which moves this run aside"
        raise StoreError(f"{what}:{''.join(changed)}", str(folder), mend)
