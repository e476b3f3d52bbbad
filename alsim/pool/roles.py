"""Which column plays which part: from the file's metadata, from flags, else by default."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pyarrow as pa

from alsim.errors import PoolError, UsageError, nearest
from alsim.pool.faults import Fault
from alsim.pool.options import LabelKind, PoolOptions

METADATA_KEY = b"alsim"
METADATA_VERSION = 1
SHORT_NAMES = {"halffloat": "float16", "float": "float32", "double": "float64"}
NAMED = 10  # how many columns a fault names


@dataclass(frozen=True, slots=True)
class Roles:
    """The columns of a pool by the part they play."""

    modalities: tuple[str, ...] = ()
    labels: Mapping[str, LabelKind | None] = field(default_factory=dict)  # None: by its type
    task: str | None = None
    split: str | None = None
    id: str | None = None


def is_embedding(type_: pa.DataType) -> bool:
    """Return whether a column of this type holds embeddings: lists of floats or of uint8."""
    lists = pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list
    if not any(test(type_) for test in lists):
        return False
    value = cast("pa.ListType[Any]", type_).value_type
    return pa.types.is_floating(value) or pa.types.is_uint8(value)


def is_pixels(type_: pa.DataType) -> bool:
    """Return whether the lists of this type hold uint8, which is scaled to [0, 1]."""
    return pa.types.is_uint8(cast("pa.ListType[Any]", type_).value_type)


def type_name(type_: pa.DataType) -> str:
    """Return a short name of a column's type: for an embedding that of its values."""
    if is_embedding(type_):
        type_ = cast("pa.ListType[Any]", type_).value_type
    if pa.types.is_dictionary(type_):
        return "category"
    return SHORT_NAMES.get(str(type_), str(type_))


def write_roles(table: pa.Table, roles: Roles) -> pa.Table:
    """Return `table` with `roles` in its schema's metadata, where `resolve_roles` looks first."""
    text = json.dumps(
        {
            "version": METADATA_VERSION,
            "modalities": list(roles.modalities),
            "labels": dict(roles.labels),
            "task": roles.task,
            "split": roles.split,
            "id": roles.id,
        }
    )
    metadata = dict(table.schema.metadata or {})
    return table.replace_schema_metadata({**metadata, METADATA_KEY: text.encode()})


def stored_roles(schema: pa.Schema, where: str) -> Roles | None:
    """Return the roles in the metadata of `schema`, None where it has none.

    Raises:
        PoolError: If the metadata cannot be understood.
    """
    text = (schema.metadata or {}).get(METADATA_KEY)
    if text is None:
        return None
    mend = f"write the roles again: alsim pool import {where} --out NEW.parquet"
    try:
        stored = json.loads(text)
        if not isinstance(stored, dict):
            raise TypeError("it is no JSON object")
        version = stored["version"]
        if version != METADATA_VERSION:
            raise PoolError(
                f"the roles in the metadata have version {version!r}, known is {METADATA_VERSION}",
                where,
                "use a newer alsim, or " + mend,
            )
        modalities, labels = stored["modalities"], stored["labels"]
        if not isinstance(modalities, list) or not isinstance(labels, dict):
            raise TypeError("modalities are a list, labels an object")
        others = {part: stored[part] for part in ("task", "split", "id")}
        return Roles(
            modalities=tuple(map(_text, modalities)),
            labels={name: _kind(kind) for name, kind in labels.items()},
            **{part: None if name is None else _text(name) for part, name in others.items()},
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        what = f"the roles in the metadata (key 'alsim') cannot be read: {reason}"
        raise PoolError(what, where, mend) from None


def _text(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{name!r} is not the name of a column")
    return name


def _kind(kind: Any) -> LabelKind | None:
    if kind not in (None, "class", "target"):
        raise ValueError(f"{kind!r} is not a kind of label")
    return kind


def resolve_roles(
    schema: pa.Schema, options: PoolOptions, where: str
) -> tuple[Roles, tuple[Fault, ...]]:
    """Return the roles of the columns, and every fault in them: flags, then metadata, defaults."""
    stored = stored_roles(schema, where)
    names = list(schema.names)
    embeddings = [field.name for field in schema if is_embedding(field.type)]
    base = stored or Roles(
        modalities=tuple(embeddings),
        labels={"label": None} if "label" in names else {},
        task="task" if "task" in names else None,
        split="split" if "split" in names else None,
        id="id" if "id" in names else None,
    )
    faults = [
        *(_missing_flags(names, options, where)),
        *(_missing_stored(names, stored, where) if stored else ()),
    ]
    chosen = options.labels or tuple(base.labels)
    roles = Roles(
        modalities=_known(names, options.modalities or base.modalities),
        labels={
            name: options.label_type or base.labels.get(name) for name in _known(names, chosen)
        },
        task=_first(names, options.task, base.task),
        split=_first(names, options.split, base.split),
        id=_first(names, options.id, base.id),
    )
    faults += _wrong_modalities(schema, roles, embeddings, where)
    faults += [
        Fault(
            f"--mask-modality {name!r} is no modality in use",
            where,
            nearest(name, roles.modalities),
            UsageError,
        )
        for name in options.masks
        if name in names and name not in roles.modalities
    ]
    if embeddings and not roles.modalities and not faults:
        mend = f"name them: --modality NAME; there is: {', '.join(embeddings)}"
        faults.append(Fault("the roles in the metadata name no modality", where, mend))
    if not roles.labels and not options.labels:
        others = [name for name in names if name not in embeddings and name != roles.split]
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        mend = f"name it: --label NAME; there is: {', '.join(others[:NAMED]) or 'no other'}{more}"
        faults.append(Fault("no label column", where, mend))
    return roles, tuple(faults)


def _known(names: list[str], wanted: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in wanted if name in names))


def _first(names: list[str], flag: str | None, base: str | None) -> str | None:
    name = flag or base
    return name if name in names else None


def _missing_flags(names: list[str], options: PoolOptions, where: str) -> list[Fault]:
    flags = [
        *(("--label", name) for name in options.labels),
        *(("--modality", name) for name in options.modalities),
        *(("--mask-modality", name) for name in options.masks),
        ("--task", options.task),
        ("--split", options.split),
        ("--id", options.id),
    ]
    return [
        Fault(f"no column {name!r} for {flag}", where, nearest(name, names), UsageError)
        for flag, name in flags
        if name is not None and name not in names
    ]


def _missing_stored(names: list[str], stored: Roles, where: str) -> list[Fault]:
    wanted = [*stored.modalities, *stored.labels, stored.task, stored.split, stored.id]
    return [
        Fault(
            f"the metadata names a column {name!r} which the file does not have",
            where,
            f"restore it, or write the roles again: alsim pool import {where} --out NEW.parquet",
        )
        for name in wanted
        if name is not None and name not in names
    ]


def _wrong_modalities(
    schema: pa.Schema, roles: Roles, embeddings: list[str], where: str
) -> list[Fault]:
    faults = [
        Fault(
            f"column {name!r} holds {schema.field(name).type}, not embeddings",
            where,
            f"embeddings are lists of floats or uint8: {', '.join(embeddings) or 'there are none'}",
            UsageError,
        )
        for name in roles.modalities
        if name not in embeddings
    ]
    if not embeddings:
        mend = (
            "an embedding is a list column of floats or uint8; numeric columns and lists of other "
            "numbers are converted by: alsim pool import"
        )
        faults.append(Fault("no embedding column", where, mend))
    return faults
