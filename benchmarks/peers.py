"""The same queries by other active-learning libraries, each as its documentation recommends.

The net is the same for all; where a library leaves the forward pass to its user, the one below is
used. One-time preparations, such as objects and a copy of the labels, are not timed. alsim itself
needs none of these libraries.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Query = Callable[[], Any]  # -> (k,) rows of the problem
Prepare = Callable[["Problem"], Query]

N_CLASSES = 10
WIDTH = 256
DROPOUT = 0.5
CHUNK = 4096  # rows at a time through the net


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """The data: the first n rows are unlabelled, the next m labelled, the rest validation."""

    embeddings: Tensor  # (n + m + validation, d) float32
    labels: Tensor  # (n + m + validation,) int64
    n: int
    m: int
    k: int
    state: Mapping[str, Tensor]  # of the trained replica; empty before

    def smaller(self, n: int, m: int, k: int) -> "Problem":
        """Return the same problem with fewer rows."""
        start = self.n + self.m
        rows = torch.cat(
            [
                torch.arange(n),
                torch.arange(self.n, self.n + m),
                torch.arange(start, len(self.labels)),
            ]
        )
        return Problem(self.embeddings[rows], self.labels[rows], n, m, k, self.state)

    @property
    def pool(self) -> NDArray[np.float32]:
        """Return the unlabelled and the labelled rows, `(n + m, d)`."""
        return self.embeddings[: self.n + self.m].numpy()

    @property
    def known(self) -> NDArray[np.float64]:
        """Return the labels, `(n + m,)`, NaN where unknown."""
        known = self.labels[: self.n + self.m].double().numpy().copy()
        known[: self.n] = np.nan
        return known


def plain_net(state: Mapping[str, Tensor]) -> nn.Sequential:
    """Return the trained replica as a plain net."""
    weights = [
        state[f"parameters/model.{name}"][0]
        for name in ("first.parts.0.weight", "first.parts.0.bias", "heads.0.weight", "heads.0.bias")
    ]
    net = nn.Sequential(
        nn.Linear(weights[0].shape[1], WIDTH),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(WIDTH, N_CLASSES),
    )
    net.load_state_dict(dict(zip(net.state_dict(), weights, strict=True)))
    return net.eval()


class Net:
    """The trained net as NumPy users call it, in the form of small-text's classifiers."""

    def __init__(self, problem: Problem) -> None:
        self.net = plain_net(problem.state)

    @torch.no_grad()
    def embed(
        self, x: NDArray[np.float32], return_proba: bool = True, pbar: str | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the hidden layer, `(n, h)`, and the probabilities, `(n, c)`."""
        del return_proba, pbar
        hidden = [self.net[:2](part) for part in torch.from_numpy(x).split(CHUNK)]
        proba = [self.net[3](part).softmax(1) for part in hidden]
        return torch.cat(hidden).numpy(), torch.cat(proba).numpy()

    @torch.no_grad()
    def predict_proba(
        self, x: NDArray[np.float32], dropout_sampling: int = 1
    ) -> NDArray[np.float32]:
        """Return the probabilities, `(n, c)`, or those of several dropout masks, `(n, k, c)`."""
        parts = torch.from_numpy(x).split(CHUNK)
        if dropout_sampling == 1:
            return torch.cat([self.net(part).softmax(1) for part in parts]).numpy()
        self.net.train()  # there is no batch norm, so this switches on dropout alone
        passes = [
            torch.stack([self.net(part).softmax(1) for _ in range(dropout_sampling)], 1)
            for part in parts
        ]
        self.net.eval()
        return torch.cat(passes).numpy()


def _find(module: str, name: str) -> Any:
    """Return an object of a library, which may be missing when this file is only checked."""
    return getattr(import_module(module), name)


# scikit-activeml


def _activeml_classifier(problem: Problem) -> Any:
    SkactivemlClassifier = _find("skactiveml.base", "SkactivemlClassifier")

    net = Net(problem)

    class Trained(SkactivemlClassifier):
        classes_ = np.arange(N_CLASSES)

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            raise NotImplementedError

        def predict_proba(self, X: Any, embed: bool = False) -> Any:
            if embed:
                hidden, proba = net.embed(X)
                return proba, hidden
            return net.predict_proba(X)

        def sample_proba(self, X: Any, n_samples: int) -> Any:
            return np.ascontiguousarray(net.predict_proba(X, n_samples).transpose(1, 0, 2))

    return Trained(classes=list(range(N_CLASSES)))


def activeml_margin(problem: Problem) -> Query:
    """Return scikit-activeml's margin sampling."""
    UncertaintySampling = _find("skactiveml.pool", "UncertaintySampling")

    strategy = UncertaintySampling(method="margin_sampling", random_state=0)
    classifier, x, y = _activeml_classifier(problem), problem.pool, problem.known
    return lambda: strategy.query(x, y, classifier, fit_clf=False, batch_size=problem.k)


def activeml_bald(problem: Problem, members: int = 20) -> Query:
    """Return scikit-activeml's BALD of the k best rows; its user makes the passes with dropout."""
    GreedyBALD = _find("skactiveml.pool", "GreedyBALD")

    strategy = GreedyBALD(
        sample_predictions_method_name="sample_proba",
        sample_predictions_dict={"n_samples": members},
        random_state=0,
    )
    classifier, x, y = _activeml_classifier(problem), problem.pool, problem.known
    return lambda: strategy.query(x, y, classifier, fit_ensemble=False, batch_size=problem.k)


def activeml_badge(problem: Problem) -> Query:
    """Return scikit-activeml's BADGE."""
    Badge = _find("skactiveml.pool", "Badge")

    strategy = Badge(clf_embedding_flag_name="embed", random_state=0)
    classifier, x, y = _activeml_classifier(problem), problem.pool, problem.known
    return lambda: strategy.query(x, y, classifier, fit_clf=False, batch_size=problem.k)


def activeml_core_set(problem: Problem) -> Query:
    """Return scikit-activeml's core-set on the hidden layer."""
    CoreSet = _find("skactiveml.pool", "CoreSet")

    strategy, net = CoreSet(random_state=0), Net(problem)
    x, y = problem.pool, problem.known
    return lambda: strategy.query(net.embed(x)[0], y, batch_size=problem.k)


def activeml_typiclust(problem: Problem) -> Query:
    """Return scikit-activeml's TypiClust with 20 neighbours, as in the paper."""
    TypiClust = _find("skactiveml.pool", "TypiClust")

    strategy = TypiClust(k=20, random_state=0)
    x, y = problem.pool, problem.known
    return lambda: strategy.query(x, y, batch_size=problem.k)


def activeml_typiclust_mini_batch(problem: Problem) -> Query:
    """Return the same with scikit-learn's MiniBatchKMeans, as in the authors' code."""
    TypiClust = _find("skactiveml.pool", "TypiClust")
    MiniBatchKMeans = _find("sklearn.cluster", "MiniBatchKMeans")

    strategy = TypiClust(
        k=20,
        cluster_algo=MiniBatchKMeans,
        cluster_algo_dict={"batch_size": 5000, "n_init": "auto"},
        random_state=0,
    )
    x, y = problem.pool, problem.known
    return lambda: strategy.query(x, y, batch_size=problem.k)


# small-text


def _small_text(strategy: Any, problem: Problem) -> Query:
    net, x = Net(problem), problem.pool
    unlabelled = np.arange(problem.n)
    labelled = np.arange(problem.n, problem.n + problem.m)
    y = problem.labels[problem.n : problem.n + problem.m].numpy()
    return lambda: strategy.query(net, x, unlabelled, labelled, y, n=problem.k)


def small_text_margin(problem: Problem) -> Query:
    """Return small-text's breaking ties."""
    BreakingTies = _find("small_text.query_strategies", "BreakingTies")

    return _small_text(BreakingTies(), problem)


def small_text_bald(problem: Problem, members: int = 20) -> Query:
    """Return small-text's BALD; its user makes the passes with dropout."""
    BALD = _find("small_text.query_strategies", "BALD")

    return _small_text(BALD(dropout_samples=members), problem)


def small_text_badge(problem: Problem) -> Query:
    """Return small-text's BADGE."""
    BADGE = _find("small_text.integrations.pytorch.query_strategies", "BADGE")

    return _small_text(BADGE(num_classes=N_CLASSES), problem)


def small_text_core_set(problem: Problem) -> Query:
    """Return small-text's greedy core-set on the hidden layer, not normalised."""
    GreedyCoreset = _find("small_text.query_strategies", "GreedyCoreset")

    return _small_text(GreedyCoreset(normalize=False), problem)


# baal


class _Batches(torch.utils.data.Dataset[Tensor]):
    """Rows that a DataLoader can fetch in whole batches, which is several times faster."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def __getitems__(self, rows: list[int]) -> tuple[Tensor]:
        return (self.x[rows],)


def _same(batch: Any) -> Any:
    return batch


def _baal(heuristic: Any, problem: Problem, members: int, batch_size: int) -> Query:
    patch_module = _find("baal.bayesian.dropout", "patch_module")
    ModelWrapper = _find("baal.modelwrapper", "ModelWrapper")
    TrainingArgs = _find("baal.modelwrapper", "TrainingArgs")

    net = plain_net(problem.state)
    arguments = TrainingArgs(
        batch_size=batch_size, use_cuda=False, workers=0, collate_fn=_same,
        replicate_in_memory=False,
    )  # fmt: skip
    wrapper = ModelWrapper(patch_module(net) if members > 1 else net, arguments)
    pool = _Batches(problem.embeddings[: problem.n])

    def query() -> Any:
        predictions = wrapper.predict_on_dataset(pool, iterations=members, verbose=False)
        return heuristic(predictions)[: problem.k]

    return query


def baal_margin(problem: Problem) -> Query:
    """Return baal's margin of one prediction without dropout."""
    Margin = _find("baal.active.heuristics", "Margin")

    return _baal(Margin(), problem, 1, CHUNK)


def baal_bald(problem: Problem, members: int = 20) -> Query:
    """Return baal's BALD with its own MC-dropout."""
    BALD = _find("baal.active.heuristics", "BALD")

    return _baal(BALD(), problem, members, CHUNK)


# strategy -> library -> its query; a variant follows the library's name after a comma.
_BALD: Mapping[str, Prepare] = {
    "scikit-activeml": activeml_bald,
    "small-text": small_text_bald,
    "baal": baal_bald,
}
_TYPICLUST: Mapping[str, Prepare] = {
    "scikit-activeml": activeml_typiclust,
    "scikit-activeml, MiniBatchKMeans": activeml_typiclust_mini_batch,
}
PEERS: Mapping[str, Mapping[str, Prepare]] = {
    "margin": {
        "scikit-activeml": activeml_margin,
        "small-text": small_text_margin,
        "baal": baal_margin,
    },
    "bald": _BALD,
    "bald(masks=independent)": _BALD,
    "badge": {"scikit-activeml": activeml_badge, "small-text": small_text_badge},
    "core-set": {"scikit-activeml": activeml_core_set, "small-text": small_text_core_set},
    "typiclust": _TYPICLUST,
    "typiclust(max-clusters=m+k)": _TYPICLUST,
}
