"""The role of each column, and how a file's metadata keeps it."""

import json
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, field

import msgspec
import pyarrow as pa

from alsim.errors import PoolError
from alsim.options.pool import LabelKind
from alsim.pool.forms import is_vector, value_type

METADATA_KEY = b"alsim"
METADATA_VERSION = 1
SHORT_NAMES = {"halffloat": "float16", "float": "float32", "double": "float64"}
FEATURES = "features"  # the modality that columns of numbers and categories become


@dataclass(frozen=True, slots=True)
class Roles:
    """The columns of a pool by their roles."""

    modalities: tuple[str, ...] = ()
    labels: Mapping[str, LabelKind | None] = field(default_factory=dict)  # None: by column type
    task: str | None = None
    split: str | None = None
    id: str | None = None
    features: tuple[str, ...] = ()
    # Modalities that show pictures, which the study's net encodes. Only metadata says so: the name
    # of a column changes no number.
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

    @property
    def columns(self) -> tuple[str, ...]:
        """Return all columns that have a role, each once."""
        return tuple(dict.fromkeys((*self.modalities, *self.features, *self.others)))

    def only(self, names: Container[str | None]) -> "Roles":
        """Return the roles of the columns in `names` alone, each column once in its role."""

        def some(columns: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(column for column in columns if column in names))

        return Roles(
            modalities=some(self.modalities),
            labels={name: kind for name, kind in self.labels.items() if name in names},
            task=self.task if self.task in names else None,
            split=self.split if self.split in names else None,
            id=self.id if self.id in names else None,
            features=some(self.features),
            pictures=some(self.pictures),
        )


class _Version(msgspec.Struct):
    version: int


class _Stored(msgspec.Struct):
    """The fields of `Roles` as metadata keeps them."""

    modalities: tuple[str, ...]
    labels: dict[str, LabelKind | None]
    task: str | None
    split: str | None
    id: str | None
    features: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()


def is_embedding(type_: pa.DataType) -> bool:
    """Return whether a plain column of this type holds embeddings: flat lists of numbers."""
    return is_vector(type_)


def is_uint8(type_: pa.DataType) -> bool:
    """Return whether the lists of this type hold uint8, which is divided by 255."""
    return pa.types.is_uint8(value_type(type_))


def type_name(type_: pa.DataType) -> str:
    """Return a short name of a column's type: for an embedding that of its values."""
    if is_embedding(type_):
        type_ = value_type(type_)
    if pa.types.is_dictionary(type_):
        return "category"
    return SHORT_NAMES.get(str(type_), str(type_))


def write_roles(table: pa.Table, roles: Roles) -> pa.Table:
    """Return `table` with `roles` in its schema's metadata, where `resolve_roles` looks first."""
    text = json.dumps({"version": METADATA_VERSION, **asdict(roles)})
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
        version = msgspec.json.decode(text, type=_Version).version
        if version == METADATA_VERSION:
            return Roles(**msgspec.structs.asdict(msgspec.json.decode(text, type=_Stored)))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        what = f"the roles in the metadata (key 'alsim') cannot be read: {error}"
        raise PoolError(what, where, mend) from None
    what = f"the roles in the metadata have version {version}, known is {METADATA_VERSION}"
    raise PoolError(what, where, "use a newer alsim, or " + mend)
