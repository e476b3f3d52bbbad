"""The files and options of oracles: their result, and the errors of bad ones."""

import json
from pathlib import Path

import pytest

from alsim.errors import UsageError
from alsim.options.oracle import OracleOptions, oracle_faults
from alsim.options.texts import parse_rates
from alsim.studies.start.oracles import read_confusion, read_groups

CLASSES = ("cat", "dog", "eel")
MATRIX = ((0.8, 0.2, 0.0), (0.1, 0.9, 0.0), (0.25, 0.25, 0.5))


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.csv", "true,eel,cat,dog\ndog,0,0.1,0.9\neel,0.5,0.25,0.25\ncat, 0.0, 0.8, 0.2\n"),
        ("m.csv", "\ufeff,cat,dog,eel\r\ncat,.8,.2,0\r\n\r\ndog,.1,.9,0\r\neel,.25,.25,.5"),
        (
            "m.json",
            json.dumps(
                {
                    "eel": {"eel": 0.5, "dog": 0.25, "cat": 0.25},
                    "cat": {"cat": 0.8, "dog": 0.2, "eel": 0},
                    "dog": {"cat": 0.1, "dog": 0.9, "eel": 0},
                }
            ),
        ),
    ],
)
def test_a_matrix_is_read_in_the_order_of_the_classes(name: str, text: str, tmp_path: Path) -> None:
    assert read_confusion(put(tmp_path, name, text), CLASSES) == MATRIX


GOOD = "true,cat,dog,eel\ncat,0.8,0.2,0\ndog,0.1,0.9,0\neel,0.25,0.25,0.5\n"


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("m.csv", GOOD.replace("0.8", "0.7"), "the row of 'cat' sums to 0.9, not to 1"),
        ("m.csv", GOOD.replace("0.8", "0.80001"), "the row of 'cat' sums to 1.00001"),
        ("m.csv", GOOD.replace("0.8", "80"), "has 80.0 for 'cat', which is no probability"),
        ("m.csv", GOOD.replace("0.9", "-0.9"), "has -0.9 for 'dog', which is no probability"),
        ("m.csv", GOOD.replace("0.9", "x"), "has 'x' for 'dog', which is no probability"),
        ("m.csv", GOOD.replace("0.9", "nan"), "which is no probability"),
        ("m.csv", GOOD.replace("\neel,0.25,0.25,0.5", ""), "a row is missing for 'eel'"),
        ("m.csv", GOOD.replace("\neel", "\ndog"), "two rows are called 'dog'"),
        ("m.csv", GOOD.replace("true,cat", "true,dog"), "two columns are called 'dog'"),
        ("m.csv", GOOD.replace("\neel", "\neell"), r"no class 'eell'; did you mean eel\?"),
        ("m.csv", GOOD.replace("0.9,0\n", "0.9\n"), "the row of 'dog' has 2 numbers, not 3"),
        ("m.csv", "", "a row is missing for 'cat' and 2 others"),
        ("m.json", '{"cat": 1}', "does not hold a row of numbers for each class"),
        ("m.json", "[1]", "does not hold a row of numbers for each class"),
        ("m.json", '{"cat": {"cat": true}}', "True for 'cat', which is no probability"),
        ("m.json", '{"cat": {}, "cat": {}}', "'cat' stands there twice"),
        ("m.json", "{", "cannot be read"),
        ("m.json", "[" * 50_000, "nested too deeply"),
        ("m.json", '{"cat": {"cat": 1' + "0" * 400 + "}}", "a huge number for 'cat'"),
        ("m.json", '{"cat": {"cat": 1' + "0" * 5000 + "}}", "cannot be read"),
        ("m.csv", GOOD.replace("eel", "elk"), "no class 'elk'; "),
        ("m.csv", "true,x,y\nx,1,0\ny,0,1\n", "no class 'x' and 1 others; "),
    ],
)
def test_a_bad_matrix_is_one_error_with_the_reason(
    name: str, text: str, what: str, tmp_path: Path
) -> None:
    path = put(tmp_path, name, text)
    with pytest.raises(UsageError, match=what) as caught:
        read_confusion(path, CLASSES)
    assert caught.value.args[1] == str(path)
    assert "each row sums to 1" in caught.value.args[2]


def test_all_faults_of_a_matrix_are_reported_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("0.8", "0.7").replace("0.9", "2")
    with pytest.raises(UsageError) as caught:
        read_confusion(put(tmp_path, "m.csv", text), CLASSES)
    assert "2 faults" in str(caught.value)
    assert "'cat' sums to 0.9" in str(caught.value)
    assert "2.0 for 'dog'" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [("g.json", '{"pets": ["dog", "cat"]}'), ("g.toml", 'pets = ["dog", "cat"]')],
)
def test_a_class_without_a_group_becomes_its_own_group(
    name: str, text: str, tmp_path: Path
) -> None:
    assert read_groups(put(tmp_path, name, text), CLASSES) == {"pets": (1, 0), "eel": (2,)}


def test_classes_that_are_numbers_may_be_written_as_numbers(tmp_path: Path) -> None:
    path = put(tmp_path, "g.json", '{"even": [0, 2]}')
    assert read_groups(path, ("0", "1", "2")) == {"even": (0, 2), "1": (1,)}


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("g.json", '{"a": ["cat"], "b": ["cat", "dog"]}', "'cat' is named in 'a' and in 'b'"),
        ("g.json", '{"a": ["cat", "cat"]}', "'cat' is named twice"),
        ("g.json", '{"a": ["dgo"]}', r"no class 'dgo'; did you mean dog\?"),
        ("g.json", '{"a": []}', "the group 'a' is empty"),
        ("g.json", '{"cat": ["cat", "dog"]}', "the group 'cat' has the name of a class"),
        ("g.json", '{"a": ["cat"], "a": ["dog"]}', "'a' stands there twice"),
        ("g.json", '{"a": "cat"}', "does not hold a list of classes for each group"),
        ("g.json", "{", "cannot be read"),
        ("g.toml", "a = [", "cannot be read"),
        ("g.toml", "a = " + "[" * 50_000, "nested too deeply"),
        ("g.toml", "a = [0x" + "f" * 5000 + "]", "no class 'a huge number'"),
        ("g.toml", '[a]\nb = ["cat"]', "does not hold a list of classes for each group"),
    ],
)
def test_bad_groups_are_one_error_with_the_reason(
    name: str, text: str, what: str, tmp_path: Path
) -> None:
    path = put(tmp_path, name, text)
    with pytest.raises(UsageError, match=what) as caught:
        read_groups(path, CLASSES)
    assert caught.value.args[1] == str(path)


def test_a_missing_file_or_one_that_is_not_text_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    for content in (None, b"\xff\xfe\x00"):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UsageError, match="cannot be read"):
            read_confusion(path, CLASSES)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (OracleOptions(noise=(0.1,)), "add --oracle noisy or annotators"),
        (OracleOptions(confusion=Path("m.csv")), "the perfect oracle has no use for --confusion"),
        (OracleOptions(oracle="noisy"), "either one error rate or a matrix"),
        (
            OracleOptions(oracle="noisy", noise=(0.1,), confusion=Path("m.csv")),
            "either one error rate or a matrix",
        ),
        (OracleOptions(oracle="noisy", noise=(0.1, 0.2)), "add --oracle annotators"),
        (OracleOptions(oracle="noisy", noise=(0.1,), answers=2), "--answers"),
        (OracleOptions(oracle="annotators"), "give one for each annotator"),
        (OracleOptions(oracle="annotators", noise=(0.1, 0.2), answers=3), "ask for 1 to 2"),
        (OracleOptions(oracle="annotators", noise=(0.1, 0.2), answers=0), "ask for 1 to 2"),
        (
            OracleOptions(oracle="annotators", noise=(0.1,), max_questions=2),
            "--oracle hierarchical",
        ),
        (OracleOptions(oracle="hierarchical"), "needs groups"),
    ],
)
def test_options_that_exclude_each_other_are_one_fault(options: OracleOptions, what: str) -> None:
    (fault,) = oracle_faults(options)
    assert what in str(fault)


@pytest.mark.parametrize(
    "options",
    [
        OracleOptions(price=0.25),
        OracleOptions(oracle="noisy", noise=(0.1,)),
        OracleOptions(oracle="noisy", confusion=Path("m.csv")),
        OracleOptions(oracle="annotators", noise=(0.1, 0.2), answers=2),
        OracleOptions(oracle="hierarchical", groups=Path("g.json"), max_questions=1),
    ],
)
def test_compatible_options_have_no_fault(options: OracleOptions) -> None:
    assert oracle_faults(options) == []


def test_error_rates_are_one_number_several_or_none() -> None:
    assert parse_rates(None) == ()
    assert parse_rates(0.1) == parse_rates("0.1") == (0.1,)
    assert parse_rates("0.05, 0.1,0.3") == parse_rates([0.05, 0.1, 0.3]) == (0.05, 0.1, 0.3)
    with pytest.raises(UsageError, match="holds no error rates"):
        parse_rates("0.1;0.2")
