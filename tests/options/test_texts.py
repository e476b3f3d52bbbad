import pytest
from asking import study

from alsim.errors import UsageError
from alsim.options.sizes import QuerySize, Until, parse_query_size, parse_until
from alsim.options.texts import (
    parse_names,
    parse_seeds,
    parse_shares,
)


def test_seeds_are_a_count_a_range_or_a_list() -> None:
    assert parse_seeds("5") == parse_seeds(5) == (0, 1, 2, 3, 4)
    assert parse_seeds("3..5") == (3, 4, 5)
    assert parse_seeds("1,4,9") == (1, 4, 9)
    assert parse_seeds([7]) == (7,)


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "a", "5..3", "1,b", "..", "-2..1", "٣", "²", "1..٣"]
)
def test_a_text_without_seeds_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="names no seeds"):
        parse_seeds(text)


def test_a_query_size_is_a_number_or_a_range() -> None:
    assert parse_query_size("20") == parse_query_size(20) == QuerySize(20, 20)
    assert parse_query_size("20:200") == QuerySize(20, 200)
    for text in ("0", "a", "1:2:3", "20:", "-5", "20:0"):
        with pytest.raises(UsageError, match="query size"):
            parse_query_size(text)


def test_the_option_until_is_parsed() -> None:
    assert parse_until(None) == Until()
    assert parse_until("exhausted") == Until("exhausted")
    assert parse_until("accuracy=0.9") == Until("accuracy", 0.9)
    assert parse_until("labels=5000") == Until("labels", 5000)
    for text in ("never", "accuracy=90", "accuracy=", "labels=x", "exhausted=1", "accuracy=nan"):
        with pytest.raises(UsageError, match="no end of a run"):
            parse_until(text)


def test_shares_have_a_name_and_a_number() -> None:
    assert parse_shares(["a=0.2", "b=c=1"], "--f") == {"a": 0.2, "b=c": 1.0}
    for text in ("a", "=1", "a=x", "a=-1", "a=nan", "a=inf"):
        with pytest.raises(UsageError, match="not of the form"):
            parse_shares([text], "--f")
    with pytest.raises(UsageError, match=r"'b', 'c=1'\n[\s\S]*≥ 0 and < 1"):
        parse_shares(["a=0.9", "b", "c=1"], "--f", below=1)
    with pytest.raises(UsageError, match="'a' is named twice"):
        parse_shares(["a=1", "a=2"], "--f")


def test_names_are_read_from_one_text_or_several() -> None:
    assert (
        parse_names("random, margin") == parse_names(["random", "margin"]) == ("random", "margin")
    )


def test_all_faults_of_the_options_are_reported_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        study(
            strategy="margn,entropy,entropy", steps=0, model="mlp(dropout=1)", batch_norm="frozen",
            retrain=True, learning_rate=0, workers=-1,
        )  # fmt: skip
    for part in (
        "margn", "--steps", "mlp(dropout=1)", "--retrain", "--learning-rate", "--workers", "twice",
    ):  # fmt: skip
        assert part in str(caught.value)


def test_a_single_fault_is_reported_as_itself() -> None:
    with pytest.raises(UsageError, match=r"^no strategy 'margn'"):
        study(strategy="margn")
