"""The contract that every strategy keeps, plug-ins included.

    from alsim.testing import check_strategy

    def test_my_strategy_keeps_the_contract() -> None:
        check_strategy(my_strategy())

Each check raises an AssertionError that names the broken rule. `CONTRACT` holds the single checks,
for `pytest.mark.parametrize`.
"""

import random  # noqa: TID251 -- its state is read, nothing is drawn
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from alsim.seeding import stream
from alsim.signals import Signal, Signals
from alsim.strategies import Candidates, Strategy, query

_WITH_CLASSES = frozenset(signal for signal in get_args(Signal) if signal.endswith("probabilities"))


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Synthetic rows with every signal, float64, as from a net with a linear last layer."""

    unlabelled: Signals  # n
    labelled: Signals  # m
    labels: Tensor  # (m,) int64
    n_classes: int

    def candidates(self, strategy: Strategy) -> Candidates:
        """Return the candidates that a strategy's selector gets for these rows."""
        declared = Signals(
            self.unlabelled.n, {s: self.unlabelled.values[s] for s in strategy.signals}
        )
        return Candidates(
            strategy.score(declared),
            {s: self.unlabelled.values[s] for s in strategy.keeps},
            {s: self.labelled.values[s] for s in strategy.labelled},
            self.labels,
            self.n_classes,
        )

    def with_classes(self, order: Tensor) -> "Rows":
        """Return the same rows with class `order[i]` in place i."""

        def turned(signals: Signals) -> Signals:
            values: dict[Signal, Tensor] = {
                s: value[..., order] if s in _WITH_CLASSES else value
                for s, value in signals.values.items()
            }
            return Signals(signals.n, values)

        return replace(
            self,
            unlabelled=turned(self.unlabelled),
            labelled=turned(self.labelled),
            labels=order.argsort()[self.labels],
        )


def make_rows(
    strategy: Strategy, n: int = 60, m: int = 20, c: int = 5, *, seed: int = 0, alike: bool = False
) -> Rows:
    """Return n unlabelled and m labelled rows of c classes, drawn by `seed`; if `alike`, identical.

    The numbers of committee members and of passes are those of the strategy.
    """
    g = stream(seed, "rows")
    h, dtype = 6, torch.float64
    weight = torch.randn(h, c, generator=g, dtype=dtype)
    labels = torch.randint(c, (m,), generator=g)
    centres = 2 * torch.randn(c, h, generator=g, dtype=dtype)
    own = torch.cat([torch.randint(c, (n,), generator=g), labels])
    hidden = (centres[own] + torch.randn(n + m, h, generator=g, dtype=dtype)).clamp_min(0)
    if alike:
        hidden = hidden[:1].expand(n + m, h).clone()
    present = torch.rand(n + m, 2, generator=g) > 0.2
    embeddings = torch.cat([hidden, hidden @ torch.randn(h, 4, generator=g, dtype=dtype)], 1)
    shared = (1, h) if alike else (n + m, h)

    def dropped(k: int, rows: tuple[int, int]) -> Tensor:
        masks = 2.0 * (torch.rand(k, *rows, generator=g) > 0.5).to(dtype)
        return torch.softmax((hidden * masks) @ weight, -1).transpose(0, 1)

    p = torch.softmax(hidden @ weight, -1)
    values: dict[Signal, Tensor] = {
        "probabilities": p,
        "head_probabilities": torch.cat([p.unsqueeze(1), dropped(2, shared)], 1),
        "mc_probabilities": dropped(strategy.committee.k, (1, h)),
        "noised_probabilities": dropped(strategy.input_dropout.passes, shared),
        "ablated_probabilities": dropped(3, shared),
        "hidden": hidden,
        "embeddings": embeddings,
        "present": present.to(dtype),
        "predicted_loss": torch.randn(n + m, generator=g, dtype=dtype),
        "true_loss": -p.log()[torch.arange(n + m), own],
    }
    return Rows(
        Signals(n, {s: value[:n] for s, value in values.items()}),
        Signals(m, {s: value[n:] for s, value in values.items()}),
        labels,
        c,
    )


def _chosen(strategy: Strategy, rows: Rows, k: int, *, seed: int = 0) -> Tensor:
    candidates = rows.candidates(strategy)
    return query(strategy, candidates, k, generator=stream(seed, "query"))


def _assert_distinct(chosen: Tensor, k: int, n: int, case: str) -> None:
    assert chosen.dtype == torch.int64, f"{case}: positions are {chosen.dtype}, not int64"
    assert len(chosen) == len(chosen.unique()) == k, f"{case}: not {k} distinct rows"
    assert int(chosen.min()) >= 0, f"{case}: a position is negative"
    assert int(chosen.max()) < n, f"{case}: a position is outside 0 … {n - 1}"


def a_query_is_k_distinct_unlabelled_rows(strategy: Strategy) -> None:
    """Also if one row, all rows, or more rows than there are, are asked for."""
    for n, k in ((60, 1), (60, 7), (60, 60), (9, 30), (1, 1)):
        chosen = _chosen(strategy, make_rows(strategy, n), k)
        _assert_distinct(chosen, min(k, n), n, f"{k} of {n} rows")


def odd_pools_are_served(strategy: Strategy) -> None:
    """One class, identical rows, no labelled rows, no known label."""
    whole = make_rows(strategy)
    none: dict[Signal, Tensor] = {s: v[:0] for s, v in whole.labelled.values.items()}
    for case, rows in {
        "one class": make_rows(strategy, c=1),
        "two classes": make_rows(strategy, c=2),
        "rows all alike": make_rows(strategy, alike=True),
        "nothing labelled": replace(whole, labelled=Signals(0, none), labels=whole.labels[:0]),
        "no label known": replace(whole, labels=torch.full_like(whole.labels, -1)),
    }.items():
        for k in (1, 12, 60):
            _assert_distinct(_chosen(strategy, rows, k), k, 60, case)


def a_query_is_the_same_from_the_same_stream(strategy: Strategy) -> None:
    """Two queries from equal streams pick the same rows in the same order."""
    rows = make_rows(strategy)
    first, again = (_chosen(strategy, rows, 9, seed=3) for _ in range(2))
    assert torch.equal(first, again), "two queries from equal streams differ"


def global_generators_are_left_alone(strategy: Strategy) -> None:
    """The global generators of torch, NumPy and Python stay unchanged."""
    before = _global_states()
    _chosen(strategy, make_rows(strategy), 9)
    moved = [name for name, state in _global_states().items() if state != before[name]]
    assert not moved, f"global generators have moved: {', '.join(moved)}"


def _global_states() -> dict[str, object]:
    return {
        "torch": bytes(torch.get_rng_state().numpy()),
        "NumPy": repr(np.random.get_state()),  # noqa: NPY002 -- its state is read, nothing is drawn
        "Python": random.getstate(),
    }


def nothing_given_is_changed(strategy: Strategy) -> None:
    """Neither scoring nor selecting changes its arguments."""
    rows, untouched = make_rows(strategy), make_rows(strategy)
    _chosen(strategy, rows, 9)
    for mine, theirs in (
        (rows.unlabelled, untouched.unlabelled),
        (rows.labelled, untouched.labelled),
    ):
        for signal, value in mine.values.items():
            assert torch.equal(value, theirs.values[signal]), f"{signal} was written into"
    assert torch.equal(rows.labels, untouched.labels), "the labels were written into"


def a_score_is_of_its_row_alone(strategy: Strategy) -> None:
    """Scores do not depend on how the rows are split into chunks."""
    signals = make_rows(strategy).unlabelled
    whole = strategy.score(signals)
    for size in (1, 7, 30):
        parts = [
            Signals(
                len(range(60)[i : i + size]),
                {s: value[i : i + size] for s, value in signals.values.items()},
            )
            for i in range(0, 60, size)
        ]
        apart = torch.cat([strategy.score(part) for part in parts])
        torch.testing.assert_close(apart, whole, rtol=0, atol=1e-12)


def the_order_of_classes_does_not_matter(strategy: Strategy) -> None:
    """The same rows are chosen, in the same order, when the classes are permuted."""
    for seed in range(3):
        rows = make_rows(strategy, seed=seed)
        order = torch.randperm(rows.n_classes, generator=stream(seed, "classes"))
        turned = rows.with_classes(order)
        for k in (3, 9, 17):
            assert torch.equal(_chosen(strategy, rows, k), _chosen(strategy, turned, k)), (
                f"other rows are chosen when classes are in the order {order.tolist()}"
            )


def every_signal_is_declared(strategy: Strategy) -> None:
    """Scores use only the signals in `needs`, and are numbers."""
    rows = make_rows(strategy)
    values: dict[Signal, Tensor] = {s: rows.unlabelled.values[s] for s in strategy.needs}
    scores = strategy.score(Signals(rows.unlabelled.n, values))
    assert scores.shape == (60,), f"scores have the shape {tuple(scores.shape)}, not (60,)"
    assert not scores.isnan().any(), "a score is not a number"


CONTRACT: Mapping[str, Callable[[Strategy], None]] = {
    check.__name__: check
    for check in (
        every_signal_is_declared,
        a_query_is_k_distinct_unlabelled_rows,
        odd_pools_are_served,
        a_query_is_the_same_from_the_same_stream,
        global_generators_are_left_alone,
        nothing_given_is_changed,
        a_score_is_of_its_row_alone,
        the_order_of_classes_does_not_matter,
    )
}


def check_strategy(strategy: Strategy) -> None:
    """Check the whole contract; one that queries nothing has none to keep.

    Raises:
        AssertionError: At the first check that fails or raises any error.
    """
    for name, check in CONTRACT.items() if strategy.asks else ():
        try:
            check(strategy)
        except AssertionError:
            raise
        except Exception as error:  # any error breaks the contract
            message = f"{name.replace('_', ' ')}: {type(error).__name__}: {error}"
            raise AssertionError(message) from error
