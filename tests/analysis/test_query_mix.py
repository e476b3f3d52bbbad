import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import make_queries

from alsim.analysis.curves.query_mix import initial_classes, query_mixes

POOL = {"cats": 60, "dogs": 30, "newts": 10}


def test_a_ratio_is_the_share_among_the_queries_over_the_share_in_the_pool() -> None:
    queries = make_queries(
        {
            ("margin", 0, 0): ["dogs"] * 9,  # initial labels are no queries
            ("margin", 0, 1): ["cats", "newts"],
            ("margin", 0, 2): ["newts", "dogs"],
            ("margin", 1, 1): ["cats"] * 4,
        }
    )
    (mix,) = query_mixes(queries, POOL)
    assert mix.strategy == "margin"
    assert mix.seeds == (0, 1)
    assert mix.classes == ("cats", "dogs", "newts")
    expected = [[0.25 / 0.6, 0.25 / 0.3, 0.5 / 0.1], [1 / 0.6, 0, 0]]
    assert mix.ratios == pytest.approx(np.array(expected))
    assert mix.n_left_out == 0


def test_answers_that_leave_several_classes_open_are_left_out_and_counted() -> None:
    queries = make_queries({("margin", 0, 1): ["cats", "cats | dogs", "pets", "newts"]})
    (mix,) = query_mixes(queries, POOL)
    assert mix.n_left_out == 2
    assert mix.ratios == pytest.approx(np.array([[0.5 / 0.6, 0, 0.5 / 0.1]]))


def test_a_class_whose_name_joins_two_is_one_class_where_the_pool_lists_it() -> None:
    queries = make_queries({("margin", 0, 1): ["cats | dogs"]})
    (mix,) = query_mixes(queries, {"cats | dogs": 1, "cats": 1})
    assert mix.n_left_out == 0
    assert mix.ratios == pytest.approx(np.array([[2.0, 0.0]]))


def test_seeds_and_strategies_without_queries_have_no_mix() -> None:
    queries = make_queries(
        {
            ("bald", 0, 0): ["cats"],
            ("margin", 0, 1): ["cats | dogs"],
            ("margin", 1, 1): ["cats"],
        }
    )
    (mix,) = query_mixes(queries, POOL)
    assert mix.strategy == "margin"
    assert mix.seeds == (1,)
    assert mix.n_left_out == 1
    assert query_mixes(make_queries({("bald", 0, 0): ["cats"]}), POOL) == ()


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2), st.integers(0, 3)),
        st.lists(st.sampled_from([*POOL, "cats | dogs"]), max_size=6),
    )
)
def test_mixes_equal_counts_by_hand(
    answers: dict[tuple[str, int, int], list[str]],
) -> None:
    by_hand: dict[tuple[str, int], collections.Counter[str]] = {}
    for (strategy, seed, step), given_ in answers.items():
        if step:
            by_hand.setdefault((strategy, seed), collections.Counter()).update(given_)
    found = {
        (mix.strategy, seed): ratios
        for mix in query_mixes(make_queries(answers), POOL)
        for seed, ratios in zip(mix.seeds, mix.ratios, strict=True)
    }
    counts = {key: [n[name] for name in POOL] for key, n in by_hand.items()}
    assert found.keys() == {key for key, n in counts.items() if sum(n)}
    for key, ratios in found.items():
        shares = np.array(counts[key]) / sum(counts[key]) / np.array([0.6, 0.3, 0.1])
        assert ratios == pytest.approx(shares)


def test_the_initial_labels_are_counted_once_for_all_strategies_that_share_them() -> None:
    queries = make_queries(
        {
            ("margin", 0, 0): ["cats", "cats", "dogs | newts"],
            ("margin", 1, 0): ["dogs"],
            ("random", 0, 0): ["cats", "cats", "dogs | newts"],
            ("margin", 0, 1): ["newts"],
        }
    )
    assert initial_classes(queries) == {"cats": 2, "dogs": 1}
    assert initial_classes(make_queries({("margin", 0, 1): ["newts"]})) == {}
