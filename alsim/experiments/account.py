"""What labels cost before they are bought: of objects and of single labels."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from alsim.options.curves import Unit
from alsim.oracle.plan import OraclePlan

ROUNDING = 1e-9  # relative; sums of prices are rounded


@dataclass(frozen=True, slots=True)
class Account:
    """What a study must pay for, in units of cost."""

    total: float  # of all labels that there are, at most
    validation: float  # of its labels, at most
    each: float  # of an object or cell, on average
    most: float  # of one, at most
    is_start_free: bool = False  # whether the initial labels are there already

    @property
    def is_certain(self) -> bool:
        """Return whether each object or cell costs as much as any other."""
        return self.most - self.each <= ROUNDING * self.most


def label_costs(plan: OraclePlan, n_classes: Mapping[str, int]) -> tuple[Tensor, Tensor]:
    """Return what a label of each task costs on average and at most, `(t,)` float64 each.

    The average of an oracle whose number of questions varies is halfway between the extremes.
    """
    pairs = [
        (plan.of_task(task).price * torch.tensor(plan.questions(n), dtype=torch.float64)).tolist()
        for task, n in n_classes.items()
    ]
    least, most = torch.tensor(pairs, dtype=torch.float64).unbind(1)
    return (least + most) / 2, most


def object_costs(known: Tensor, label_costs: Tensor, read_price: float) -> Tensor:
    """Return what all known labels of each object cost, `(n,)` float64; `known` is `(n, t)` bool.

    An object without any costs nothing.
    """
    return known.double() @ label_costs + read_price * known.any(1)


def make_account(
    plan: OraclePlan,
    n_classes: Mapping[str, int],
    *,
    train: Tensor,
    validation: Tensor,
    unit: Unit,
    is_start_free: bool,
) -> Account:
    """Return what a study must pay for.

    Args:
        plan: Who answers, and at what prices.
        n_classes: Of each task.
        train: `(n, t)` bool, labels that can be bought by queries.
        validation: `(m, t)` bool, those of the drawn validation rows; none where they are free.
        unit: What a query asks for.
        is_start_free: Whether the initial labels are there already.
    """
    average, most = label_costs(plan, n_classes)
    costs = [object_costs(train, price, plan.read_price) for price in (average, most)]
    for_validation = float(object_costs(validation, most, plan.read_price).sum())
    if unit == "object":
        each, at_most = float(costs[0].sum() / train.any(1).sum()), costs[1].max()
    else:
        # Reading an object is paid once, so a cell costs at most its label and the reading.
        counts = train.sum(0).double()
        labels = float((counts * average).sum() / counts.sum())
        each = labels + plan.read_price * float(train.any(1).sum() / counts.sum())
        at_most = most.max() + plan.read_price
    return Account(
        float(costs[1].sum()) + for_validation, for_validation, each, float(at_most), is_start_free
    )
