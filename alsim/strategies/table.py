"""The query strategies that `--strategy` names, with their sources and costs.

Importing this imports no strategy, and no torch: a row names the function that builds its strategy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alsim.lazy import import_object

if TYPE_CHECKING:
    from alsim.strategies.strategy import Strategy

# Why a strategy stands outside of comparisons: it shows what labels, or knowing them, are worth.
NO_QUERY = "queries nothing"
HIDDEN_LABELS = "reads the hidden labels"


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A row of the table of strategies."""

    # A function, or module:function of this package. Its keyword arguments, each with a default,
    # are the parameters.
    build: "str | Callable[..., Strategy]"
    summary: str
    source: str
    cost: str  # of a query; n unlabelled rows, m labelled rows, k query size, d width, c classes
    candidates: int | None = None  # rows considered by default, as what it builds has them
    outside: str = ""  # why it is compared with no other as an equal, as what it builds has it

    @property
    def builder(self) -> "Callable[..., Strategy]":
        """Return the function that builds the strategy, imported."""
        return (
            import_object(self.build, "alsim.strategies")
            if isinstance(self.build, str)
            else self.build
        )


STRATEGIES: Mapping[str, Entry] = {
    "random": Entry(
        "uncertainty:random",
        summary="uniformly at random: passive learning, the baseline",
        source="—",
        cost="O(n)",
    ),
    "control": Entry(
        "uncertainty:control",
        summary="no row: training goes on with the first labels alone",
        source="—",
        cost="none",
        outside=NO_QUERY,
    ),
    "least-confident": Entry(
        "uncertainty:least_confident",
        summary="the most probable class is least probable: 1 − p₍₁₎",
        source="Lewis & Gale 1994",
        cost="O(n·c), one pass over the pool",
    ),
    "margin": Entry(
        "uncertainty:margin",
        summary="the two most probable classes are closest: −(p₍₁₎ − p₍₂₎)",
        source="Scheffer et al. 2001",
        cost="O(n·c), one pass over the pool",
    ),
    "entropy": Entry(
        "uncertainty:entropy",
        summary="the prediction's entropy is highest: −Σ p log p",
        source="Settles 2009",
        cost="O(n·c), one pass over the pool",
    ),
    "qbc-least-confident": Entry(
        "committee:qbc_least_confident",
        summary="the committee's mean prediction has the least probable best class",
        source="Seung et al. 1992; Gal & Ghahramani 2016",
        cost="O(n·members·c), one pass over the pool a member",
    ),
    "qbc-margin": Entry(
        "committee:qbc_margin",
        summary="the committee's mean prediction has the smallest margin",
        source="Seung et al. 1992; Gal & Ghahramani 2016",
        cost="O(n·members·c), one pass over the pool a member",
    ),
    "qbc-entropy": Entry(
        "committee:qbc_entropy",
        summary="the committee's mean prediction has the highest entropy",
        source="Seung et al. 1992; Gal & Ghahramani 2016",
        cost="O(n·members·c), one pass over the pool a member",
    ),
    "bald": Entry(
        "committee:bald",
        summary="the members are each sure and disagree: H(mean p) − mean H(p)",
        source="Houlsby et al. 2011; Gal et al. 2017",
        cost="O(n·members·c), one pass over the pool a member",
    ),
    "learning-loss": Entry(
        "losses:learning_loss",
        summary="an auxiliary net predicts the highest loss",
        source="Yoo & Kweon 2019",
        cost="O(n), one pass over the pool, and the auxiliary net's training",
    ),
    "ideal-learning-loss": Entry(
        "losses:ideal_learning_loss",
        summary="the true loss is highest",
        source="VK study 2020",
        cost="O(n·c), one pass over the pool",
        outside=HIDDEN_LABELS,
    ),
    "reverse-ideal-learning-loss": Entry(
        "losses:reverse_ideal_learning_loss",
        summary="the true loss is lowest",
        source="VK study 2020",
        cost="O(n·c), one pass over the pool",
        outside=HIDDEN_LABELS,
    ),
    "power-margin": Entry(
        "stochastic:power_margin",
        summary="a random draw falls, in proportion to (1 − p₍₁₎ + p₍₂₎)^beta",
        source="Kirsch et al. 2023",
        cost="O(n·c), one pass over the pool",
    ),
    "power-bald": Entry(
        "stochastic:power_bald",
        summary="a random draw falls, in proportion to (BALD's score)^beta",
        source="Kirsch et al. 2023",
        cost="O(n·members·c), one pass over the pool a member",
    ),
    "batch-bald": Entry(
        "batch_bald:batch_bald",
        summary="the labels together are most informative about the members, greedily",
        source="Kirsch et al. 2019",
        cost="O(k·n·samples·members·c) at worst; 2,000 candidates by default",
        candidates=2_000,
    ),
    "badge": Entry(
        "badge:badge",
        summary="gradients are long and far apart: k-means++ on (p − 1{ŷ}) ⊗ hidden",
        source="Ash et al. 2020",
        cost="O(k·n·(c + h)), one pass over the pool",
    ),
    "falcun": Entry(
        "falcun:falcun",
        summary="a random draw falls, by margin and distance to the picks: (u + d)^gamma",
        source="Gilhuber et al. 2024",
        cost="O(k·n·c), one pass over the pool",
    ),
    "bait": Entry(
        "bait:bait",
        summary="the labels would most sharpen the last layer: Fisher information",
        source="Ash et al. 2021",
        cost="O(c·(n·h² + h³ + k·h·(n + h))), n = 10,000 random rows or candidates=",
        candidates=10_000,
    ),
    "core-set": Entry(
        "core_set:core_set",
        summary="every labelled row is farthest away: greedy k-centre",
        source="Sener & Savarese 2018",
        cost="O(n·(m + k)·h), one pass over the pool",
    ),
    "typiclust": Entry(
        "typiclust:typiclust",
        summary="a cluster without a label is densest, the largest first",
        source="Hacohen et al. 2022",
        cost="O((n + m)·(m + k)·d), at most 500 clusters, and their rows squared",
    ),
    "prob-cover": Entry(
        "prob_cover:prob_cover",
        summary="the ball around the row holds the most uncovered rows",
        source="Yehuda et al. 2022",
        cost="O(n²·d + n·m·d) time, O(n·d) memory; n at most 10,000 candidates",
        candidates=10_000,
    ),
    "max-herding": Entry(
        "herding:max_herding",
        summary="the pool becomes most similar to the labelled rows",
        source="Bae et al. 2024",
        cost="O(n²·d + n·m·d) time, O(n·d) memory; n at most 10,000 candidates",
        candidates=10_000,
    ),
    "uncertainty-herding": Entry(
        "herding:uncertainty_herding",
        summary="the pool's uncertain rows become most similar to the labelled ones",
        source="Bae et al. 2025",
        cost="O(n²·d + (n + m)·m·d) time, O(n·d) memory; n at most 10,000 candidates",
        candidates=10_000,
    ),
    "tcm": Entry(
        "tcm:tcm",
        summary="typiclust chooses for three steps, then the margin is smallest",
        source="Doucet et al. 2024",
        cost="as typiclust for the first steps, then O(n·c)",
    ),
    "cluster-margin": Entry(
        "cluster_margin:cluster_margin",
        summary="the margin is among the 10k smallest, clusters taking turns",
        source="Citovsky et al. 2021",
        cost="O(n·c) and k-means of the pool into 500 clusters, O(n·500·d)",
    ),
    "refine": Entry(
        "refine:refine",
        summary="a strategy of `ensemble` picks, then uncertainty-herding among these",
        source="Huseljic et al. 2026",
        cost="10 queries a strategy of 5,000 rows, then smaller; uncertainty-herding of 10,000",
    ),
    "drop-query": Entry(
        "drop_query:drop_query",
        summary="input dropout changes the prediction, one of each cluster",
        source="Gupte et al. 2024",
        cost="O(n·c), four passes over the pool, and k-means, O(n·k·d)",
    ),
    "alfa-mix": Entry(
        "alfa_mix:alfa_mix",
        summary="mixing in a little of a labelled class changes the prediction",
        source="Parvaneh et al. 2022",
        cost="O(n·c·(h + c) + h³) and k-means on the rows that change, O(n·k·h)",
    ),
    "class-balanced": Entry(
        "class_balanced:class_balanced",
        summary="the predicted class has the fewest labels, best `score` first",
        source="after Bengar et al. 2022",
        cost="O(n·c + n log n), one pass over the pool",
    ),
    "base": Entry(
        "base:base",
        summary="a class's decision boundary is nearest, equally many per class",
        source="Emam et al. 2021",
        cost="O(n·c·h + h³), one pass over the pool",
    ),
    "galaxy": Entry(
        "galaxy:galaxy",
        summary="labels change in a class's line of rows: bisects the shortest gap",
        source="Zhang et al. 2022",
        cost="O(c·(n + m) log(n + m)), one pass over the pool",
    ),
    "direct": Entry(
        "galaxy:direct",
        summary="a class's best threshold is nearest, equally many per class",
        source="Nuggehalli et al. 2025",
        cost="O(c·(n + m) log(n + m)), one pass over the pool",
    ),
    "head-disagreement": Entry(
        "multimodal:head_disagreement",
        summary="the heads of the present modalities differ most, by pattern",
        source="Jensen–Shannon divergence, Lin 1991",
        cost="O(n·c) a head, one pass over the pool",
    ),
    "co-testing": Entry(
        "multimodal:co_testing",
        summary="confident heads of two modalities contradict each other",
        source="Muslea et al. 2006",
        cost="O(n·c) a head, one pass over the pool",
    ),
    "bmmal": Entry(
        "bmmal:bmmal",
        summary="gradients differ in the modalities that the net relies on least",
        source="Shen et al. 2023",
        cost="O(k·n·(modalities·c + h)), one pass for each modality and two more",
    ),
}
