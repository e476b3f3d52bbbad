from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alsim.pool.faults import Fault
from alsim.pool.labels import Answers, read_answers


def read(values: Any, kind: Any = None) -> Answers:
    column = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
    answers = read_answers(column, "label", kind, "here")
    assert isinstance(answers, Answers)
    return answers


def fault(values: Any, kind: Any = None) -> str:
    found = read_answers(pa.chunked_array([values]), "label", kind, "here")
    assert isinstance(found, Fault)
    return found.what


@given(st.lists(st.one_of(st.none(), st.integers(-5, 200)), min_size=1))
def test_codes_point_into_sorted_classes_and_nulls_are_unknown(values: list[int | None]) -> None:
    if all(value is None for value in values):
        assert "null in every row" in fault(pa.array(values, pa.int64()))
        return
    answers = read(pa.array(values, pa.int64()))
    known = sorted({value for value in values if value is not None})
    assert answers.classes == tuple(map(str, known))
    expected = [-1 if value is None else known.index(value) for value in values]
    assert answers.codes.tolist() == expected


def test_integers_sort_as_numbers_and_strings_as_text() -> None:
    assert read(pa.array([10, 9, 2])).classes == ("2", "9", "10")
    assert read(pa.array(["10", "9", "2"])).classes == ("10", "2", "9")


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["b", "a", None, "b"]),
        pa.array(["b", "a", None, "b"], pa.large_string()),
        pa.array(["b", "a", None, "b"]).dictionary_encode(),
        pa.chunked_array([pa.array(["b", "a"]), pa.array([None, "b"])]),
    ],
)
def test_strings_mean_the_same_however_they_are_held(values: Any) -> None:
    answers = read(values)
    assert answers.classes == ("a", "b")
    assert answers.codes.tolist() == [1, 0, -1, 1]


def test_an_unused_dictionary_value_is_no_class() -> None:
    values = pa.DictionaryArray.from_arrays(pa.array([0, 2]), pa.array(["a", "b", "c"]))
    assert read(values).classes == ("a", "c")


def test_booleans_are_two_classes() -> None:
    assert read(pa.array([True, False, None])).codes.tolist() == [1, 0, -1]


def test_whole_floats_ask_which_they_are() -> None:
    floats = pa.array([1.0, 2.0, float("nan")])
    assert "classes or targets?" in fault(floats)
    assert read(floats, "class").classes == ("1", "2")
    assert read(floats, "class").codes.tolist() == [0, 1, -1]
    assert read(floats, "target").kind == "target"


def test_fractions_are_a_target_and_never_classes() -> None:
    assert read(pa.array([0.5, 1.0, None])).known.tolist() == [True, True, False]
    assert read(pa.array([0.5, 1.0])).kind == "target"
    assert "fractions" in fault(pa.array([0.5, 1.0]), "class")


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), 1e300, -1e300])
def test_floats_beyond_all_integers_are_no_classes(value: float) -> None:
    assert read(pa.array([value, 1.0])).kind == "target"
    assert "infinities" in fault(pa.array([value, 1.0]), "class")


def test_a_target_holds_its_values_as_float32_and_nan_where_unknown() -> None:
    for values in (pa.array([0.5, None, float("nan"), -3.25]), pa.array([7, None], pa.uint64())):
        answers = read(values, "target")
        expected = [np.nan if v is None else v for v in values.to_pylist()]
        np.testing.assert_array_equal(answers.labels, np.array(expected, np.float32))
        assert answers.labels.dtype == np.float32
        assert answers.known.tolist() == [value == value for value in expected]
    assert read(pa.array(["a", "b"])).labels.tolist() == [0, 1]


def test_integers_may_be_a_target_and_strings_not() -> None:
    assert read(pa.array([1, 2]), "target").kind == "target"
    assert "cannot be a target" in fault(pa.array(["a", "b"]), "target")


def test_other_types_are_refused() -> None:
    assert "holds date32" in fault(pa.array([1, 2], pa.date32()))
    assert "holds list" in fault(pa.array([[1], [2]]))


def test_codes_are_int64() -> None:
    assert read(pa.array([1, 2], pa.int8())).codes.dtype == np.int64
