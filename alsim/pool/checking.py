"""Everything that is wrong with a pool, found in one go."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alsim.errors import AlsimError
from alsim.options.pool import PoolOptions
from alsim.pool.decoding import RawMatrix, decode
from alsim.pool.giveaways import sample_rows
from alsim.pool.remarks import remark
from alsim.pool.roles import is_embedding
from alsim.pool.scratch import scratch_folder
from alsim.pool.source import Source
from alsim.pool.splits import Validation
from alsim.pool.survey import Survey, refuse_queries, survey_pool, with_features


@dataclass(frozen=True, slots=True)
class Check:
    """What is wrong with a pool, what may be, and what is worth knowing."""

    faults: tuple[AlsimError, ...]  # the pool cannot be used
    warnings: tuple[str, ...]  # among them why it cannot be queried
    notes: tuple[str, ...]


def check_pool(source: Source, options: PoolOptions, validation: Validation) -> Check:
    """Return all faults of a pool at once, or, if it has none, warnings and notes.

    The embeddings are decoded into a temporary folder, which needs the space of the tensors.

    Raises:
        PoolError: If a file is damaged, which ends the check.
    """
    survey, faults = survey_pool(source, options, validation)
    columns = [
        name for name in survey.roles.modalities if is_embedding(source.schema.field(name).type)
    ]
    # With faults in the small columns it is not known which rows are kept: then check them all.
    rows = np.arange(source.n) if faults else survey.rows
    with scratch_folder() as folder:
        decoded = decode(source, columns, rows, folder)
        faults = (*faults, *decoded.faults)
        if faults:
            return Check(faults, (), ())
        matrices, some = list(decoded.matrices.values()), sample_rows(survey)
        samples = [matrix.values[some] for matrix in matrices]
        present = with_features(decoded.present, survey)
        notes, warnings = remark(source, survey, present, decoded.empty, samples)
        refused = refuse_queries(survey, source.where, several=True)
        warnings = (*(f"not for alsim run: {fault.args[0]}" for fault in refused), *warnings)
        warnings += tuple(_leaks(survey, matrices, decoded.present))
    return Check((), warnings, notes)


def _leaks(survey: Survey, matrices: list[RawMatrix], present: NDArray[np.bool_]) -> list[str]:
    """Return a warning if rows of test equal rows of train in every modality, to the bit.

    Encoded columns do not count: people of the same age and occupation are no leak.
    """
    trained = {_row_hash(matrices, present, row) for row in survey.splits["train"]}
    some: NDArray[np.bool_] = np.any(present, axis=1)
    equal = [
        row
        for row in survey.splits["test"]
        if some[row] and _row_hash(matrices, present, row) in trained
    ]
    if not equal:
        return []
    first = survey.ids[equal[0]].as_py()
    rows = "row equals a" if len(equal) == 1 else "rows equal a"
    return [f"{len(equal):,} test {rows} train row exactly; the first has the id {first!r}"]


def _row_hash(matrices: list[RawMatrix], present: NDArray[np.bool_], row: int) -> bytes:
    digest = hashlib.blake2b(present[row].tobytes(), digest_size=16)
    for matrix in matrices:
        digest.update(matrix.values[row].data)
    return digest.digest()
