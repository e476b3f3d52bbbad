import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import make_metrics, make_steps, rising

from alsim.analysis.curves.recalls import minus_baseline, recalls

Rows = list[tuple[str, int, int, str, str, str, str | None, float]]


def rows_of(strategy: str, values: np.ndarray, classes: str) -> Rows:
    """Return the rows of recalls `(seeds, classes, steps)`; NaN gives no row."""
    return [
        (strategy, seed, step, "mixed", "all", "recall", classes[c], float(value))
        for (seed, c, step), value in np.ndenumerate(values)
        if np.isfinite(value)
    ]


def steps_of(**n_seeds: int) -> object:
    return make_steps({name: rising(n, 3) for name, n in n_seeds.items()})


VALUES = np.arange(12.0).reshape(2, 2, 3) / 12


def test_recalls_are_indexed_by_seed_class_and_number_of_labels() -> None:
    metrics = make_metrics(
        [*rows_of("margin", VALUES, "ba"), ("margin", 0, 0, "mixed", "all", "accuracy", None, 0.5)]
    )
    (found,) = recalls(steps_of(margin=2), metrics)
    assert found.strategy == "margin"
    assert found.seeds == (0, 1)
    assert found.classes == ("a", "b")
    assert found.n_labelled.tolist() == [100, 150, 200]
    assert np.array_equal(found.values, VALUES[:, ::-1])
    assert found.mean == pytest.approx(VALUES[:, ::-1].mean(0))


@settings(max_examples=30)
@given(st.randoms(use_true_random=False), st.integers(1, 3), st.integers(1, 4))
def test_the_order_of_the_rows_does_not_matter(random: object, s: int, c: int) -> None:
    values = np.random.default_rng(s + 10 * c).random((s, c, 3))
    rows = rows_of("margin", values, "abcd")
    random.shuffle(rows)  # type: ignore[attr-defined]
    (found,) = recalls(steps_of(margin=s), make_metrics(rows))
    assert np.array_equal(found.values, values)


def test_a_class_that_one_seed_lacks_has_no_mean() -> None:
    values = VALUES.copy()
    values[1, 1] = np.nan
    (found,) = recalls(steps_of(margin=2), make_metrics(rows_of("margin", values, "ab")))
    assert np.isnan(found.mean[1]).all()
    assert np.isfinite(found.mean[0]).all()


def test_only_label_counts_that_all_seeds_have_are_kept() -> None:
    values = VALUES.copy()
    values[0, :, 2] = np.nan
    (found,) = recalls(steps_of(margin=2), make_metrics(rows_of("margin", values, "ab")))
    assert found.n_labelled.tolist() == [100, 150]
    assert np.array_equal(found.values, values[:, :, :2])


def test_the_later_of_two_steps_with_the_same_number_of_labels_counts() -> None:
    steps = make_steps({"margin": rising(1, 3)}, query_size=0)
    (found,) = recalls(steps, make_metrics(rows_of("margin", VALUES[:1], "ab")))
    assert found.n_labelled.tolist() == [100]
    assert np.array_equal(found.values, VALUES[:1, :, 2:])


def test_differences_from_the_baseline_cover_what_both_strategies_have() -> None:
    other = np.full((3, 2, 2), 0.25)  # another seed, another class, one step fewer
    metrics = make_metrics([*rows_of("margin", VALUES, "ab"), *rows_of("random", other, "bc")])
    steps = steps_of(margin=2, random=3)
    margin, random = recalls(steps, metrics)
    # Both tables list all classes; a class without a value of the strategy is NaN.
    found = minus_baseline(margin, random)
    assert found is not None
    assert found.seeds == (0, 1)
    assert found.n_labelled.tolist() == [100, 150]
    b = found.classes.index("b")
    assert found.values[:, b] == pytest.approx(VALUES[:, 1, :2] - 0.25)
    assert np.isnan(found.values[:, found.classes.index("a")]).all()


def test_a_baseline_without_a_common_seed_gives_no_differences() -> None:
    rows = rows_of("margin", VALUES[:1], "ab")
    rows += [("random", 1, *row[2:]) for row in rows_of("random", VALUES[:1], "ab")]
    margin, random = recalls(steps_of(margin=1, random=2), make_metrics(rows))
    assert minus_baseline(margin, random) is None


def test_metrics_without_recalls_give_no_recalls() -> None:
    metrics = make_metrics([("margin", 0, 0, "mixed", "all", "accuracy", None, 0.5)])
    assert recalls(steps_of(margin=1), metrics) == ()
