"""What labels cost before they are bought, against objects and answers counted one by one."""

from collections.abc import Mapping

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alsim.experiments.account import make_account
from alsim.oracle import make_oracle
from alsim.oracle.plan import OraclePlan
from alsim.seeding import stream

GROUPS = {"fruit": (0, 2, 4), "tools": (1, 3, 5), "toys": (6,)}
N_CLASSES = {"label": 7, "late": 2}


def cost_of(labels: Mapping[str, bool], prices: Mapping[str, float], read_price: float) -> float:
    """Return what all known labels of an object cost."""
    known = [prices[task] for task, is_known in labels.items() if is_known]
    return sum(known) + (read_price if known else 0.0)


@pytest.mark.parametrize("unit", ["object", "cell"])
@pytest.mark.parametrize("answers", [None, 2])
def test_an_account_is_what_objects_and_cells_cost_one_by_one(
    unit: str, answers: int | None
) -> None:
    generator = stream(0, "account")
    train, validation = (torch.rand(n, 2, generator=generator) < 0.6 for n in (40, 15))
    plan = OraclePlan(
        "annotators", (0.1, 0.2, 0.3), answers=answers, price=0.5, read_price=2.0,
        task_prices={"late": 0.25},
    )  # fmt: skip
    asked = 3 if answers is None else answers
    prices = {"label": 0.5 * asked, "late": 0.25 * asked}
    each, checked = (
        [cost_of(dict(zip(N_CLASSES, row, strict=True)), prices, 2.0) for row in rows.tolist()]
        for rows in (train, validation)
    )
    found = make_account(
        plan, N_CLASSES, train=train, validation=validation, unit=unit, is_start_free=False  # pyright: ignore[reportArgumentType]
    )  # fmt: skip
    assert found.validation == pytest.approx(sum(checked))
    assert found.total == pytest.approx(sum(each) + sum(checked))
    n_units = int(train.any(1).sum() if unit == "object" else train.sum())
    assert found.each == pytest.approx(sum(each) / n_units)
    # A cell may be the first of its object, which is then read.
    assert found.most == (max(each) if unit == "object" else max(prices.values()) + 2.0)


@given(
    st.sampled_from([None, 0, 1, 2, 3]),
    st.integers(0, 99),
    st.booleans(),
)
def test_a_hierarchical_oracle_asks_no_less_and_no_more_than_it_is_planned_with(
    limit: int | None, seed: int, with_beliefs: bool
) -> None:
    plan = OraclePlan("hierarchical", groups=GROUPS, max_questions=limit)
    least, most = plan.questions(7)
    truth = torch.arange(7)
    beliefs = torch.rand(7, 7, generator=stream(seed, "beliefs")) if with_beliefs else None
    asked = make_oracle(plan, truth, 7)(truth, beliefs=beliefs, generator=stream(seed, "oracle"))
    assert least <= int(asked.questions.min())
    assert int(asked.questions.max()) <= most


def test_the_most_questions_are_asked_of_the_class_that_is_last_in_each_order() -> None:
    beliefs = torch.tensor([[7.0, 6, 5, 4, 3, 2, 1]]).expand(7, -1) / 28
    truth = torch.arange(7)
    plan = OraclePlan("hierarchical", groups=GROUPS)
    asked = make_oracle(plan, truth, 7)(truth, beliefs=beliefs, generator=stream(0, "oracle"))
    assert int(asked.questions.max()) == plan.questions(7)[1] == 4
