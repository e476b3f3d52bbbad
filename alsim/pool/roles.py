"""Which column plays which part, and how a file's metadata keeps it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pyarrow as pa

from alsim.errors import PoolError
from alsim.options.pool import LabelKind
from alsim.pool.forms import is_vector

METADATA_KEY = b"alsim"
METADATA_VERSION = 1
SHORT_NAMES = {"halffloat": "float16", "float": "float32", "double": "float64"}
FEATURES = "features"  # the modality that columns of numbers and categories become


@dataclass(frozen=True, slots=True)
class Roles:
    """The columns of a pool by the part they play."""

    modalities: tuple[str, ...] = ()
    labels: Mapping[str, LabelKind | None] = field(default_factory=dict)  # None: by its type
    task: str | None = None
    split: str | None = None
    id: str | None = None
    features: tuple[str, ...] = ()
    # Modalities that show pictures, which the study's net encodes. Only metadata says so: no name
    # of a column moves a number.
    pictures: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Return the names of the modalities, that of the encoded columns last."""
        return (*self.modalities, FEATURES) if self.features else self.modalities

    @property
    def others(self) -> tuple[str, ...]:
        """Return the columns that are no inputs: labels, task, split and id."""
        names = (*self.labels, self.task, self.split, self.id)
        return tuple(name for name in names if name is not None)


def is_embedding(type_: pa.DataType) -> bool:
    """Return whether a plain column of this type holds embeddings: flat lists of numbers."""
    return is_vector(type_)


def is_bytes(type_: pa.DataType) -> bool:
    """Return whether the lists of this type hold uint8, which is divided by 255."""
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
            **({"features": list(roles.features)} if roles.features else {}),
            **({"pictures": list(roles.pictures)} if roles.pictures else {}),
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
        features, pictures = stored.get("features", []), stored.get("pictures", [])
        if not isinstance(modalities, list) or not isinstance(labels, dict):
            raise TypeError("modalities are a list, labels an object")
        if not isinstance(features, list) or not isinstance(pictures, list):
            raise TypeError("features and pictures are lists")
        others = {part: stored[part] for part in ("task", "split", "id")}
        return Roles(
            modalities=tuple(map(_text, modalities)),
            labels={name: _kind(kind) for name, kind in labels.items()},
            features=tuple(map(_text, features)),
            pictures=tuple(map(_text, pictures)),
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
