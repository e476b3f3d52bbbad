"""Inputs that give the label away: a copy of it, as one column, one-hot, or by a few rows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alsim.pool.labels import Answers
from alsim.pool.survey import Survey

SAMPLE = 2000  # rows that are examined, or A_CLASS for each class, if these are more
A_CLASS = 8
MOST_ROWS = 20_000
FEW = 64  # distinct values of a column, or rows of a modality, that always count as few
ALIKE = 4  # rows that share a value, on average
SLIPS = 0.1  # largest error of a copy, as a share of that of the largest class


def sample_rows(survey: Survey) -> NDArray[np.int64]:
    """Return positions in `survey.rows`, evenly spaced, of rows to examine."""
    most = max((len(answer.classes) for answer in survey.answers), default=0)
    size = min(max(SAMPLE, A_CLASS * most), MOST_ROWS, len(survey.rows))
    return np.linspace(0, len(survey.rows) - 1, size).astype(np.int64)


def find_giveaways(
    survey: Survey, present: NDArray[np.bool_], samples: Sequence[NDArray[np.float32]]
) -> list[str]:
    """Return a warning for each input that nearly determines a label.

    An input does if its rows, or its columns with few values, repeat a few vectors, and nearly
    each of these has one class. Classes that are merely easy to separate do not repeat vectors.

    Args:
        survey: The rows that are kept.
        present: `(kept, inputs)` bool.
        samples: `(some, width)` for each modality, the values of `sample_rows`.
    """
    some = sample_rows(survey)
    inputs = [
        (name, values, present[some, index])
        for index, (name, values) in enumerate(zip(survey.roles.modalities, samples, strict=True))
    ]
    sentences: list[str] = []
    for answer in survey.answers:
        if answer.kind == "target":
            continue
        codes = answer.codes[survey.rows[some]]
        for name, values, there in inputs:
            rows = there & (codes >= 0)
            if _gives_away(values[rows], codes[rows]):
                sentences.append(_sentence("modality", name, answer))
        for feature in survey.features:
            values = np.nan_to_num(feature.values[some], nan=-1e300)
            if _determines(values[codes >= 0, None], codes[codes >= 0]):
                sentences.append(_sentence("column", feature.name, answer))
    return sentences


def _sentence(kind: str, name: str, answer: Answers) -> str:
    return (
        f"the {kind} {name!r} nearly determines {answer.name!r}: it repeats a few values, each of "
        "one class, so it may be a copy of the label; leave it out by naming the others"
    )


def _gives_away(values: NDArray[np.float32], codes: NDArray[np.int64]) -> bool:
    if len(codes) < ALIKE or not values.shape[1]:
        return False
    if _determines(values, codes):
        return True
    in_order = np.sort(values[: 10 * FEW], axis=0)
    distinct = 1 + (in_order[1:] != in_order[:-1]).sum(0)
    few = np.flatnonzero((distinct > 1) & (distinct <= FEW))
    if not len(few) or len(few) == values.shape[1]:
        return False
    return _determines(values[:, few], codes) or any(
        _determines(values[:, [column]], codes) for column in few
    )


def _determines(values: NDArray[np.floating], codes: NDArray[np.int64]) -> bool:
    """Return whether few of the vectors `(n, d)` are distinct, and nearly each has one class."""
    n, counts = len(codes), np.bincount(codes)
    n_classes = int((counts > 0).sum())
    chance = n - int(counts.max(initial=0))
    if n_classes < 2:
        return False
    with np.errstate(invalid="ignore"):  # of a NaN that signals
        rows = np.ascontiguousarray(values + 0)  # -0.0 is 0
    if values.shape[1] > 1:
        rows = rows.view(f"V{values.shape[1] * values.itemsize}")
    found, which = np.unique(rows.ravel(), return_inverse=True)
    if len(found) > min(max(4 * n_classes, FEW), n // ALIKE):
        return False
    pairs, together = np.unique(which * len(counts) + codes, return_counts=True)
    right = np.zeros(len(found), np.int64)
    np.maximum.at(right, pairs // len(counts), together)
    return n - int(right.sum()) <= SLIPS * chance
