import pytest

from alsim.errors import UsageError
from alsim.options.texts import parse_names
from alsim.options.training import TrainingOptions
from alsim.strategies import STRATEGIES, find_strategy


def test_parameters_in_a_name_are_passed_to_the_strategy() -> None:
    named = find_strategy("bald(k=50, masks=independent)")
    assert named.strategy.committee.k == 50
    assert named.strategy.committee.masks == "independent"
    assert named.name == "bald(k=50,masks=independent)"


def test_a_name_is_normalised_so_that_equal_strategies_have_equal_names() -> None:
    assert find_strategy("bald").name == "bald"
    assert find_strategy("bald( )").name == "bald"
    assert find_strategy("bald(k=20)").name == "bald"
    assert find_strategy(" bald( masks=independent , k = 50 )").name == (
        "bald(k=50,masks=independent)"
    )
    assert find_strategy("power-margin(beta=2)").name == "power-margin(beta=2)"
    assert find_strategy("power-margin(beta=2.0)").name == "power-margin(beta=2)"


def test_a_name_keeps_every_digit_since_workers_read_the_strategy_from_it() -> None:
    for text in ("power-margin(beta=1.0000001)", "power-margin(beta=0.12345678)"):
        named = find_strategy(text)
        assert find_strategy(named.name).parameters == named.parameters
        assert named.name == text


def test_all_parameters_are_reported_including_defaults() -> None:
    assert find_strategy("bald").parameters == {"k": 20, "masks": "consistent"}
    assert find_strategy("bald(k=3,candidates=99)").parameters == {
        "k": 3,
        "masks": "consistent",
        "candidates": 99,
    }


def test_a_name_can_include_how_the_net_is_trained() -> None:
    named = find_strategy("random(batch-norm=frozen,batch-rule=fixed)")
    adapted = named.adapt(TrainingOptions())
    assert (adapted.batch_norm, adapted.batch_rule) == ("frozen", "fixed")
    assert find_strategy("random").adapt(TrainingOptions()) == TrainingOptions()
    assert find_strategy("random(batch-norm=train)").name == "random(batch-norm=train)"


def test_a_common_number_of_candidates_does_not_affect_strategies_without_signals() -> None:
    assert find_strategy("margin", 500).strategy.candidates == 500
    assert find_strategy("margin(candidates=70)", 500).strategy.candidates == 70
    assert find_strategy("random", 500).strategy.candidates is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bald(K=50)", "no parameter 'K=50'.*there is: k, masks, candidates"),
        ("bald(mask=consistent)", "no parameter 'mask=consistent'.*did you mean masks"),
        ("bald(k=many)", "k cannot be 'many'.*whole number"),
        ("bald(k=0)", "k"),
        ("bald(masks=odd)", "masks cannot be 'odd'.*consistent, independent"),
        ("bald(k=2,k=3)", "'k' is given twice"),
        ("bald(k)", "no parameter 'k'"),
        ("bald(k=2", "is not a strategy"),
        ("margin(candidates=0)", "at least 1"),
        ("margin(batch-norm=off)", "batch-norm cannot be 'off'"),
        ("bold", "no strategy 'bold'.*did you mean bald"),
    ],
)
def test_an_invalid_name_is_refused_with_a_remedy(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"(?s){message}"):
        find_strategy(text)


def test_every_strategy_can_be_written_with_all_its_parameters() -> None:
    for name in STRATEGIES:
        named = find_strategy(name)
        inside = ",".join(f"{key}={value}" for key, value in named.parameters.items())
        again = find_strategy(f"{name}({inside})")
        assert again.parameters == named.parameters
        assert again.strategy.signals == named.strategy.signals


def test_commas_within_brackets_do_not_separate_names() -> None:
    assert parse_names("random, bald(k=50,masks=independent),margin") == (
        "random",
        "bald(k=50,masks=independent)",
        "margin",
    )
