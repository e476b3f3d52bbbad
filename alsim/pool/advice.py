"""Advice for a pool without embeddings: which columns come near, and how to make embeddings."""

from collections.abc import Mapping

import pyarrow as pa

from alsim.errors import PoolError
from alsim.pool.forms import is_bytes, is_number, is_text
from alsim.pool.roles import Roles


def no_embeddings(
    schema: pa.Schema, roles: Roles, where: str, lookalikes: Mapping[str, str]
) -> PoolError:
    """Return the fault of a pool without embeddings, with a way to get some."""
    what = "no embedding column"
    if lookalikes:
        return PoolError(what, where, "; ".join(lookalikes.values()))
    free = [field for field in schema if field.name not in roles.others]
    texts = [field.name for field in free if is_text(field.type)]
    packed = [field.name for field in free if _is_packed(field.type)]
    has_numbers = any(is_number(field.type) for field in free)
    if packed and not has_numbers:
        what += f": alsim needs embeddings, and {packed[0]!r} holds bytes"
        mend = (
            "encode pictures or sounds with a pretrained net, save one row each with numpy.save, "
            f"then: alsim pool import emb.npy --labels {where} --out pool.parquet"
        )
    elif texts and not has_numbers:
        what += f": alsim needs embeddings, and {texts[0]!r} is text"
        reader = "read_csv" if where.endswith(".csv") else "read_parquet"
        mend = (
            "make them in Python, then import them (or use another model):\n"
            f'    texts = pandas.{reader}("{where}")["{texts[0]}"].tolist()\n'
            '    numpy.save("emb.npy", sentence_transformers.SentenceTransformer('
            '"all-MiniLM-L6-v2").encode(texts))\n'
            f"    alsim pool import emb.npy --labels {where} --out pool.parquet"
        )
    else:
        mend = (
            "an embedding is a list column of numbers; columns of single numbers are converted by: "
            "alsim pool import; or encode columns: --features a,b"
        )
    return PoolError(what, where, mend)


def _is_packed(type_: pa.DataType) -> bool:
    if isinstance(type_, pa.StructType):  # as Hugging Face stores pictures and sounds
        return any(field.name == "bytes" for field in type_)
    return is_bytes(type_)
