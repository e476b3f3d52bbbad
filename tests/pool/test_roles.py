import pyarrow as pa
import pytest
from pools import make_table

from alsim.errors import PoolError, UsageError
from alsim.options.pool import PoolOptions
from alsim.pool.resolving import resolve_roles
from alsim.pool.roles import METADATA_KEY, Roles, is_embedding, write_roles


def resolve(table: pa.Table, **options: object) -> Roles:
    roles, faults = resolve_roles(table.schema, PoolOptions(**options), "here")
    assert not faults
    return roles


def test_list_columns_of_numbers_are_modalities_by_default() -> None:
    assert resolve(make_table()) == Roles(("text", "picture"), {"label": None}, None, "split", "id")


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        (pa.list_(pa.float16()), True),
        (pa.large_list(pa.float64()), True),
        (pa.list_(pa.uint8(), 3), True),
        (pa.list_(pa.int64()), True),
        (pa.list_(pa.string()), False),
        (pa.list_(pa.list_(pa.float32())), False),
        (pa.float32(), False),
        (pa.binary(), False),
    ],
)
def test_embeddings_are_flat_lists_of_numbers(type_: pa.DataType, expected: bool) -> None:
    assert is_embedding(type_) is expected


def test_written_roles_are_read_back_and_other_metadata_is_kept() -> None:
    roles = Roles(("picture",), {"label": "class"}, None, "split", None)
    table = make_table().replace_schema_metadata({b"pandas": b"{}"})
    written = write_roles(table, roles)
    assert resolve(written) == roles
    assert written.schema.metadata[b"pandas"] == b"{}"


def test_flags_override_metadata() -> None:
    table = write_roles(make_table(), Roles(("picture",), {"label": "class"}, None, "split", None))
    roles = resolve(table, modality=("text",), id_column="id")
    assert roles == Roles(("text",), {"label": "class"}, None, "split", "id")


def test_a_flag_with_a_misspelt_column_is_refused_with_the_nearest_name() -> None:
    _, faults = resolve_roles(make_table().schema, PoolOptions(modality=("tekst",)), "here")
    assert list(map(type, faults)) == [UsageError]
    assert "'tekst' for --modality" in faults[0].args[0]
    assert "did you mean text?" in faults[0].args[2]


def test_a_flag_that_names_a_column_without_embeddings_is_refused() -> None:
    _, faults = resolve_roles(make_table().schema, PoolOptions(modality=("label",)), "here")
    assert "'label' holds string, not embeddings" in faults[0].args[0]


def test_metadata_that_names_a_dropped_column_is_a_fault() -> None:
    table = write_roles(make_table(), Roles(("text",), {"label": "class"}, None, "split", "id"))
    _, faults = resolve_roles(table.drop_columns(["id"]).schema, PoolOptions(), "here")
    assert "the metadata names a column 'id'" in faults[0].args[0]


@pytest.mark.parametrize(
    "text",
    [
        b"not json",
        b"[]",
        b"{}",
        b'{"version": 1}',
        b"[" * 100_000,
        b'{"version":1,"modalities":"text","labels":{},"task":null,"split":null,"id":null}',
        b'{"version":1,"modalities":[1],"labels":{},"task":null,"split":null,"id":null}',
        b'{"version":1,"modalities":[],"labels":{"a":1},"task":null,"split":null,"id":null}',
        b'{"version":1,"modalities":[],"labels":{},"task":null,"split":[],"id":null}',
    ],
)
def test_metadata_that_cannot_be_read_is_one_clear_error(text: bytes) -> None:
    table = make_table().replace_schema_metadata({METADATA_KEY: text})
    with pytest.raises(PoolError, match=r"roles in the metadata \(key 'alsim'\) cannot be read"):
        resolve(table)


def test_metadata_of_a_newer_version_is_refused() -> None:
    table = make_table().replace_schema_metadata({METADATA_KEY: b'{"version": 99}'})
    with pytest.raises(PoolError, match="version 99"):
        resolve(table)
