"""Whether a run can continue: what must not have changed since it was begun."""

import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeGuard

import msgspec

from alsim.errors import PoolError, StoreError
from alsim.options.option import options_of
from alsim.store.layout import MANIFEST
from alsim.store.manifest import FolderKind, command_of, refuse_older, refuse_other_kind

# They may change: where the run lies, and the number of workers.
_FREE_OPTIONS = frozenset({"pool", "out", "new", "force", "workers"})
# More workers, another kernel, or the same files elsewhere change no number.
_FREE = frozenset(
    {
        "configuration.engine.workers", "configuration.oracle.files",
        "machine.cores", "machine.platform", "machine.workers", "pool.name",
        "pool.classes",  # earlier runs do not record them, and the fingerprints cover them
    }
)  # fmt: skip
_ANOTHER = "name another folder with --out, or add --force, which moves the old run aside"
_SHOWN = 10  # differences that are listed
_WIDTH = 60  # characters of a value that are shown


def plain_options(options: object) -> dict[str, Any]:
    """Return options as JSON values, as a manifest keeps them; paths are absolute."""
    chosen = {name: getattr(options, name) for name in options_of(type(options))}
    return json.loads(
        json.dumps(
            {name: _plain(value) for name, value in chosen.items() if name not in _FREE_OPTIONS}
        )
    )


def _plain(value: Any) -> Any:
    return str(value.absolute()) if isinstance(value, Path) else msgspec.to_builtins(value)


def flag_of(option: str) -> str:
    """Return the flag that sets an option, such as "--query-size" of "query_size.first"."""
    name = option.partition(".")[0]
    return "--id" if name == "id_column" else "--" + name.replace("_", "-")


def refuse_other_options(
    folder: Path,
    past: Mapping[str, Any],
    options: Mapping[str, Any],
    kind: FolderKind,
    arguments: Mapping[str, Any] | None,
) -> None:
    """Raise a StoreError unless the run in `folder` is of this kind and has these options.

    An unfinished one must be of this schema version, too. `past` is the kept manifest; `options`
    and `arguments` are those of now.
    """
    refuse_other_kind(folder, past, kind, _ANOTHER)
    if "options" not in past:
        raise StoreError(
            f"the folder holds a run ({past.get('status')}) of an earlier alsim, which kept "
            "neither options nor journals: it cannot go on",
            str(folder),
            _ANOTHER,
        )
    if past.get("status") != "complete":
        refuse_older(folder, past)
    refuse_other_version(folder, past)
    then = past["options"] if isinstance(past["options"], Mapping) else {}
    found = [f"{flag_of(option)}: {values}" for option, values in _differences(then, options)]
    if found:
        if arguments is not None and _is_same_call(past.get("arguments"), then, arguments):
            raise StoreError(
                "the file contradicts itself: its options are not what its arguments mean:"
                + _listed(found),
                str(folder / MANIFEST),
                f"restore it from a copy; for a new run, {_ANOTHER}",
            )
        if past.get("status") == "complete":
            see = "plot" if kind == "curves" else "resume"
            on = f"to see that run: alsim {see} {folder}"
            further = further_seeds(then.get("seeds"), options.get("seeds"))
            if further and changed_options(then, options) == ["seeds"]:
                new = f"{folder}-seeds-{further.replace(',', '-')}"
                # Alone: a verdict over both would count seeds that someone has looked at.
                on += "; for a new study of the other seeds: the same command with "
                on += f"--seeds {further} --out {new}"
                on += f", then alsim compare {new}" * (kind == "curves")
        elif past.get("arguments") is None:
            on = "to go on with that run, ask for what it was begun with"
        else:
            on = f"to go on with that run: alsim resume {folder}"
        raise StoreError(
            f"the folder holds a run with other options:{_listed(found)}",
            str(folder),
            f"{on}; for a new one, {_ANOTHER}",
        )


def refuse_other_version(folder: Path, past: Mapping[str, Any]) -> None:
    """Raise a StoreError if another version of alsim began the run."""
    versions, mine = past.get("versions"), version("alsim")
    theirs = versions.get("alsim") if isinstance(versions, Mapping) else None
    if theirs == mine:
        return
    if past.get("status") == "complete":
        raise StoreError(
            f"the folder holds a finished run of alsim {theirs}, and this is alsim {mine}",
            str(folder),
            f"to see that run: alsim resume {folder}; for a new one, {_ANOTHER}",
        )
    raise StoreError(
        f"the run was begun by alsim {theirs}, and this is alsim {mine}: its numbers might differ",
        str(folder),
        f"continue it with alsim {theirs}; or start again: {command_of(past)} … --out {folder} "
        "--force, which moves this run aside",
    )


def refuse_differences(folder: Path, past: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise an error if the pool, the libraries or the machine have changed since the beginning.

    `past` is the kept manifest or a part of it, whose missing parts are not compared; `now` is as
    it would be written.

    Raises:
        PoolError: If the pool's content differs.
        StoreError: If anything else differs.
    """
    command = f"{command_of(past)} … --out {folder} --force"
    anew = f"start anew: {command}, which moves this run aside"
    found = changes_since(past, now)
    if found and _is_of_other_pool(past, now):
        mend = f"put the pool back as it was; or {anew}"
        if past.get("status") == "complete":
            mend = f"that run is finished; for this pool, {_ANOTHER}"
        elif past.get("arguments") is not None:
            mend = f"name the pool where it is now: alsim resume {folder} --pool PATH; or {mend}"
        raise PoolError(
            "the pool has changed since the run was begun:" + _listed(found),
            str(folder),
            mend,
        )
    if found:
        if past.get("status") == "complete":
            what = "the folder holds a finished run, begun with something else:"
            raise StoreError(what + _listed(found), str(folder), _ANOTHER)
        raise StoreError(
            "the run cannot go on to the same numbers, since something has changed:"
            + _listed(found),
            str(folder),
            f"restore what it was begun with (its run.json lists all of it); or {anew}",
        )


def changes_since(past: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what has changed since a run was begun, such as "pool.rows: 8 then, 9 now".

    If the pool is another, only pools are compared; of a finished run neither libraries nor
    machine. The arguments are those of `refuse_differences`.
    """
    now = json.loads(json.dumps(now, default=str))
    if _is_of_other_pool(past, now):
        return _changes(past["pool"], now["pool"], "pool")
    past, now = _of_same_files(past, now)
    parts = ("pool", "configuration", "files")
    if past.get("status") != "complete":
        parts = ("versions", "machine", *parts)
    return [
        difference
        for part in parts
        if part in past
        for difference in _changes(past[part], now[part], part)
    ]


def changed_options(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the names of the options that differ."""
    paths = (path for path, _ in _differences(then, now))
    return list(dict.fromkeys(re.split(r"[.[]", path)[0] for path in paths))


def further_seeds(then: object, now: object) -> str:
    """Return the seeds that a run lacks, as `--seeds` takes them; "" if it has them all."""
    known, asked = (set(each) if _are_seeds(each) else set[int]() for each in (then, now))
    new = sorted(asked - known)
    is_range = bool(new) and new == list(range(new[0], new[-1] + 1))
    return f"{new[0]}..{new[-1]}" if is_range else ",".join(map(str, new))


def _are_seeds(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(isinstance(each, int) for each in value)


def _is_of_other_pool(past: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    before = past.get("pool")
    is_known = isinstance(before, Mapping)
    return is_known and before.get("fingerprint") != now["pool"]["fingerprint"]


def _is_same_call(past: object, options: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether a run was begun with these arguments, except those that resuming may set."""
    if not isinstance(past, Mapping):
        return False
    ids = {} if past.get("initial_ids") is None else {"initial_ids": options.get("initial_ids")}
    free = {name: now.get(name) for name in ("pool", "workers")}
    return {**past, **ids, **free} == {**now, **free}


def _of_same_files(
    past: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the manifests with the digests of those files that both name."""
    files = [one.get("files") for one in (past, now)]
    then, later = (kept if isinstance(kept, Mapping) else {} for kept in files)
    both = then.keys() & later.keys()
    first, second = ({name: kept[name] for name in sorted(both)} for kept in (then, later))
    return {**past, "files": first}, {**now, "files": second}


def _changes(then: Any, now: Any, path: str) -> list[str]:
    return [f"{place}: {values}" for place, values in _differences(then, now, path)]


def _differences(then: Any, now: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield where JSON values differ, as a path, and both values."""
    if path in _FREE:
        return
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*then, *now]):
            inner = f"{path}.{key}" if path else str(key)
            yield from _differences(then.get(key), now.get(key), inner)
    elif (
        isinstance(then, list)
        and isinstance(now, list)
        and len(then) == len(now)
        and max(len(json.dumps(value)) for value in (then, now)) > _WIDTH
    ):
        for i, (old, new) in enumerate(zip(then, now, strict=True)):
            yield from _differences(old, new, f"{path}[{i}]")
    elif then != now:
        old, new = _short(then), _short(now)
        if max(len(old), len(new)) > _WIDTH:  # what they share at the beginning says nothing
            pairs = enumerate(zip(old, new, strict=False))
            shared = next((i for i, (a, b) in pairs if a != b), min(len(old), len(new)))
            begin = max(0, shared - 20)
            old, new = ("…" * (begin > 0) + text[begin:][:_WIDTH] for text in (old, new))
        yield path, f"{old} then, {new} now"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    n = len(value) if isinstance(value, list | dict) else 0
    return f"{n} values" if n and len(text) > _WIDTH else text


def _listed(found: list[str]) -> str:
    more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "".join(f"\n  {difference}" for difference in found[:_SHOWN]) + more
