"""The part of each column: from flags, else from the file's metadata, else by default."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

import pyarrow as pa

from alsim.errors import UsageError, nearest
from alsim.options.pool import PoolOptions
from alsim.pool.advice import no_embeddings
from alsim.pool.faults import Fault
from alsim.pool.roles import FEATURES, Roles, is_embedding, stored_roles

NAMED = 10  # how many columns a fault names


def resolve_roles(
    schema: pa.Schema,
    options: PoolOptions,
    where: str,
    lookalikes: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Roles, tuple[Fault, ...]]:
    """Return the roles of the columns, and every fault in them: flags, then metadata, defaults.

    A column `task` has its role only where a flag or the metadata says so.

    Args:
        schema: Of the columns as they are read.
        options: What flags say.
        where: For messages.
        lookalikes: By column, what is to be said of those that may hold embeddings and are no
            input unless named.
    """
    stored = stored_roles(schema, where)
    names = list(schema.names)
    embeddings = [field.name for field in schema if is_embedding(field.type)]
    defaults = {
        "label",
        "split",
        "id",
        *options.label,
        options.split,
        options.id_column,
        options.task,
    }
    base = stored or Roles(
        modalities=tuple(
            name for name in embeddings if name not in lookalikes and name not in defaults
        ),
        labels={"label": None} if "label" in names else {},
        split="split" if "split" in names else None,
        id="id" if "id" in names else None,
    )
    faults = [
        *(_missing_flags(names, options, where)),
        *(_missing_stored(names, stored, where) if stored else ()),
    ]
    chosen = options.label or tuple(base.labels)
    parts = Roles(
        labels={
            name: options.label_type or base.labels.get(name) for name in _known(names, chosen)
        },
        task=_first(names, options.task, base.task),
        split=_first(names, options.split, base.split),
        id=_first(names, options.id_column, base.id),
    )
    wanted = options.modality
    # A column that a flag makes a label is no input any more, though the metadata says so.
    features = options.features or (
        tuple(name for name in base.features if name not in parts.others)
        if not wanted or FEATURES in wanted
        else ()
    )
    if features and FEATURES not in names:
        wanted = tuple(name for name in wanted if name != FEATURES)
    roles = Roles(
        modalities=_known(names, wanted or (() if options.modality else base.modalities)),
        labels=parts.labels,
        task=parts.task,
        split=parts.split,
        id=parts.id,
        features=_known(names, features),
    )
    roles = replace(roles, pictures=_known(list(roles.modalities), base.pictures))
    faults += _unknown_modalities(names, wanted, where)
    faults += _wrong_modalities(schema, roles, embeddings, where, lookalikes)
    faults += _wrong_features(schema, roles, where)
    faults += _wrong_tasks(roles, where)
    faults += [
        Fault(
            f"--mask-modality {name!r} is no modality in use",
            where,
            nearest(name, roles.inputs),
            UsageError,
        )
        for name in options.mask_modality
        if name in (*names, FEATURES) and name not in roles.inputs
    ]
    if embeddings and not roles.inputs and not faults:
        mend = f"name them: --modality NAME; there is: {', '.join(embeddings)}"
        faults.append(Fault("the roles in the metadata name no modality", where, mend))
    if not roles.labels and not options.label:
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
        *(("--label", name) for name in options.label),
        *(("--features", name) for name in options.features),
        *(("--mask-modality", name) for name in options.mask_modality if name != FEATURES),
        ("--task", options.task),
        ("--split", options.split),
        ("--id", options.id_column),
    ]
    return [
        Fault(f"no column {name!r} for {flag}", where, nearest(name, names), UsageError)
        for flag, name in flags
        if name is not None and name not in names
    ]


def _unknown_modalities(names: list[str], wanted: tuple[str, ...], where: str) -> list[Fault]:
    return [
        Fault(f"no column {name!r} for --modality", where, nearest(name, names), UsageError)
        for name in wanted
        if name not in names
    ]


def _missing_stored(names: list[str], stored: Roles, where: str) -> list[Fault]:
    return [
        Fault(
            f"the metadata names a column {name!r} which the file does not have",
            where,
            f"restore it, or write the roles again: alsim pool import {where} --out NEW.parquet",
        )
        for name in (*stored.modalities, *stored.others, *stored.features)
        if name not in names
    ]


def _wrong_modalities(
    schema: pa.Schema,
    roles: Roles,
    embeddings: list[str],
    where: str,
    lookalikes: Mapping[str, str],
) -> list[Fault]:
    listed = ", ".join(embeddings) or "there are none"
    faults = [
        Fault(
            f"column {name!r} holds {schema.field(name).type}, not embeddings",
            where,
            lookalikes.get(name, f"embeddings are lists of numbers: {listed}"),
            UsageError,
        )
        for name in roles.modalities
        if name not in embeddings
    ]
    if not set(embeddings).difference(lookalikes, roles.others) and not roles.inputs:
        faults.append(no_embeddings(schema, roles, where, lookalikes))
    return faults


def _wrong_features(schema: pa.Schema, roles: Roles, where: str) -> list[Fault]:
    others = roles.others
    mend = "leave it out of --features"
    faults = [
        Fault(
            f"the column {name!r} cannot be an input: it is a label, task, split or id",
            where,
            mend,
            UsageError,
        )
        for name in roles.features
        if name in others
    ]
    faults += [
        Fault(
            f"the column {name!r} holds embeddings: it is an input by itself",
            where,
            f"{mend}; name it: --modality {name}",
            UsageError,
        )
        for name in roles.features
        if is_embedding(schema.field(name).type)
    ]
    if roles.features and FEATURES in roles.modalities:
        what = f"the modality {FEATURES!r} has the name that encoded columns get"
        faults.append(Fault(what, where, "rename that column, or leave out --features"))
    return faults


def _wrong_tasks(roles: Roles, where: str) -> list[Fault]:
    if roles.task is None:
        return []
    if roles.task in roles.labels:
        what = f"the column {roles.task!r} is both task and label"
        return [Fault(what, where, "name another: --task NAME, or --label NAME")]
    if len(roles.labels) > 1:
        what = f"{len(roles.labels)} label columns beside tasks by the column {roles.task!r}"
        return [Fault(what, where, "name one of them: --label NAME", UsageError)]
    return []
