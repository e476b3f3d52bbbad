import pytest

from alsim.errors import UsageError
from alsim.parameters import number, refuse_repeats, take_apart


@pytest.mark.parametrize("text", ["٣", "²", "½", "٣.٥"])
def test_a_number_is_written_in_ascii(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        number(text, int)


def test_a_number_is_read_as_its_type() -> None:
    assert number("-3", int) == -3
    assert number("1e-3", float) == 0.001


def test_a_parameter_in_other_digits_is_refused() -> None:
    with pytest.raises(UsageError, match="k cannot be '٣'"):
        take_apart("bald(k=٣)", "--strategy").given({"k": int})


def test_a_value_that_a_flag_names_twice_is_refused() -> None:
    refuse_repeats("--label", ["a", "b"])
    with pytest.raises(UsageError, match="'b' is named twice") as refused:
        refuse_repeats("--label", ["a", "b", "b"])
    assert refused.value.args[1] == "--label"
