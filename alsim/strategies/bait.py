"""BAIT: rows whose labels would most sharpen the last layer, by Fisher information."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from alsim.signals import Signal, Signals
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Strategy

_OVERSAMPLING = 2


def bait(regularisation: float = 1.0) -> Strategy:
    """Return the strategy that minimises tr[(λI + Σ M_i)⁻¹ M_pool]. Ash et al. (2021), Alg. 1.

    The sum is over the labelled rows and the query; M_pool = Σ M_i over the unlabelled rows. As in
    the paper, 2k rows are added greedily: each step adds the row that lowers the trace most. Then
    rows are removed one by one: each step removes the row whose loss raises the trace least.

    M_i is the Fisher information of the mixed head's weights (no bias), (diag p − p pᵀ) ⊗ z zᵀ, an
    (h·c)² matrix. Departure: of its c² blocks only the c diagonal ones, p_j (1 − p_j) z zᵀ, are
    kept, as of c classifiers of one class against the rest. Then the trace is a sum of c traces,
    and a row has rank one in each. All classes are treated alike, and with two classes only the
    interaction of the two blocks is lost.

    Further departures: rows are summed, where the authors' code scales each by k/(m + k); labelled
    rows are left out of M_pool; by default 10,000 random rows are considered. The score is
    tr M_i = |z|² (1 − |p|²), as in the full form.

    Memory: three times c·h² numbers in float64. Time: O(n·c·h² + c·h³) to start and
    O(c·h·(n + h)) for each of 3k steps.

    Args:
        regularisation: λ > 0, as if the weights had a normal prior of variance 1/λ.
    """
    if not regularisation > 0:
        raise ValueError(f"regularisation must be positive, not {regularisation}")

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        # In random order, so that the generator breaks ties, also those that rounding hides.
        order = torch.randperm(len(candidates.scores), generator=generator)
        z, weights = _rows(
            candidates.kept["hidden"][order], candidates.kept["probabilities"][order]
        )
        labelled = _rows(candidates.labelled["hidden"], candidates.labelled["probabilities"])
        prior = regularisation * torch.eye(z.shape[1], dtype=z.dtype)
        fit = Fit.start(z, weights, prior + information_of(*labelled))
        picked: list[int] = []
        for _ in range(min(_OVERSAMPLING * k, len(z))):
            gains = fit.gains()
            gains[picked] = -torch.inf
            picked.append(int(gains.argmax()))
            fit = fit.add(picked[-1])
        rows = torch.tensor(picked)
        fit = fit.only(rows)
        while len(rows) > k:
            i = int(fit.losses().argmin())
            others = torch.arange(len(rows)) != i
            rows, fit = rows[others], fit.remove(i).only(others)
        return order[rows]

    keeps = frozenset[Signal]({"probabilities", "hidden"})
    return Strategy(keeps, _fisher_trace, select, keeps=keeps, labelled=keeps, candidates=10_000)


def class_weights(p: Tensor) -> Tensor:
    """Return p (1 − p), `(n, c)`: row i's information about class j is this times z zᵀ."""
    return p * (1 - p)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """How well the weights are known, given some rows; all float64.

    With Q = (λI + Σ M)⁻¹ and F = M_pool, each row i and class j has
    a = w_ij zᵀ Q z and b = w_ij zᵀ Q F Q z, and by Woodbury's identity adding row i
    lowers tr Q F by Σ_j b / (1 + a), while removing it raises it by Σ_j b / (1 − a).
    """

    z: Tensor  # (n, h)
    weights: Tensor  # (n, c)
    pool: Tensor  # (c, h, h), F
    inverse: Tensor  # (c, h, h), Q
    a: Tensor  # (n, c)
    b: Tensor  # (n, c)

    @classmethod
    def start(cls, z: Tensor, weights: Tensor, information: Tensor) -> Self:
        """Return the fit before any row is picked; `information` is λI and the labelled rows."""
        pool = information_of(z, weights)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(information))
        quadratic = [((z @ q) * z).sum(1) for q in inverse]
        a = weights * torch.stack(quadratic, 1)
        quadratic = [((z @ (q @ f @ q)) * z).sum(1) for q, f in zip(inverse, pool, strict=True)]
        return cls(z, weights, pool, inverse, a, weights * torch.stack(quadratic, 1))

    def trace(self) -> float:
        """Return tr Q F, summed over the classes."""
        return float((self.inverse * self.pool).sum())

    def gains(self) -> Tensor:
        """Return by how much adding each row lowers the trace, `(n,)`."""
        return (self.b / (1 + self.a)).sum(1)

    def losses(self) -> Tensor:
        """Return by how much removing each row raises the trace, `(n,)`; all were added before."""
        return (self.b / (1 - self.a)).sum(1)

    def only(self, rows: Tensor) -> Self:
        """Return the same fit, restricted to some of the candidate rows."""
        return replace(
            self, z=self.z[rows], weights=self.weights[rows], a=self.a[rows], b=self.b[rows]
        )

    def add(self, i: int) -> Self:
        """Return the fit with row i."""
        return self._changed(i, 1)

    def remove(self, i: int) -> Self:
        """Return the fit without row i, which was added before."""
        return self._changed(i, -1)

    def _changed(self, i: int, sign: int) -> Self:
        # Q loses ± u uᵀ, hence QFQ loses ± (u vᵀ + v uᵀ) and gains (uᵀFu) u uᵀ, with v = QFu.
        scale = (self.weights[i] / (1 + sign * self.a[i])).sqrt()
        u = (self.inverse @ self.z[i]) * scale.unsqueeze(1)  # (c, h)
        fu = torch.einsum("chg,cg->ch", self.pool, u)
        v = torch.einsum("chg,cg->ch", self.inverse, fu)
        zu, zv = (self.z @ torch.cat([u, v]).T).chunk(2, 1)  # (n, c) each, by one product
        weighted = self.weights * zu
        return replace(
            self,
            inverse=torch.baddbmm(self.inverse, u.unsqueeze(2), u.unsqueeze(1), alpha=-sign),
            a=self.a - sign * weighted * zu,
            b=self.b + weighted * ((u * fu).sum(1) * zu - 2 * sign * zv),
        )


def information_of(z: Tensor, weights: Tensor) -> Tensor:
    """Return Σ_i w_ij z_i z_iᵀ for each class, `(c, h, h)`."""
    return torch.stack([(z * w.unsqueeze(1)).T @ z for w in weights.T])


def _fisher_trace(signals: Signals) -> Tensor:
    weights = class_weights(signals.probabilities).sum(1)
    return weights * signals.hidden.square().sum(1)


def _rows(hidden: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    return hidden.double(), class_weights(p.double())
