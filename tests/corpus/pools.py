"""Bad pools: `alsim run` and `alsim pool check` refuse each with one message.

A builder writes its files into an empty folder and returns the arguments after `run`.
"""

import base64
import datetime
import decimal
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pools import embeddings, make_table, write

Builder = Callable[[Path], list[str]]

N = 60  # rows
ROLES = {
    "version": 1,
    "modalities": ["text", "picture"],
    "labels": {"label": "class"},
    "task": None,
    "split": "split",
    "id": "id",
}


def of(path: Path, *arguments: str) -> list[str]:
    return ["--pool", str(path), *arguments]


def with_columns(*arguments: str, **columns: Any) -> Builder:
    """Return the builder of a sound pool with some columns replaced; None drops a column."""
    return lambda folder: of(
        write(make_table(N, **columns), folder / "pool.parquet", row_group_size=25), *arguments
    )


def with_roles(roles: object) -> Builder:
    text = roles if isinstance(roles, bytes) else json.dumps(roles).encode()

    def build(folder: Path) -> list[str]:
        table = make_table(N).replace_schema_metadata({b"alsim": text})
        return of(write(table, folder / "pool.parquet"))

    return build


def with_bytes(damage: Callable[[bytearray], bytes | bytearray]) -> Builder:
    """Return the builder of a sound pool file with changed bytes."""

    def build(folder: Path) -> list[str]:
        path = write(make_table(400), folder / "pool.parquet", compression="zstd")
        path.write_bytes(damage(bytearray(path.read_bytes())))
        return of(path)

    return build


def not_utf8(n: int = N) -> "pa.Array[Any]":
    """Return strings of one byte each, 0xFF or 0xFE, which is not UTF-8."""
    offsets = np.arange(n + 1, dtype=np.int32)
    values = bytes(0xFF - row % 2 for row in range(n))
    return pa.Array.from_buffers(
        pa.string(), n, [None, pa.py_buffer(offsets), pa.py_buffer(values)]
    )


def overwritten(start: int, stop: int) -> Callable[[bytearray], bytearray]:
    def damage(data: bytearray) -> bytearray:
        data[start:stop] = bytes(len(data[start:stop]))
        return data

    return damage


def footer_longer_than_the_file(data: bytearray) -> bytearray:
    data[-8:-4] = (2**31 - 1).to_bytes(4, "little")
    return data


def varint(value: int) -> bytes:
    """Return an integer in Thrift's compact protocol."""
    zigzag, out = value << 1 ^ value >> 63, bytearray()
    while zigzag > 0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes([*out, zigzag])


def claiming_rows(n: int, *, everywhere: bool = True) -> Builder:
    """Return the builder of a file of 60 rows that claims to have `n`.

    The claim is only in its row group, not in its columns or in the file's total.
    """

    def build(folder: Path) -> list[str]:
        path = write(make_table(N), folder / "pool.parquet")
        data = path.read_bytes()
        length = int.from_bytes(data[-8:-4], "little")
        footer = data[-8 - length : -8]
        # A 64-bit integer whose field follows the last one by number has the header byte 0x16.
        rows, claim = b"\x16" + varint(N), b"\x16" + varint(n)
        head, tail = footer[: footer.rindex(rows)], footer[footer.rindex(rows) + len(rows) :]
        claim = (head.replace(rows, claim) if everywhere else head) + claim + tail
        path.write_bytes(data[: -8 - length] + claim + len(claim).to_bytes(4, "little") + b"PAR1")
        return of(path)

    return build


def claiming_width(folder: Path) -> list[str]:
    """Write absent embeddings that claim to be 2³¹ - 1 values wide each."""
    lists = pa.list_(pa.float32())
    table = make_table(N, text=pa.nulls(N, lists), picture=None)
    claim = table.schema.set(1, pa.field("text", pa.list_(pa.float32(), 2**31 - 1)))
    path = folder / "pool.parquet"
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        encoded = base64.b64encode(claim.serialize().to_pybytes())
        writer.add_key_value_metadata({"ARROW:schema": encoded.decode()})
    return of(path)


def two_labels(folder: Path) -> list[str]:
    table = make_table(N)
    columns = [*table.columns, table.column("label")]
    twice = pa.Table.from_arrays(columns, names=[*table.column_names, "label"])
    return of(write(twice, folder / "pool.parquet"))


def differing_schemas(folder: Path) -> list[str]:
    write(make_table(N), folder / "a.parquet")
    write(make_table(N, label=pa.array(range(N))), folder / "b.parquet")
    return of(folder)


def differing_widths(folder: Path) -> list[str]:
    for name, width in (("a", 4), ("b", 5)):
        column = embeddings([[1.0] * width] * N)
        write(make_table(N, picture=None, id=None, text=column), folder / f"{name}.parquet")
    return of(folder)


def nothing_there(folder: Path) -> list[str]:
    write(make_table(N), folder / "posts.parquet")
    return of(folder / "post.parquet")


def a_folder_of_csv(folder: Path) -> list[str]:
    (folder / "pool.csv").write_text("id,label\n1,a\n")
    return of(folder)


def csv_named_parquet(folder: Path) -> list[str]:
    path = folder / "pool.parquet"
    path.write_text("id,label\n1,a\n")
    return of(path)


def of_rows(n: int, **columns: Any) -> Builder:
    return lambda folder: of(write(make_table(n, **columns), folder / "pool.parquet"))


def of_table(table: pa.Table) -> Builder:
    return lambda folder: of(write(table, folder / "pool.parquet"))


def listed(row: object, type_: pa.DataType) -> "pa.Array[Any]":
    return pa.array([row] * N, type_)


BAD_POOLS: dict[str, Builder] = {
    # The file
    "there is no such file": nothing_there,
    "the path is too long": lambda folder: of(folder / ("x" * 5000)),
    "a pattern that matches nothing": lambda folder: of(folder / "*.parquet"),
    "a pattern that is none": lambda folder: of(folder / "**x.parquet"),
    "a folder without Parquet": a_folder_of_csv,
    "a CSV named like Parquet": csv_named_parquet,
    "an empty file": with_bytes(lambda data: b""),
    "four bytes": with_bytes(lambda data: data[:4]),
    "half a file": with_bytes(lambda data: data[: len(data) // 2]),
    "the last byte is missing": with_bytes(lambda data: data[:-1]),
    "a footer of zeros": with_bytes(overwritten(-400, -8)),
    "a footer longer than the file": with_bytes(footer_longer_than_the_file),
    "pages of zeros": with_bytes(overwritten(200, 1200)),
    "a claim of 2⁶⁰ rows": claiming_rows(2**60),
    "a claim of nine million rows": claiming_rows(9_000_000),
    "a claim of negative rows": claiming_rows(-9),
    "a row group that contradicts the file": claiming_rows(1, everywhere=False),
    "a claim of rows 2³¹ values wide": claiming_width,
    "files with differing schemas": differing_schemas,
    "files with differing widths": differing_widths,
    "no columns": of_table(pa.table({})),
    "no rows": of_rows(0),
    "two columns of one name": two_labels,
    # Labels
    "no label column": with_columns(label=None),
    "a label column that is not there": with_columns("--label", "lable"),
    "a label that is null everywhere": with_columns(label=pa.nulls(N, pa.string())),
    "a label of NaN": with_columns(label=pa.array([float("nan")] * N)),
    "a single class": with_columns(label=pa.array(["a"] * N)),
    "whole floats": with_columns(label=pa.array([float(i % 3) for i in range(N)])),
    "fractions": with_columns(label=pa.array([i / 7 for i in range(N)])),
    "fractions said to be classes": with_columns(
        "--label-type", "class", label=pa.array([i / 7 for i in range(N)])
    ),
    "infinities said to be classes": with_columns(
        "--label-type", "class", label=pa.array([float("inf"), 1.0] * (N // 2))
    ),
    "integers said to be a target": with_columns(
        "--label-type", "target", label=pa.array(range(N))
    ),
    "strings said to be a target": with_columns("--label-type", "target"),
    "labels that are dates": with_columns(label=listed(datetime.date(2020, 1, 1), pa.date32())),
    "labels that are decimals": with_columns(
        label=listed(decimal.Decimal("1.5"), pa.decimal128(5, 1))
    ),
    "labels that are bytes": with_columns(label=listed(b"a", pa.binary())),
    "labels that are lists": with_columns(label=listed(["a"], pa.list_(pa.string()))),
    "labels that are structs": with_columns(label=pa.array([{"a": 1}] * N)),
    "labels that are not UTF-8": with_columns(label=not_utf8()),
    # Modalities
    "no embedding column": with_columns(text=None, picture=None),
    "embeddings of texts": with_columns(text=listed(["1"], pa.list_(pa.string())), picture=None),
    "a modality that is not there": with_columns("--modality", "tekst"),
    "a modality that is a label": with_columns("--modality", "label"),
    "a ragged modality": with_columns(text=embeddings([[1.0, 2.0]] * (N - 1) + [[1.0]])),
    "NaN in an embedding": with_columns(text=embeddings([[1.0]] * (N - 1) + [[float("nan")]])),
    "a float64 beyond float32": with_columns(text=listed([1e300], pa.list_(pa.float64()))),
    "a null inside an embedding": with_columns(text=embeddings([[1.0]] * (N - 1) + [[None]])),
    "a modality that is null everywhere": with_columns(text=embeddings([None] * N)),
    "a modality of empty lists": with_columns(text=embeddings([[]] * N)),
    "a modality of width 0": with_columns(text=listed([], pa.list_(pa.float32(), 0))),
    "a masked column that is no modality": with_columns("--mask-modality", "label=0.5"),
    # Ids
    "an id that occurs twice": with_columns(id=pa.array([0, 0, *range(2, N)])),
    "an id that is null": with_columns(id=pa.array([None, *range(1, N)])),
    "ids that are fractions": with_columns(id=pa.array([i / 2 for i in range(N)])),
    "ids that are not UTF-8": with_columns(id=not_utf8()),
    "an id column that is not there": with_columns("--id", "name"),
    # Splits
    "an unknown split": with_columns(split=pa.array(["train"] * (N - 1) + ["fold-3"])),
    "a split that is null": with_columns(split=pa.array([*["train"] * (N - 1), None])),
    "splits that are numbers": with_columns(split=pa.array([i % 2 for i in range(N)])),
    "splits that are lists": with_columns(split=listed(["train"], pa.list_(pa.string()))),
    "splits that are not UTF-8": with_columns(split=not_utf8()),
    "nothing to train on": with_columns(split=pa.array(["test"] * N)),
    "a split column that is not there": with_columns("--split", "fold"),
    # Roles in the metadata
    "roles that are not JSON": with_roles(b"roles"),
    "roles that are a list": with_roles([1]),
    "roles nested without end": with_roles(b"[" * 100_000),
    "roles of a newer version": with_roles({**ROLES, "version": 99}),
    "roles without labels": with_roles({k: v for k, v in ROLES.items() if k != "labels"}),
    "modalities that are a string": with_roles({**ROLES, "modalities": "text"}),
    "modalities that are none": with_roles({**ROLES, "modalities": []}),
    "an unknown kind of label": with_roles({**ROLES, "labels": {"label": "ordinal"}}),
    "roles of a column that is not there": with_roles({**ROLES, "id": "name"}),
    "a role for tasks": with_roles({**ROLES, "task": "label"}),
    # Sizes
    "one row": of_rows(1, split=None),
    "too few rows to measure on": of_rows(2, split=None),
}

if os.geteuid() != 0:  # root may read everything

    def unreadable(folder: Path) -> list[str]:
        path = write(make_table(N), folder / "pool.parquet")
        path.chmod(0)
        return of(path)

    BAD_POOLS["a file one may not read"] = unreadable
