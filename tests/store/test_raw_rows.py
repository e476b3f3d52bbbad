"""Rows of a table as the arrays that an exported net reads."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from alsim.errors import UsageError
from alsim.store.raw_rows import read_rows

FEATURES = {"age": ["age", "age is null"], "sex": ["sex=f", "sex=m", "sex is null"]}
INPUTS: dict[str, Any] = {
    "text": {"columns": None, "mean": [0.0] * 2, "scale": [1.0] * 2},
    "features": {
        "columns": [name for names in FEATURES.values() for name in names],
        "features": FEATURES,
        "mean": [40.0, 0.0, 0.0, 0.0, 0.0],
        "scale": [0.1, 1.0, 1.0, 1.0, 1.0],
    },
}
ROWS = pa.table(
    {
        "sex": ["m", None, "unseen"],
        "age": [30, None, 50],
        "text": pa.array([[1, 2], None, []], pa.list_(pa.uint8())),
        "other": ["a", "b", "c"],
    }
)


def test_embeddings_are_as_in_the_file_and_columns_as_they_were_encoded() -> None:
    arrays, present = read_rows(ROWS, INPUTS)
    assert arrays["text"].tolist() == [[1, 2], [0, 0], [0, 0]]
    assert present.tolist() == [[True, True], [False, True], [False, True]]
    assert arrays["features"].tolist() == [
        [30, 0, 0, 1, 0],
        [40, 1, 0, 0, 1],  # a number that is null is the mean
        [50, 0, 0, 0, 0],  # a category that training never saw
    ]


def test_several_pieces_and_fixed_sizes_give_the_same() -> None:
    whole, _ = read_rows(ROWS, INPUTS)
    vectors = pa.array([[1.0, 2.0], None, None], pa.list_(pa.float32(), 2))
    same = ROWS.set_column(2, "text", vectors)
    pieces = pa.concat_tables([same.slice(0, 1), same.slice(1)])
    arrays, present = read_rows(pieces, INPUTS)
    assert all(np.array_equal(arrays[name], whole[name]) for name in whole)
    assert present[:, 0].tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("text", pa.array([[1, 2], [1, 2, 3], None]), "lists of other lengths"),
        ("text", pa.array([[1], [1, 2, 3], None]), "lists of other lengths"),
        ("text", pa.array(["a", "b", "c"]), "no embedding"),
        ("age", pa.array(["a", "b", "c"]), "other values than the numbers"),
        ("sex", pa.array([1, 2, 3]), "other values than the categories"),
    ],
)
def test_columns_of_another_form_are_refused(column: str, values: pa.Array, expected: str) -> None:
    place = ROWS.column_names.index(column)
    with pytest.raises(UsageError, match=expected):
        read_rows(ROWS.set_column(place, column, values), INPUTS)


def test_an_export_that_lacks_its_columns_says_what_to_do() -> None:
    without = {**INPUTS["features"]}
    del without["features"]
    with pytest.raises(UsageError, match="an earlier alsim exported the net"):
        read_rows(ROWS, {"text": INPUTS["text"], "features": without})
    with pytest.raises(UsageError, match="no column 'sex'"):
        read_rows(ROWS.drop_columns(["sex"]), INPUTS)
