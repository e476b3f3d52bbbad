import pytest

from alsim.errors import UsageError
from alsim.options.names import parse_renames
from alsim.options.texts import parse_span


def test_a_name_is_renamed_at_the_sign_that_stands_in_no_brackets() -> None:
    assert parse_renames("margin=ours") == {"margin": "ours"}
    assert parse_renames(["mine.py:second_best(power=2)=ours", "bald(k=50, a=b)=BALD=50"]) == {
        "mine.py:second_best(power=2)": "ours", "bald(k=50, a=b)": "BALD=50",
    }  # fmt: skip
    assert parse_renames({"margin": "日本"}) == {"margin": "日本"}
    assert parse_renames(None) == {}


@pytest.mark.parametrize("text", ["margin", "=ours", "margin=", "bald(k=50)", ""])
def test_a_text_without_two_names_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no new name"):
        parse_renames([text])


def test_a_name_is_renamed_once() -> None:
    with pytest.raises(UsageError, match="'a' is renamed twice"):
        parse_renames(["a=b", "a=c"])


def test_a_span_has_two_ends_of_which_one_may_be_open() -> None:
    assert parse_span("200:1200", "--x-range") == (200, 1200)
    assert parse_span("0.5:", "--y-range") == (0.5, None)
    assert parse_span(":1", "--y-range") == parse_span((None, 1), "--y-range") == (None, 1)
    assert parse_span(None, "--x-range") == parse_span((None, None), "") == (None, None)


@pytest.mark.parametrize(
    ("text", "what"),
    [(":", "no range"), ("5", "no range"), ("1:2:3", "no range"), ("a:2", "no range"),
     ("5:3", "no width"), ("3:3", "no width"), ("nan:", "no range"), ("0:inf", "no range")],
)  # fmt: skip
def test_what_is_no_span_is_refused(text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        parse_span(text, "--x-range")
