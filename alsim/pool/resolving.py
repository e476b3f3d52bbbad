"""The role of each column: from flags, else from the file's metadata, else by default."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import pyarrow as pa

from alsim.errors import AlsimError, PoolError, nearest
from alsim.options.faults import Faults
from alsim.options.pool import PoolOptions
from alsim.pool.advice import no_embeddings
from alsim.pool.roles import FEATURES, Roles, is_embedding, stored_roles
from alsim.pool.wording import listed

NAMED = 10  # columns that a fault names


def resolve_roles(
    schema: pa.Schema,
    options: PoolOptions,
    where: str,
    lookalikes: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Roles, tuple[AlsimError, ...]]:
    """Return the roles of the columns, and every fault in them: flags, then metadata, defaults.

    A column `task` has its role only where a flag or the metadata says so.

    Args:
        schema: Of the columns as they are read.
        options: The flags.
        where: For messages.
        lookalikes: By column, a sentence on each that may hold embeddings and is an input only
            where it is named.
    """
    faults, names = Faults(), schema.names
    embeddings = [field.name for field in schema if is_embedding(field.type)]
    stored = stored_roles(schema, where)
    free = [name for name in embeddings if name not in lookalikes]
    wanted = _wanted(stored or _by_default(names, free, options), names, options)
    flags: dict[str, Iterable[str | None]] = {
        "--label": options.label,
        "--features": options.features,
        "--mask-modality": [name for name in options.mask_modality if name != FEATURES],
        "--task": [options.task],
        "--split": [options.split],
        "--id": [options.id_column],
        "--modality": wanted.modalities if options.modality else (),
    }
    for flag, columns in flags.items():
        for name in columns:
            if name is not None and name not in names:
                faults.add(f"no column {name!r} for {flag}", where, nearest(name, names))
    for name in stored.columns if stored else ():
        if name not in names:
            what = f"the metadata names a column {name!r} which the file does not have"
            again = f"alsim pool import {where} --out NEW.parquet"
            faults.add(what, where, f"restore it, or write the roles again: {again}", PoolError)
    roles = wanted.only(names)
    _check_inputs(schema, roles, embeddings, where, lookalikes, faults)
    _check_tasks(roles, where, faults)
    for name in options.mask_modality:
        if name in (*names, FEATURES) and name not in roles.inputs:
            what = f"--mask-modality {name!r} is no modality in use"
            faults.add(what, where, nearest(name, roles.inputs))
    if embeddings and not roles.inputs and not faults.kept:
        mend = f"name them: --modality NAME; there is: {', '.join(embeddings)}"
        faults.add("the roles in the metadata name no modality", where, mend, PoolError)
    if not roles.labels and not options.label:
        others = [name for name in names if name not in embeddings and name != roles.split]
        mend = f"name it: --label NAME; there is: {listed(others, NAMED) or 'no other'}"
        faults.add("no label column", where, mend, PoolError)
    return roles, tuple(faults.kept)


def _by_default(names: Sequence[str], embeddings: Sequence[str], options: PoolOptions) -> Roles:
    flags = {*options.label, options.split, options.id_column, options.task}
    usual = {name: name for name in ("label", "split", "id") if name in names}
    return Roles(
        modalities=tuple(name for name in embeddings if name not in {*flags, *usual}),
        labels={"label": None} if "label" in usual else {},
        split=usual.get("split"),
        id=usual.get("id"),
    )


def _wanted(base: Roles, names: Sequence[str], options: PoolOptions) -> Roles:
    """Return the roles of `base` with those that flags change, known columns or not."""
    roles = Roles(
        modalities=options.modality or base.modalities,
        labels={
            name: options.label_type or base.labels.get(name)
            for name in options.label or base.labels
        },
        task=options.task or base.task,
        split=options.split or base.split,
        id=options.id_column or base.id,
        features=options.features,
        pictures=base.pictures,
    )
    if not options.features and (not options.modality or FEATURES in options.modality):
        # A column that a flag makes a label is no input any more, though the metadata says so.
        kept = tuple(name for name in base.features if name not in roles.others)
        roles = replace(roles, features=kept)
    modalities = roles.modalities
    if roles.features and FEATURES not in names:
        modalities = tuple(name for name in modalities if name != FEATURES)
    pictures = tuple(name for name in base.pictures if name in modalities)
    return replace(roles, modalities=modalities, pictures=pictures)


def _check_inputs(
    schema: pa.Schema,
    roles: Roles,
    embeddings: Sequence[str],
    where: str,
    lookalikes: Mapping[str, str],
    faults: Faults,
) -> None:
    for name in roles.modalities:
        if name not in embeddings:
            what = f"column {name!r} holds {schema.field(name).type}, not embeddings"
            known = ", ".join(embeddings) or "there are none"
            mend = lookalikes.get(name, f"embeddings are lists of numbers: {known}")
            faults.add(what, where, mend)
    if not set(embeddings).difference(lookalikes, roles.others) and not roles.inputs:
        faults.kept.append(no_embeddings(schema, roles, where, lookalikes))
    mend = "leave it out of --features"
    for name in roles.features:
        if name in roles.others:
            what = f"the column {name!r} cannot be an input: it is a label, task, split or id"
            faults.add(what, where, mend)
        if name in embeddings:
            what = f"the column {name!r} holds embeddings: it is an input by itself"
            faults.add(what, where, f"{mend}; name it: --modality {name}")
    if roles.features and FEATURES in roles.modalities:
        what = f"the modality {FEATURES!r} has the name that encoded columns get"
        faults.add(what, where, "rename that column, or leave out --features", PoolError)


def _check_tasks(roles: Roles, where: str, faults: Faults) -> None:
    if roles.task in roles.labels:
        what = f"the column {roles.task!r} is both task and label"
        faults.add(what, where, "name another: --task NAME, or --label NAME", PoolError)
    elif roles.task is not None and len(roles.labels) > 1:
        what = f"{len(roles.labels)} label columns beside tasks by the column {roles.task!r}"
        faults.add(what, where, "name one of them: --label NAME")
