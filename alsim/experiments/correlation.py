"""Whether a metric predicts what rows are worth: the correlation experiment.

Seven steps (VK 2020, before Table 1): train on the initial rows; draw unlabelled rows; score them
by the metric; sort them by it; cut them into groups; from the same weights train one copy on each
group; measure every copy. What follows from the groups is computed in `alsim.analysis`. No files,
no clock.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from alsim.errors import RunError, UsageError
from alsim.experiments.asking import Queried, ask, initial_query, labelled_rows
from alsim.experiments.passive import Passive
from alsim.experiments.progress import Progress
from alsim.experiments.ranges import Count, Loss, Share
from alsim.experiments.setting import Setting, fit_streams
from alsim.models import MIXED
from alsim.seeding import stream
from alsim.signals import (
    Chunks,
    Committee,
    InputDropout,
    Request,
    Scene,
    Signal,
    Signals,
    signals_of,
)
from alsim.strategies import STRATEGIES, Candidates, Strategy, top_k
from alsim.training.features import shape_of
from alsim.training.fit import FitStreams, Labelled, fit_epochs
from alsim.training.objective import make_objective
from alsim.training.replicas import Replicas
from alsim.training.state import ReplicaState
from alsim.training.ways import make_replicas

CONTROL = "random"  # the metric whose groups are groups at random
MOST = 100  # copies trained at once
MIN_GROUPS = 3  # two groups correlate by ±1, whatever they are
# Rows times copies that are measured at a time: what stays in a core's cache, and a GPU busy.
_MEASURED_AT_ONCE = 16_384
_SMALLEST = 128  # rows at a time; below, the products slow down


@dataclass(frozen=True, slots=True)
class CorrelationOptions:
    """The sizes of the experiment. How copies are trained is in the training options."""

    sample_size: int = 10_000  # unlabelled rows that are drawn; all where there are fewer
    group_size: int = 100
    most: int = MOST  # copies trained at once in lockstep, fewer where memory runs out


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """One copy: its group of rows, and its measures on the evaluation split."""

    metric: str
    seed: int
    group: Count  # from 0, in the order of the mean score
    n: Count  # rows of the group
    mean_score: float  # of the acquisition score; of `random` a uniform draw
    accuracy: Share
    nll: Loss  # nats


def check_metrics(metrics: Mapping[str, Strategy]) -> None:
    """Refuse strategies that do not score each row by itself.

    Raises:
        UsageError: Naming all of them, and those that can be used.
    """
    wrong = [name for name, strategy in metrics.items() if not strategy.is_pointwise]
    silent = [name for name, strategy in metrics.items() if not strategy.asks]
    if silent:
        what = f"{silent[0]} scores no row: it queries nothing"
        raise UsageError(what, "--metric", "leave it out; random is there to compare with")
    if wrong:
        every = {name: entry.builder() for name, entry in STRATEGIES.items()}
        usable = [name for name, each in every.items() if each.is_pointwise and each.asks]
        raise UsageError(
            f"no metric to sort rows by: {', '.join(wrong)}; the query does not follow from each "
            "row's own score alone",
            "--metric",
            f"there is: {', '.join(usable)}",
        )


def correlate(
    setting: Setting,
    seed: int,
    start: Passive,
    metrics: Sequence[str],
    options: CorrelationOptions,
    progress: Progress,
    copies: Chunks | None = None,
) -> Iterator[tuple[GroupRecord, ...]]:
    """Yield the groups of each metric in turn, by their mean score.

    Every copy starts from the weights, the batch-norm statistics and the optimiser's state of
    `start`, and is trained on the rows of its group alone, for `epochs` epochs of the training
    options, without early stopping; `retrain` has no meaning here. All metrics sort the same
    rows, and a row has one answer of the oracle. A metric's numbers do not depend on which others
    there are.

    Where the sample is no whole number of groups, it is made smaller by rows at random, so that
    none are left out at an end of the order. Ties fall at random. A strategy's `candidates` does
    not count. One that asks for no signal, as `random`, is the control: its scores are uniform
    draws, since what is the same for all rows could not correlate. `start` is the passive phase of
    this seed alone, trained as the setting says, loss predictor included. `copies` are made by
    `copies_at_once`, by default as the options say; if shared it keeps what memory allowed.

    Raises:
        UsageError: If a metric is not pointwise, or there are too few rows or sizes below 1.
        RunError: If a training diverges, a score is not a finite number, or memory runs out.
    """
    strategies = {name: setting.strategies[name] for name in metrics}
    check_metrics(strategies)
    rows = _draw_sample(setting, seed, options)
    if start.alive != (True,):
        raise _diverged(f"the passive phase of seed {seed}")
    progress.phase("score")
    source = _Copies(setting, start.state)
    at_once = copies or copies_at_once(options.most)
    if setting.way == "direct":
        at_once = copies_at_once(1)
    scene = Scene(
        source.take(1),
        setting.features,
        setting.task,
        truth=setting.pool.tasks[setting.task].labels.to(setting.features.device),
    )
    scores = _score(setting, scene, seed, rows, strategies)
    answered = _answers(setting, scene, seed, rows)
    for metric in metrics:
        tied = stream(seed, "correlate", metric, "ties")
        groups = split_into_groups(scores[metric], options.group_size, generator=tied)
        means = scores[metric][groups].double().mean(1).tolist()
        yield tuple(
            GroupRecord(metric, seed, group, options.group_size, means[group], *measured)
            for group, measured in enumerate(
                _train_copies(setting, source, seed, metric, groups, answered, at_once, progress)
            )
        )


def copies_at_once(
    most: int = MOST, *, on_smaller: Callable[[int], None] = lambda n: None
) -> Chunks:
    """Return how many copies are trained at once in lockstep: halved when memory runs out.

    `on_smaller` is called with the new number.
    """
    doing = "training {} copies at once"
    return Chunks(most, smallest=1, doing=doing, on_smaller=on_smaller)


def split_into_groups(scores: Tensor, size: int, *, generator: torch.Generator) -> Tensor:
    """Return positions in groups of `size`, `(groups, size)` int64: group 0 has the lowest scores.

    Of `(n,)` scores n is a multiple of `size`. The generator decides ties.
    """
    best_first = top_k(Candidates(scores), len(scores), generator=generator)
    return best_first.flip(0).view(-1, size)


def _draw_sample(setting: Setting, seed: int, options: CorrelationOptions) -> Tensor:
    """Return the rows that are sorted, `(n,)` ascending: whole groups of unlabelled rows."""
    if min(options.group_size, options.sample_size, options.most) < 1:
        raise UsageError(
            "sizes must be at least 1", "--sample-size, --group-size", "ask for more rows"
        )
    is_unlabelled = torch.zeros(setting.pool.n, dtype=torch.bool)
    is_unlabelled[setting.train.start : setting.train.stop] = True
    is_unlabelled[initial_query(setting, seed)[0]] = False
    unlabelled = is_unlabelled.nonzero()[:, 0]
    n_groups = min(options.sample_size, len(unlabelled)) // options.group_size
    if n_groups < MIN_GROUPS:
        raise UsageError(
            f"{min(options.sample_size, len(unlabelled)):,} unlabelled rows make {n_groups} "
            f"groups of {options.group_size:,}: too few to correlate",
            "--sample-size, --group-size",
            f"there must be {MIN_GROUPS} at least: ask for smaller groups or a larger sample, "
            "or bring a larger pool",
        )
    drawn = torch.randperm(len(unlabelled), generator=stream(seed, "correlate", "sample"))
    return unlabelled[drawn[: n_groups * options.group_size].sort().values]


def _score(
    setting: Setting, scene: Scene, seed: int, rows: Tensor, metrics: Mapping[str, Strategy]
) -> dict[str, Tensor]:
    """Return each metric's scores of the rows, `(n,)`, in one pass.

    Signals that several metrics want are computed once; metrics with committees of their own are
    given those. A metric sees no signal that it has not declared.
    """
    informed = {name: strategy for name, strategy in metrics.items() if strategy.signals}
    wanted: dict[tuple[Committee, InputDropout], frozenset[Signal]] = {}
    for strategy in informed.values():
        kind = (strategy.committee, strategy.input_dropout)
        wanted[kind] = wanted.get(kind, frozenset()) | strategy.signals
    requests = {
        kind: Request(signals, lambda use: stream(seed, "correlate", use), *kind)
        for kind, signals in wanted.items()
    }

    def of_chunk(here: Tensor) -> dict[str, Tensor]:
        on_device = here.to(setting.features.device)
        signals = {
            kind: signals_of(scene, on_device, [request])[0].values
            for kind, request in requests.items()
        }
        return {
            name: _own_score(name, s, signals[s.committee, s.input_dropout], len(here))
            for name, s in informed.items()
        }

    n_predictions = max((request.n_predictions for request in requests.values()), default=1)
    numbers = n_predictions * setting.n_classes[setting.task]
    parts = list(setting.chunks.over(rows, of_chunk, numbers)) if informed else []
    return {
        name: torch.cat([part[name] for part in parts])
        if name in informed
        else torch.rand(len(rows), generator=stream(seed, "correlate", name, "draw"))
        for name in metrics
    }


def _own_score(name: str, strategy: Strategy, signals: Mapping[Signal, Tensor], n: int) -> Tensor:
    """Return a metric's scores of n rows, on the CPU."""
    scores = strategy.score(Signals(n, {name: signals[name] for name in strategy.signals}))
    if scores.shape != (n,) or not torch.isfinite(scores).all():
        raise RunError(
            f"the metric {name} is not one finite number a row",
            f"scoring {n} rows, with scores of the shape {tuple(scores.shape)}",
            "lower --learning-rate if the training has diverged; mend the score if it is your own",
        )
    return scores.cpu()


def _answers(setting: Setting, scene: Scene, seed: int, rows: Tensor) -> Labelled:
    """Return the oracle's answers for the whole sample, of one replica."""
    beliefs = None
    if setting.oracle.traits.wants_beliefs:
        request = Request(frozenset({"probabilities"}), lambda use: stream(seed, "correlate", use))

        def of_chunk(here: Tensor) -> Tensor:
            on_device = here.to(setting.features.device)
            return signals_of(scene, on_device, [request])[0].probabilities.cpu()

        beliefs = torch.cat(list(setting.chunks.over(rows, of_chunk)))
    generator = stream(seed, "correlate", "oracle")
    cells = setting.known[rows]
    answers = ask(setting, rows, cells, seen=rows, beliefs=beliefs, generator=generator)
    return labelled_rows(setting, [Queried(rows, cells, None, answers)])


class _Copies:
    """Makes copies of the start; those of the same number are made once and loaded anew."""

    def __init__(self, setting: Setting, start: ReplicaState) -> None:
        self._setting = setting
        self._start = start
        self._made: Replicas | None = None

    def take(self, n: int) -> Replicas:
        """Return `n` replicas in the state of the start; those taken before are no longer valid."""
        setting = self._setting
        if self._made is None or self._made.size != n:
            self._made = None  # before the next, since memory may not hold both
            # Initial weights do not matter; the same module serves for all, as they are stacked.
            objective = make_objective(
                shape_of(setting.pool), setting.model, setting.training,
                generator=stream(0, "correlate", "init"),
            ).to(setting.features.device, setting.features.dtype)  # fmt: skip
            self._made = make_replicas(setting.way, [objective] * n, setting.training)
        repeated = {k: v.expand(n, *v.shape[1:]) for k, v in self._start.to_tensors().items()}
        self._made.load(ReplicaState.from_tensors(repeated))
        return self._made


def _train_copies(
    setting: Setting,
    copies: _Copies,
    seed: int,
    metric: str,
    groups: Tensor,
    answered: Labelled,
    at_once: Chunks,
    progress: Progress,
) -> Iterator[tuple[float, float]]:
    """Yield the accuracy and the loss of one copy a group, in order."""

    def train(numbers: Tensor) -> list[tuple[float, float]]:
        progress.phase("train")
        replicas = copies.take(len(numbers))
        chosen = groups[numbers].to(setting.features.device)
        streams = [
            fit_streams(setting.features.device, [seed], "correlate", metric, group)
            for group in numbers.tolist()
        ]
        fit_epochs(
            replicas,
            setting.features,
            Labelled(
                answered.rows[0][chosen], {t: y[0][chosen] for t, y in answered.labels.items()}
            ),
            setting.training,
            n_classes=setting.n_classes,
            streams=FitStreams([s.order[0] for s in streams], [s.dropout[0] for s in streams]),
        )
        progress.phase("evaluate")
        return _measure(setting, replicas)

    n_done = 0
    for measured in at_once.over(torch.arange(len(groups)), train):
        for group, (_, nll) in enumerate(measured, n_done):
            if not math.isfinite(nll):
                raise _diverged(f"metric {metric}, seed {seed}, group {group}")
        n_done += len(measured)
        progress.copies(metric, n_done)
        yield from measured


def _measure(setting: Setting, replicas: Replicas) -> list[tuple[float, float]]:
    """Return every replica's accuracy and loss on the evaluation split, mixed head.

    Sums alone are kept: the predictions of a hundred copies would fill the memory.
    """
    evaluator = setting.evaluator

    def of_chunk(rows: range) -> tuple[Tensor, Tensor]:
        first = evaluator.rows.start
        labels = evaluator.tasks[setting.task].labels[rows.start - first : rows.stop - first]
        labels = labels.to(setting.features.device)
        inputs = setting.features.span(rows.start, rows.stop)._replace(heads="mixed")
        logits = replicas.outputs(inputs).logits
        logs = torch.log_softmax(logits[setting.task][MIXED], -1)
        of_truth = logs.gather(2, labels.expand(replicas.size, -1).unsqueeze(2)).squeeze(2)
        return (logs.argmax(2) == labels).sum(1), -of_truth.double().sum(1)

    most = max(_SMALLEST, _MEASURED_AT_ONCE // replicas.size)
    chunks = Chunks(min(most, setting.chunks.size))
    right, loss = zip(*chunks.over(evaluator.rows, of_chunk), strict=True)
    n = len(evaluator.rows)
    accuracies = (torch.stack(right).sum(0).double() / n).tolist()
    losses = (torch.stack(loss).sum(0) / n).tolist()
    return list(zip(accuracies, losses, strict=True))


def _diverged(where: str) -> RunError:
    return RunError("the training diverged", where, "lower --learning-rate")
