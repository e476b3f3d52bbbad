"""Oracles, which answer queries. Only they see the labels of unlabelled rows."""

import torch
from torch import Tensor

from alsim.oracle.erring import MajorityOracle, NoisyOracle, PerfectOracle, uniform_confusion
from alsim.oracle.hierarchical import HierarchicalOracle
from alsim.oracle.interface import Answers, Oracle, OracleTraits
from alsim.oracle.plan import OraclePlan

__all__ = [
    "Answers",
    "HierarchicalOracle",
    "MajorityOracle",
    "NoisyOracle",
    "Oracle",
    "OraclePlan",
    "OracleTraits",
    "PerfectOracle",
    "make_oracle",
]


def make_oracle(plan: OraclePlan, truth: Tensor, n_classes: int) -> Oracle:
    """Return the oracle that a pool's plan describes; `truth`, `(n,)` int64, labels all rows."""
    if plan.kind == "noisy":
        if plan.confusion is None:
            matrix = uniform_confusion(plan.noise[0], n_classes)
        else:
            matrix = torch.tensor(plan.confusion, dtype=torch.float64)
        return NoisyOracle(truth, matrix, plan.price)
    if plan.kind == "annotators":
        n_answers = len(plan.noise) if plan.answers is None else plan.answers
        return MajorityOracle(truth, plan.noise, n_answers, n_classes, plan.price)
    if plan.kind == "hierarchical":
        return HierarchicalOracle(truth, plan.groups, plan.max_questions, plan.price)
    return PerfectOracle(truth, plan.price)
