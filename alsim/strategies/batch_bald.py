"""BatchBALD: rows whose labels together carry the most information about the committee."""

from dataclasses import dataclass

import torch
from torch import Tensor

from alsim.strategies.committee import MEMBERS, bald_score, committee_of
from alsim.strategies.selectors import Candidates
from alsim.strategies.strategy import Strategy
from alsim.strategies.uncertainty import entropy_of

# Numbers held at once while gains are computed, 16 MB in float32.
_BLOCK = 2**22
# A share of the first row's gain; below it, labels add no information about the committee.
_EXHAUSTED = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Beliefs:
    """The possible labels of the chosen rows, and how probable each makes the members.

    Case y is one configuration of labels of all chosen rows.
    """

    chance: Tensor  # (cases,) float64, p(y), or 1 / cases if the cases were drawn from p
    members: Tensor  # (cases, members) float64, p(member | y)

    @classmethod
    def none_chosen(cls, members: int) -> "Beliefs":
        """Return the one case without labels: all members are equally likely."""
        ones = torch.ones(1, dtype=torch.float64)
        return cls(ones, torch.full((1, members), 1 / members, dtype=torch.float64))

    def gains(self, p: Tensor) -> Tensor:
        """Return I(label; member | the chosen rows' labels) in nats, `(n,)`, of `(n, members, c)`.

        Σ_y p(y) [H(Σ_k p(k|y) p_k) − Σ_k p(k|y) H(p_k)]. The sum of this and the information of
        the chosen rows is the joint mutual information that Kirsch et al. (2019), §3, maximise.
        """
        n, members, c = p.shape
        mixed = self.members.to(p.dtype) @ p.transpose(0, 1).reshape(members, n * c)
        # float32 softmax can reach exactly 0; times 0, any finite log gives 0.
        surprise = mixed.clamp_min(torch.finfo(p.dtype).tiny).log_().mul_(mixed)
        predicted = -(self.chance.to(p.dtype) @ surprise).view(n, c).sum(1)
        expected = entropy_of(p) @ (self.chance @ self.members).to(p.dtype)
        return (predicted - expected).clamp_min(0)

    def extended(self, p: Tensor, limit: int, *, generator: torch.Generator) -> "Beliefs":
        """Return the beliefs once a row with the members' p, `(members, c)`, is chosen too.

        Every case is split by the row's label. If that makes more than `limit` cases, `limit` of
        them are drawn by their probability, in strata; a case drawn before keeps one label.
        """
        p = p.double()
        # Sorted by probability, so that the draw does not depend on how classes are numbered.
        p = p[:, p.mean(0).argsort(descending=True, stable=True)]
        predictive = self.members @ p
        chances = (self.chance[:, None] * predictive).flatten()
        if len(chances) <= limit:
            cases = chances.nonzero()[:, 0]
            chance = chances[cases]
        else:
            cases = _stratified(chances, limit, generator=generator)
            chance = torch.full((limit,), 1 / limit, dtype=torch.float64)
        case, label = cases // p.shape[1], cases % p.shape[1]
        members = self.members[case] * p.T[label] / predictive[case, label][:, None]
        return Beliefs(chance, members)


def batch_bald(k: int = 20, samples: int = 500) -> Strategy:
    """Return BatchBALD: greedily the rows of highest I(labels; member). Kirsch et al. (2019), §3.

    The pointwise score is BALD, the gain of the first row. Masks are always consistent: a case's
    chance is the product over rows of one member's probabilities, so a member must be one model
    for all rows.

    Departures. The conditional mutual information is estimated, not the joint entropy; they differ
    by a constant over the candidates, and the estimate is never negative. Cases are drawn in strata
    from p(labels) and keep their labels from step to step; the paper draws them member by member.
    Gains of earlier steps serve as bounds (`_best`). Labels carry at most log(members) of
    information: once the best gain is below a hundredth of the first one, the rest is noise, and
    the query starts again with an undecided committee, as if the rest were a separate query. With
    more members (`k`) this happens later.

    Args:
        k: Members of the committee.
        samples: Maximum number of label configurations; all are enumerated up to this number.

    Raises:
        ValueError: If `samples` is below 1 or the committee has fewer than two members.
    """
    if samples < 1:
        raise ValueError(f"samples must be at least 1, not {samples}")

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        # Shuffled, so that ties fall at random.
        rows = torch.randperm(len(candidates.scores), generator=generator)
        p = candidates.kept["mc_probabilities"][rows]
        beliefs = Beliefs.none_chosen(p.shape[1])
        bounds = p.new_full((len(rows),), torch.inf)
        chosen: list[int] = []
        first = 0.0
        for _ in range(k):
            best = _best(p, beliefs, bounds)
            if bounds[best] < _EXHAUSTED * first:
                beliefs = Beliefs.none_chosen(p.shape[1])
                bounds.fill_(torch.inf)[chosen] = -torch.inf
                first, best = 0.0, _best(p, beliefs, bounds)
            first = max(first, float(bounds[best]))
            beliefs = beliefs.extended(p[best], samples, generator=generator)
            bounds[best] = -torch.inf
            chosen.append(best)
        return rows[chosen]

    return Strategy(
        MEMBERS,
        bald_score,
        select,
        keeps=MEMBERS,
        committee=committee_of(k, "consistent"),
        candidates=2_000,
    )


def _best(p: Tensor, beliefs: Beliefs, bounds: Tensor) -> int:
    """Return the row of the highest gain, and update in place the `bounds` of the rows computed.

    Lazy greedy, Minoux (1978): a gain never rises as rows are chosen, so a row's last known gain is
    an upper bound, and rows with a bound below the best gain are skipped. This is exact while cases
    are enumerated; once they are drawn, a bound holds up to the error of the estimate.
    """
    block = max(1, _BLOCK // (len(beliefs.chance) * p.shape[2]))
    best, highest = -1, -torch.inf
    for rows in bounds.argsort(descending=True, stable=True).split(block):
        if bounds[rows[0]] <= highest:
            break
        gains = beliefs.gains(p[rows])
        gains[bounds[rows] == -torch.inf] = -torch.inf
        bounds[rows] = gains
        if gains.max() > highest:
            highest = float(gains.max())
            best = int(rows[gains.argmax()])
    return best


def _stratified(chances: Tensor, draws: int, *, generator: torch.Generator) -> Tensor:
    """Return `(draws,)` ascending indices; index i is expected draws · chanceᵢ times.

    [0, 1] is cut into `draws` equal parts, with one uniform draw from each. Cases with the same
    first labels are neighbours, so each group of them is drawn in proportion; equally likely cases
    that were drawn before get one draw each.
    """
    # In (0, draws]: a draw of exactly 0 could fall on a case of probability 0.
    steps = torch.arange(1, draws + 1) - torch.rand(draws, generator=generator, dtype=torch.float64)
    edges = chances.cumsum(0)
    return torch.searchsorted(edges, steps / draws * edges[-1])
