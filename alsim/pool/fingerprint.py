"""A pool's identity: a hash of what it holds, not of the file it came from."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alsim.pool.decoding import n_threads
from alsim.pool.pool import SPLITS, Pool

CHUNK_BYTES = 1 << 24


def fingerprint(pool: Pool) -> str:
    """Return 32 hexadecimal digits that stand for the content of `pool` and its roles.

    The content is what a run works on: after splits, masks and standardising, so that a split
    that was drawn, or a column's scale that standardising removes, counts as a run sees it.

    Equal for files that differ in compression, row groups or, where there is an id column, in the
    order of their rows; different as soon as one bit of an embedding, a label, a class, an id or
    a split differs. The pool's name does not count, nor does the machine's number of threads.
    """
    roles = {
        "modalities": list(pool.widths.items()),
        "tasks": [[task.name, task.classes] for task in pool.tasks.values()],
        "splits": [[pool.splits[split].start, pool.splits[split].stop] for split in SPLITS],
    }
    whole = hashlib.blake2b(json.dumps(roles).encode(), digest_size=16)
    with ThreadPoolExecutor(n_threads()) as workers:
        for digest in workers.map(_digest, _chunks(pool)):
            whole.update(digest)
    return whole.hexdigest()


def _chunks(pool: Pool) -> Iterator[NDArray[np.uint8]]:
    arrays: list[NDArray[Any]] = [tensor.numpy() for tensor in pool.modalities.values()]
    arrays += [task.labels.numpy() for task in pool.tasks.values()]
    arrays += [pool.present.numpy(), *_id_arrays(pool)]
    for array in arrays:
        flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        for start in range(0, len(flat), CHUNK_BYTES):
            yield flat[start : start + CHUNK_BYTES]


def _id_arrays(pool: Pool) -> list[NDArray[Any]]:
    ids: list[Any] = pool.ids.to_pylist()
    if ids and isinstance(ids[0], int):
        return [np.array(ids, np.int64)]
    texts = [text.encode() for text in ids]
    # Lengths too, since "ab", "c" and "a", "bc" join to the same bytes.
    lengths = np.array([len(text) for text in texts], np.int64)
    return [lengths, np.frombuffer(b"".join(texts), np.uint8)]


def _digest(chunk: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(chunk.data, digest_size=32).digest()
