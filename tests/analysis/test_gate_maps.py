"""Maps of gates: their densities, the correlation of tasks, and which map is chosen."""

import math
from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_trainings import TASKS, make_results
from scipy import stats

from alsim.analysis.training.gates import (
    GateMap,
    agreement,
    agreement_beyond_chance,
    choose_map,
    expert_order,
    gate_maps,
    similar_order,
    task_correlations,
)
from alsim.errors import StoreError, UsageError
from alsim.seeding import stream
from alsim.store.training import build_results

RNG = np.random.default_rng(0)
PROBABILITIES = RNG.random((3, 2, 4))
WEIGHTS = RNG.dirichlet(np.ones(4), (3, 2))


def table(**options: object) -> pa.Table:
    gates = {"multi-cluster": PROBABILITIES, "mmoe": WEIGHTS}
    return build_results(make_results(gates=gates, **options))[2]  # pyright: ignore[reportArgumentType]


def made(values: np.ndarray, fact: str = "probability") -> GateMap:
    s, t, _ = values.shape
    names = tuple(f"task {i}" for i in range(t))
    return GateMap("multi-cluster", "random", 1.0, fact, tuple(range(s)), names, values)


def test_there_is_a_map_for_each_model_and_fraction_with_the_values_of_the_table() -> None:
    rows = table().to_pylist()
    shuffled = pa.Table.from_pylist([rows[i] for i in RNG.permutation(len(rows))])
    for gates in (table(), shuffled):
        maps = gate_maps(gates)
        assert [(m.model, m.fraction, m.fact) for m in maps] == [
            ("mmoe", 0.5, "weight"),
            ("mmoe", 1.0, "weight"),
            ("multi-cluster", 0.5, "probability"),
            ("multi-cluster", 1.0, "probability"),
        ]
        for m, expected in zip(maps, [WEIGHTS, WEIGHTS, PROBABILITIES, PROBABILITIES], strict=True):
            order = [m.tasks.index(task) for task in TASKS]
            assert m.seeds == (0, 1, 2)
            assert np.array_equal(m.values[:, order], expected)


def test_the_density_is_the_sum_of_the_probabilities() -> None:
    assert made(np.array([[[0.5, 0.25, 1.0], [0.0, 0.0, 0.0]]])).n_used.tolist() == [[1.75, 0.0]]


def test_the_effective_number_of_equal_weights_is_their_number() -> None:
    values = np.array([[[0.25, 0.25, 0.25, 0.25], [1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]]])
    assert made(values, "weight").n_used[0].tolist() == pytest.approx([4.0, 1.0, 2.0])
    expected = [math.exp(stats.entropy(row)) for row in WEIGHTS[0]]
    assert made(WEIGHTS, "weight").n_used[0].tolist() == pytest.approx(expected)


def test_a_task_without_a_mean_weight_is_unknown_and_the_others_are_not() -> None:
    values = WEIGHTS.copy()
    values[:, 1] = np.nan
    (found,) = gate_maps(
        build_results(make_results(["mmoe"], fractions=[1.0], gates={"mmoe": values}))[2]
    )
    assert found.tasks == TASKS[:1]
    kept = made(values, "weight")
    assert np.isfinite(kept.n_used[:, 0]).all()
    assert np.isnan(kept.n_used[:, 1]).all()
    assert np.isnan(kept.correlations[0, 1])


@pytest.mark.long
@given(arrays(float, (4, 6), elements=st.floats(0, 1)))
def test_the_correlation_is_pearsons_for_each_pair_of_tasks(values: np.ndarray) -> None:
    found = task_correlations(values)
    for i in range(4):
        for j in range(4):
            if min(values[i].std(), values[j].std()) > 1e-6:
                assert found[i, j] == pytest.approx(
                    stats.pearsonr(values[i], values[j]).statistic, abs=1e-6
                )
    is_flat = np.ptp(values, axis=1) == 0
    assert np.isnan(found[is_flat]).all()
    assert np.isnan(found[:, is_flat]).all()


def test_the_correlation_of_a_study_is_the_mean_of_its_seeds_however_the_experts_are_numbered() -> (
    None
):
    expected = np.mean([np.corrcoef(values) for values in PROBABILITIES], axis=0)
    assert made(PROBABILITIES).correlations == pytest.approx(expected)
    renumbered = np.stack([values[:, RNG.permutation(4)] for values in PROBABILITIES])
    assert made(renumbered).correlations == pytest.approx(expected)
    # The mean of the maps differs, so it must not be used.
    assert np.corrcoef(PROBABILITIES.mean(0)) != pytest.approx(expected, abs=0.05)


def test_a_seed_whose_gates_are_all_equal_does_not_count_in_the_correlation() -> None:
    values = PROBABILITIES.copy()
    values[1, 0] = 0.5
    expected = np.mean([np.corrcoef(values[s])[0, 1] for s in (0, 2)])
    found = made(values).correlations
    assert found[0, 1] == pytest.approx(expected)
    values[:, 0] = 0.5
    assert np.isnan(made(values).correlations[0]).all()
    assert made(values).correlations[1, 1] == pytest.approx(1)


def independent(k: int, n: int) -> np.ndarray:
    """Return the gates of n nets of 6 tasks, each with k of 12 experts nearly open."""
    opened = RNG.permuted(np.tile(np.arange(12) < k, (n, 6, 1)), axis=-1)
    return np.where(opened, 0.9, 0.1) + RNG.uniform(-0.1, 0.1, opened.shape)


@pytest.mark.parametrize("k", [1, 3, 6, 11])
def test_independent_tasks_agree_by_chance_alone_and_identical_ones_beyond(k: int) -> None:
    generator = stream(0, "permutations", k)
    gates = independent(k, 60)
    found = [
        agreement_beyond_chance(values, generator=generator, n_permutations=30) for values in gates
    ]
    error = np.std(found, ddof=1) / math.sqrt(60)
    assert abs(np.mean(found)) < 4 * error
    assert error < 0.02
    assert np.mean([agreement(values) for values in gates]) > 0.1
    alike = np.repeat(gates[0][:1], 6, axis=0)
    assert agreement(alike) == pytest.approx(1)
    assert agreement_beyond_chance(alike, generator=generator) > 0.5


def test_agreement_by_chance_is_that_over_all_permutations() -> None:
    values = RNG.random((3, 4))
    orders = [list(order) for order in permutations(range(4))]
    by_chance = np.mean([
        agreement(np.stack([values[0], values[1][one], values[2][two]]))
        for one in orders for two in orders
    ])  # fmt: skip
    found = agreement_beyond_chance(
        values, generator=stream(0, "permutations"), n_permutations=2_000
    )
    # |r| lies in [0, 1], so that the error is at most 1/(2√2,000) = .011.
    assert found == pytest.approx(agreement(values) - by_chance, abs=0.04)


def test_agreement_is_the_mean_over_the_pairs_that_have_a_correlation() -> None:
    values = np.array([[0.9, 0.1, 0.1], [0.1, 0.1, 0.9], [0.5, 0.5, 0.5]])
    assert agreement(values) == pytest.approx(0.5)
    # With one of three experts, |r| is 1 once in three times and else 1/2: 2/3 by chance.
    generator = stream(0, "permutations")
    assert agreement_beyond_chance(values, generator=generator) == pytest.approx(-1 / 6, abs=0.07)
    assert math.isnan(agreement_beyond_chance(values[1:], generator=generator))
    assert math.isnan(agreement_beyond_chance(values[:1], generator=generator))


def test_tasks_of_a_cluster_are_neighbours_whatever_their_input_order() -> None:
    clusters = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    base = np.eye(3).repeat(4, axis=1)
    values = base[clusters] + 0.05 * RNG.random((8, 12))
    order = similar_order(task_correlations(values))
    assert sorted(order) == list(range(8))
    ordered = clusters[order]
    assert (np.diff(ordered) != 0).sum() == 2
    assert similar_order(np.full((5, 5), np.nan)) is not None  # an order without any value
    assert similar_order(np.ones((1, 1))) == [0]


def test_the_order_of_a_chain_of_tasks_is_recovered() -> None:
    places = RNG.permutation(9)
    far = np.abs(places[:, None] - places[None, :])
    order = similar_order(1 - far / 8)
    steps = np.diff(places[order])
    assert np.abs(steps).sum() == 8  # from one end of the chain to the other


def test_experts_are_ordered_by_the_tasks_that_use_them_and_unused_ones_come_last() -> None:
    values = np.array([[0.0, 0.9, 0.1, 0.2], [0.0, 0.1, 0.1, 0.9], [0.8, 0.1, 0.1, 0.1]])
    assert expert_order(values) == [1, 3, 0, 2]


def test_the_default_map_is_that_of_stochastic_gates_with_the_most_labels() -> None:
    maps = gate_maps(table(chosen_by=("margin", "random")))
    found = choose_map(maps)
    assert (found.model, found.fraction, found.chosen_by) == ("multi-cluster", 1.0, "random")
    found = choose_map(maps, "mmoe", 0.5, "margin")
    assert (found.model, found.fraction, found.chosen_by) == ("mmoe", 0.5, "margin")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"model": "mmo"}, r"(?s)no model 'mmo'.*did you mean mmoe\?"),
        ({"fraction": 0.3}, r"(?s)no training on 0\.3.*there is: 0\.5, 1"),
        ({"chosen_by": "margn"}, r"(?s)no labels chosen by 'margn'.*random"),
    ],
)
def test_a_map_that_the_study_lacks_is_refused_with_the_list_of_its_maps(
    asked: dict[str, str], expected: str
) -> None:
    with pytest.raises(UsageError, match=expected):
        choose_map(gate_maps(table()), **asked)  # pyright: ignore[reportArgumentType]


def test_a_study_without_gates_is_refused_with_the_models_that_have_gates() -> None:
    gates = build_results(make_results(["shared-bottom"]))[2]
    with pytest.raises(StoreError, match=r"(?s)no model of the study has gates.*multi-cluster"):
        choose_map(gate_maps(gates))
