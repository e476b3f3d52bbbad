"""A pool's identity: a hash of its content, not of the file it came from."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alsim.pool.decoding import RawMatrix, n_threads
from alsim.pool.survey import Survey

CHUNK_BYTES = 1 << 22
ID_ROWS = 1 << 16  # ids hashed at once, since they take much memory as Python objects


def fingerprint_content(
    survey: Survey,
    matrices: Mapping[str, RawMatrix],
    present: NDArray[np.bool_],
    bytes_: Collection[str],
) -> str:
    """Return 32 hexadecimal digits that stand for the content of a pool and its roles.

    They depend on every bit of the embeddings and every cell of the encoded columns, labels,
    classes, tasks, ids and given splits in the rows that are kept. They do not depend on
    compression, row groups or, where there is an id column, the order of rows; nor on drawn splits,
    masks, standardising, the pool's name or the number of threads.

    Args:
        survey: Roles, labels, ids and given splits.
        matrices: The modalities as decoded.
        present: `(n, modalities)` bool, as decoded.
        bytes_: The modalities that are uint8 in the file.
    """
    roles: dict[str, Any] = {
        "modalities": [
            [name, matrix.values.shape[1], name in bytes_] for name, matrix in matrices.items()
        ],
        "labels": [[answer.name, answer.kind, answer.classes] for answer in survey.answers],
        "has_splits": survey.given is not None,
    }
    # Only where there are any, so that older fingerprints of pools without them stay valid.
    if survey.roles.task is not None:
        roles["task"] = [survey.roles.task, *survey.roles.labels]
    if survey.features:
        roles["features"] = [[feature.name, feature.kind] for feature in survey.features]
    whole = hashlib.blake2b(json.dumps(roles).encode(), digest_size=16)
    order = survey.by_id
    for answer in survey.answers:
        whole.update(answer.codes[survey.rows[order]].astype("<i8").data)
        if answer.targets is not None:
            whole.update(answer.targets[survey.rows[order]].astype("<f4").data)
    for feature in survey.features:
        # By their texts, since the positions depend on values in rows that are left out.
        codes, kept = np.unique(feature.values[order], return_inverse=True)
        if feature.kind == "category":
            known = codes[~np.isnan(codes)].astype(np.int64)
            whole.update(json.dumps([feature.categories[code] for code in known]).encode())
            whole.update(kept.astype("<i8").data)
        else:
            whole.update(feature.values[order].astype("<f8").data)
    if survey.given is not None:
        whole.update(survey.given[order].data)
    whole.update(present[order].data)
    for digest in _id_digests(survey.ids.take(order)):
        whole.update(digest)
    in_order = bool((order == np.arange(len(order))).all())

    def digest_chunk(chunk: tuple[RawMatrix, int, int]) -> bytes:
        matrix, start, stop = chunk
        rows = slice(start, stop) if in_order else order[start:stop]
        found = hashlib.blake2b(matrix.values[rows].data, digest_size=32).digest()
        matrix.release()
        return found

    with ThreadPoolExecutor(n_threads()) as workers:
        for digest in workers.map(digest_chunk, _chunks(matrices.values())):
            whole.update(digest)
    return whole.hexdigest()


def fingerprint_splits(survey: Survey) -> str:
    """Return 32 hexadecimal digits that stand for the ids of each split, as used."""
    bounds = [[name, rows.start, rows.stop] for name, rows in survey.splits.items()]
    whole = hashlib.blake2b(json.dumps(bounds).encode(), digest_size=16)
    for digest in _id_digests(survey.ids):
        whole.update(digest)
    return whole.hexdigest()


def _chunks(matrices: Collection[RawMatrix]) -> Iterator[tuple[RawMatrix, int, int]]:
    for matrix in matrices:
        n, width = matrix.values.shape
        size = max(CHUNK_BYTES // (4 * width), 1)
        yield from ((matrix, start, min(start + size, n)) for start in range(0, n, size))


def _id_digests(ids: "pa.Array[Any]") -> Iterator[bytes]:
    # As JSON, since "ab", "c" and "a", "bc" join to the same bytes, and 1 is not "1".
    for start in range(0, len(ids), ID_ROWS):
        text = json.dumps(ids.slice(start, ID_ROWS).to_pylist())
        yield hashlib.blake2b(text.encode(), digest_size=32).digest()
