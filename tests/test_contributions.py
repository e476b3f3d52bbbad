"""What rows contribute to scores: the mean is the score, and it is each row's influence."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from alsim import metrics
from alsim.contributions import Predictions, contributions
from alsim.measures import MEASURES, SCORES


def predictions(seed: int, c: int, n: int, *, n_levels: int = 0) -> Predictions:
    """Return random predictions, right in about half of the rows; few levels make ties."""
    g = torch.Generator().manual_seed(seed)
    present = int(torch.randint(1, c + 1, (), generator=g))  # the last classes have no row
    labels = torch.randint(0, present, (n,), generator=g)
    guesses = torch.randint(0, c, (n,), generator=g)
    predicted = torch.where(torch.rand(n, generator=g) < 0.5, labels, guesses)
    scores = None
    if c == 2:
        scores = torch.randn(n, generator=g, dtype=torch.float64) + labels
        scores = (scores * n_levels).round() if n_levels else scores
    return made(predicted, labels, c, scores)


def made(predicted: Tensor, labels: Tensor, c: int, scores: Tensor | None = None) -> Predictions:
    return Predictions(predicted, labels, metrics.class_counts(predicted, labels, c), scores)


def scores_of(found: Predictions) -> dict[str, float]:
    """Return the scores by the metrics' own functions."""
    given_: dict[str, Any] = {"labels": found.labels, "counts": found.counts}
    if found.scores is not None:
        given_["scores"] = found.scores
    wanted = {name: MEASURES[name] for name in SCORES if name != "accuracy"}
    return metrics.measure(wanted, len(found.counts.true), **given_)


def without(found: Predictions, row: int) -> Predictions:
    kept = torch.arange(len(found.labels)) != row
    scores = None if found.scores is None else found.scores[kept]
    return made(found.predicted[kept], found.labels[kept], len(found.counts.true), scores)


@given(st.integers(0, 10_000), st.integers(2, 7), st.integers(1, 60), st.integers(0, 3))
def test_the_mean_over_rows_is_the_score(seed: int, c: int, n: int, n_levels: int) -> None:
    found = predictions(seed, c, n, n_levels=n_levels)
    scores, each = scores_of(found), contributions(found)
    assert each.keys() == scores.keys()
    for metric, values in each.items():
        assert values.dtype == torch.float64
        assert values.shape == (n,)
        assert values.mean().item() == pytest.approx(scores[metric], abs=1e-12)


@pytest.mark.parametrize(("c", "n_levels"), [(2, 0), (2, 2), (5, 0)])
def test_leaving_out_a_row_changes_the_score_by_minus_its_influence(c: int, n_levels: int) -> None:
    n = 2000
    g = torch.Generator().manual_seed(0)
    labels = torch.randint(0, c, (n,), generator=g)
    predicted = torch.where(
        torch.rand(n, generator=g) < 0.6, labels, torch.randint(0, c, (n,), generator=g)
    )
    noise = torch.randn(n, generator=g, dtype=torch.float64)
    scores = None if c > 2 else labels + (noise * n_levels).round() if n_levels else labels + noise
    found = made(predicted, labels, c, scores)
    before, each = scores_of(found), contributions(found)
    assert len(each) == (3 if c == 2 else 2)
    for row in range(0, n, 97):
        after = scores_of(without(found, row))
        for metric, values in each.items():
            influence = (values[row].item() - before[metric]) / n
            # Twice the class's share of rows: what the second order of 1/n can be.
            assert after[metric] - before[metric] == pytest.approx(-influence, abs=4 * c / n**2)
            assert abs(influence) < 4 * c / n


def test_contributions_by_hand() -> None:
    labels, predicted = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 1])
    found = contributions(made(predicted, labels, 3, torch.tensor([1.0, 2.0, 3.0, 3.0])))
    # Recalls 2/3 and 1, mean 5/6; R/(K n) is 4/6 and 2.
    assert found["balanced_accuracy"].tolist() == pytest.approx(
        [5 / 6 + 2 / 9, 5 / 6 + 2 / 9, 5 / 6 - 4 / 9, 5 / 6]
    )
    # F1 4/5 of 2 + 3 rows and 2/3 of 2 + 1; R/(K (predicted + true)) is 2/5 and 2/3.
    f1 = (4 / 5 + 2 / 3) / 2
    assert found["macro_f1"].tolist() == pytest.approx(
        [
            f1 + 2 / 5 * (2 - 8 / 5),
            f1 + 2 / 5 * (2 - 8 / 5),
            f1 - 2 / 5 * 4 / 5 - 2 / 3 * 2 / 3,
            f1 + 2 / 3 * (2 - 4 / 3),
        ]
    )
    # The positive is above two negatives and ties with one: 5/6. Below it they are 1, 1 and 1/2.
    assert found["auc"].tolist() == pytest.approx(
        [5 / 6 + 4 / 3 / 6, 5 / 6 + 4 / 3 / 6, 5 / 6 - 4 / 3 / 3, 5 / 6]
    )


@pytest.mark.parametrize("label", [0, 1])
def test_rows_of_one_class_have_no_auc(label: int) -> None:
    labels = torch.full((4,), label)
    assert "auc" not in contributions(made(labels, labels, 2, torch.arange(4.0)))


def test_contributions_to_the_auc_are_those_of_placements_counted_by_pairs() -> None:
    found = predictions(1, 2, 200, n_levels=1)
    assert found.scores is not None
    positive = found.labels == 1
    area = scores_of(found)["auc"]
    for row, value in enumerate(contributions(found)["auc"].tolist()):
        others = found.scores[positive != positive[row]]
        gap = (found.scores[row] - others) * (1 if positive[row] else -1)
        placement = ((gap > 0).double() + (gap == 0).double() / 2).mean().item()
        n_own = int((positive == positive[row]).sum())
        assert math.isclose(value, area + 200 / n_own * (placement - area), abs_tol=1e-12)
