"""What a pool without embeddings is told: which columns are near, and how embeddings are made."""

from collections.abc import Mapping

import pyarrow as pa

from alsim.pool.faults import Fault
from alsim.pool.roles import Roles


def no_embeddings(
    schema: pa.Schema, roles: Roles, where: str, lookalikes: Mapping[str, str]
) -> Fault:
    """Return the fault of a pool without embeddings, with the way to have some."""
    if lookalikes:
        return Fault("no embedding column", where, "; ".join(lookalikes.values()))
    free = [field for field in schema if field.name not in roles.others]
    texts = [field.name for field in free if _is_text(field.type)]
    packed = [field.name for field in free if _is_packed(field.type)]
    if packed and not any(_is_number(field.type) for field in free):
        what = f"no embedding column: alsim needs embeddings, and {packed[0]!r} holds bytes"
        mend = (
            "put pictures or sounds through a pretrained net, and save one row each by "
            f"numpy.save; then: alsim pool import emb.npy --labels {where} --out pool.parquet"
        )
        return Fault(what, where, mend)
    if any(_is_number(field.type) for field in free) or not texts:
        mend = (
            "an embedding is a list column of numbers; columns of single numbers are converted by: "
            "alsim pool import; or encode columns: --features a,b"
        )
        return Fault("no embedding column", where, mend)
    what = f"no embedding column: alsim needs embeddings, and {texts[0]!r} is text"
    return Fault(what, where, how_to_embed(texts[0], where))


def how_to_embed(column: str, path: str) -> str:
    """Return three lines that make a pool of a file with a column of text."""
    reader = "read_csv" if path.endswith(".csv") else "read_parquet"
    return (
        "make them in Python, then import them (or use another model):\n"
        f'    texts = pandas.{reader}("{path}")["{column}"].tolist()\n'
        '    numpy.save("emb.npy", sentence_transformers.SentenceTransformer('
        '"all-MiniLM-L6-v2").encode(texts))\n'
        f"    alsim pool import emb.npy --labels {path} --out pool.parquet"
    )


def _is_text(type_: pa.DataType) -> bool:
    tests = pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view
    return any(test(type_) for test in tests)


def _is_packed(type_: pa.DataType) -> bool:
    if isinstance(type_, pa.StructType):  # as Hugging Face has pictures and sounds
        return any(field.name == "bytes" for field in type_)
    return pa.types.is_binary(type_) or pa.types.is_large_binary(type_)


def _is_number(type_: pa.DataType) -> bool:
    return pa.types.is_integer(type_) or pa.types.is_floating(type_)
