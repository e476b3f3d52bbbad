import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pools import doors, load, make_table, write

from alsim.errors import PoolError
from alsim.pool.labels import Answers, read_answers


def read(values: Any, kind: Any = None) -> Answers:
    column = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
    return read_answers(column, "label", kind, "here")


def fault(values: Any, kind: Any = None) -> str:
    with pytest.raises(PoolError) as caught:
        read(values, kind)
    return caught.value.args[0]


@pytest.mark.long
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
def test_strings_of_every_arrow_type_give_the_same_classes(values: Any) -> None:
    answers = read(values)
    assert answers.classes == ("a", "b")
    assert answers.codes.tolist() == [1, 0, -1, 1]


def test_an_unused_dictionary_value_is_not_a_class() -> None:
    values = pa.DictionaryArray.from_arrays(pa.array([0, 2]), pa.array(["a", "b", "c"]))
    assert read(values).classes == ("a", "c")


def test_booleans_are_two_classes() -> None:
    assert read(pa.array([True, False, None])).codes.tolist() == [1, 0, -1]


def test_whole_floats_need_a_label_type() -> None:
    floats = pa.array([1.0, 2.0, float("nan")])
    assert "classes or targets?" in fault(floats)
    assert read(floats, "class").classes == ("1", "2")
    assert read(floats, "class").codes.tolist() == [0, 1, -1]
    assert read(floats, "target").kind == "target"


def test_fractional_numbers_are_a_target_and_never_classes() -> None:
    assert read(pa.array([0.5, 1.0, None])).known.tolist() == [True, True, False]
    assert read(pa.array([0.5, 1.0])).kind == "target"
    assert "fractions" in fault(pa.array([0.5, 1.0]), "class")


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), 1e300, -1e300])
def test_floats_beyond_all_integers_are_not_classes(value: float) -> None:
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


# Labels that stand for unknown


@pytest.mark.parametrize(
    ("values", "unknown"),
    [
        (pa.array([-1, 0, 1, 2] * 5), ["-1"]),
        (pa.array([-1, 0, 1, 2] * 5, pa.int8()), ["-1"]),
        (pa.array(["nan", "x", "y", "z"] * 5), ["nan"]),
        (pa.array(["", "x", "y", "None"] * 5).dictionary_encode(), ["", "None"]),
        (pa.array([-1.0, 0.5, 1.5, 2.5] * 5), ["-1"]),
        (pa.array([-1.0, 0.5, 1.5, 2.5] * 5), ["-1.0"]),
        (pa.array([True, False, None, True] * 5), ["True"]),
    ],
)
def test_labels_named_as_unknown_become_unknown(values: pa.Array, unknown: list[str]) -> None:
    column = pa.chunked_array([values])
    answers = read_answers(column, "label", None, "here", unknown)
    assert isinstance(answers, Answers)
    assert not answers.known[::4].any()
    assert not set(unknown) & set(answers.classes)
    assert read(values).known[0]


def test_whole_floats_match_unknown_labels_written_as_integers() -> None:
    column = pa.chunked_array([pa.array([-1.0, 0.0, 1.0] * 5)])
    answers = read_answers(column, "label", "class", "here", ["-1"])
    assert isinstance(answers, Answers)
    assert answers.classes == ("0", "1")


NAMES = ["x", "y", "z"] * 20


@pytest.mark.parametrize(
    ("labels", "flag"),
    [
        (["nan", *NAMES[1:]], "--unknown nan"),
        (["None", *NAMES[1:]], "--unknown None"),
        (["NULL", *NAMES[1:]], "--unknown NULL"),
        (["<NA>", *NAMES[1:]], "--unknown '<NA>'"),
        (["", *NAMES[1:]], "--unknown ''"),
        ([-1, *[0, 1, 2] * 20][:60], "--unknown -1"),
        ([-100, *[0, 1] * 30][:60], "--unknown -100"),
    ],
)
def test_common_placeholders_for_unknown_labels_give_a_warning_with_a_working_remedy(
    tmp_path: Path, labels: list[Any], flag: str
) -> None:
    path = write(make_table(80, label=pa.array(labels + labels[1:21])), tmp_path / "pool.parquet")
    for warnings in doors(path, tmp_path / "doors").warnings():
        (warning,) = [each for each in warnings if "unknown" in each]
        assert warning.endswith(f"may stand for unknown: if so, add {flag}")
    (value,) = shlex.split(warning.partition("--unknown ")[2])
    cured = doors(path, tmp_path / "cured", unknown=(value,))
    assert not any("unknown" in str(warnings) for warnings in cured.warnings())
    assert cured.loaded.report.n_unknown == cured.imported.report.n_unknown == 1


@pytest.mark.parametrize("labels", [[-1, 1] * 30, [-2, -1, 0] * 20, ["none at all", "x"] * 30])
def test_labels_that_are_classes_give_no_warning(tmp_path: Path, labels: list[Any]) -> None:
    loaded = load(make_table(label=pa.array(labels)), tmp_path / "pool")
    assert not any("unknown" in warning for warning in loaded.report.warnings)


def test_a_split_labelled_only_minus_one_gives_a_warning_and_is_unknown_if_requested(
    tmp_path: Path,
) -> None:
    table = make_table(80)
    labels = [
        -1 if split == "test" else i % 3 for i, split in enumerate(table["split"].to_pylist())
    ]
    path = write(make_table(80, label=pa.array(labels)), tmp_path / "pool.parquet")
    loaded = load(path, tmp_path / "folder")
    sentence = "the class '-1' of 'label' (20 rows, all of test) may stand for unknown"
    assert any(warning.startswith(sentence) for warning in loaded.report.warnings)
    asked = load(path, tmp_path / "asked", unknown=("-1",))
    assert asked.report.n_split["test"] == 0
    assert asked.report.n_unknown == 20


def test_an_unknown_label_that_does_not_occur_gives_a_warning(tmp_path: Path) -> None:
    loaded = load(make_table(80), tmp_path / "pool", unknown=("class-9",))
    assert loaded.report.warnings == ("--unknown class-9: no label is 'class-9'",)


def test_several_labels_for_each_row_are_refused_with_a_working_remedy(tmp_path: Path) -> None:
    tags = [["red"] if i % 2 else ["red", "big one"] if i % 3 else [] for i in range(60)]
    with pytest.raises(PoolError, match="'tags' holds lists: several labels a row") as caught:
        read_answers(pa.chunked_array([pa.array(tags)]), "tags", None, "here")
    names = shlex.split(caught.value.args[2].partition("name each: ")[2].partition(" …")[0])[1::2]
    assert names == ["red", "big one"]
    columns = {name: pa.array([name in row for row in tags]) for name in names}
    loaded = load(make_table(label=None, **columns), tmp_path / "pool", label=tuple(names),
                  rows_kept="any")  # fmt: skip
    assert list(loaded.pool.tasks) == names
