import pytest

from alsim.plots.drawing.names import as_labels, shortened


@pytest.mark.parametrize(
    "names",
    [
        [f"a_rather_long_class_name_that_differs_at_its_end_{i:02d}" for i in range(77)],
        [f"{i:02d}_a_rather_long_class_name_that_differs_at_its_start" for i in range(77)],
        [f"category-{i:02d}-of-the-catalogue" for i in range(77)],
        [f"{'a' * 300}{i}{'b' * 300}" for i in range(77)],
        ["short", *(f"{'a' * 300}{i}{'b' * 300}" for i in range(3))],
        ["\x1b" * 30, "\x1b" * 31],
    ],
)
def test_names_that_differ_stay_distinct_and_short(names: list[str]) -> None:
    short = shortened(names)
    assert len(set(short)) == len(names)
    assert max(map(len, short)) <= 22


def test_names_that_fit_are_unchanged() -> None:
    assert shortened(["a" * 22, "b", "b"]) == ["a" * 22, "b", "b"]
    assert shortened(["a" * 22, "b" * 30])[0] == "a" * 22


def test_a_long_name_keeps_its_ends() -> None:
    assert shortened(["beginning of a name with its end"]) == ["beginning …ith its end"]


def test_a_label_never_begins_with_an_underscore_which_legends_hide() -> None:
    assert as_labels(["_mine.py:own", "margin"]) == [" _mine.py:own", "margin"]
