"""What can be chosen about learning curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from alsim.options.engine import EngineOptions, FolderOptions
from alsim.options.looks import LookOptions
from alsim.options.model import MOVED
from alsim.options.option import Option, Range, option, parsed
from alsim.options.oracle import HIGHEST_PRICE, AnswerOptions, PriceOptions
from alsim.options.pool import ColumnOptions, SourceOptions, TaskOptions
from alsim.options.sizes import (
    QuerySize,
    Until,
    ValidationSize,
    parse_query_size,
    parse_until,
    parse_validation_size,
)
from alsim.options.texts import parse_ids, parse_names, parse_seeds
from alsim.options.training import (
    UNSTOPPED_EPOCHS,
    FineTuneOptions,
    FitOptions,
    RetrainOptions,
)

Unit = Literal["object", "cell"]
Members = Literal["dropout", "gates"]  # what a committee's members differ in
NO_BASELINE = "none"
Combination = Literal["mean", "max", "rank-sum", "rrf", "alternating", "quotas"]


@dataclass(frozen=True, kw_only=True)
class InitialOptions:
    """How many labels there are at the start."""

    heading: ClassVar = "What to run"

    initial_size: int | None = option(
        None,
        "Number of random labels to start from.",
        within=Range(least=2),
        otherwise="2000, less in a small pool",
        often=True,
    )


@dataclass(frozen=True, kw_only=True)
class StartOptions(
    InitialOptions, SourceOptions, FolderOptions, AnswerOptions, ColumnOptions, FitOptions,
    FineTuneOptions, EngineOptions,
):  # fmt: skip
    """What learning curves and correlation share: the labels, the net and its passive phase."""

    heading: ClassVar = "What to run"
    moved: ClassVar = MOVED

    seeds: Option[str | int | Sequence[int], tuple[int, ...]] = parsed(
        5, parse_seeds, "Seeds: a count (5), a range (3..7) or a list (1,4).", often=True
    )
    initial_ids: Option[str | Path | Sequence[str | int] | None, tuple[str, ...] | None] = parsed(
        None, parse_ids, "File with the ids that are labelled at the start, one a line."
    )
    model: str = option(
        "auto",
        'Model, with parameters in brackets: "mmoe(experts=4, gate=task)"; `alsim models` lists '
        "them. auto: mlp for one modality, else three-head.",
        often=True,
        completes="models",
    )


@dataclass(frozen=True, kw_only=True)
class QueryOptions:
    """How much is paid and queried, and when a run ends."""

    heading: ClassVar = "What to run"

    budget: float | None = option(
        None,
        "All that may be paid, validation labels included, in units of cost: a label costs 1 "
        "unless prices say otherwise. What is not asked for is planned: a tenth for validation, a "
        "tenth to start with, the rest in about 45 queries.",
        within=Range(above=0, below=HIGHEST_PRICE, usual="3000, say"),
        otherwise="as the sizes make it",
        often=True,
    )
    validation_size: Option[str | int | None, ValidationSize] = parsed(
        None,
        parse_validation_size,
        "Number of validation labels, which are paid for and end the passive phase: a random "
        "sample of the validation split, else of train. 0: none, so that training takes "
        f"--max-epochs, then {UNSTOPPED_EPOCHS} by default; free: the whole split, else a "
        "stratified sample, for which nobody pays, as published studies have it.",
        otherwise="a tenth of the budget, else as many as initial labels, of train at most a tenth",
    )
    query_size: Option[str | int | QuerySize | None, QuerySize | None] = parsed(
        None,
        parse_query_size,
        "Number of labels in each query, or a geometric growth such as 20:200; with several tasks "
        "of objects or cells, see --unit.",
        otherwise="by the budget, else 20",
        often=True,
    )
    steps: int | None = option(
        None,
        "Number of queries.",
        within=Range(least=1, most=1_000_000),
        otherwise="as the budget allows, else 100, fewer in a small pool; 50 in the made-up one",
        often=True,
    )
    until: Option[str | Until | None, Until] = parsed(
        None,
        parse_until,
        "End of the run, instead of --steps: exhausted, accuracy=X (of validation) or labels=N.",
        often=True,
    )


@dataclass(frozen=True, kw_only=True)
class ScheduleOptions(InitialOptions, QueryOptions):
    """The sizes as asked for; None takes the default, which shrinks with the pool."""


@dataclass(frozen=True, kw_only=True)
class CurvesOptions(
    StartOptions, QueryOptions, TaskOptions, PriceOptions, RetrainOptions, LookOptions
):
    """All that can be chosen about a run of learning curves."""

    heading: ClassVar = "What to run"

    strategy: Option[str | Sequence[str], tuple[str, ...]] = parsed(
        ("margin",),
        parse_names,
        'Query strategies, comma-separated, such as "margin,bald(k=50)"; `alsim strategies` lists '
        "them. path/to/file.py:name is one of your own.",
        often=True,
        completes="strategies",
        repeat=True,
    )
    baseline: str = option(
        "random",
        "Strategy that the others are compared with, which joins them; none: no such strategy.",
        often=True,
    )
    ceiling: bool = option(
        False,
        "Also train on all labels of the pool, once a seed, to see what labels can bring at most; "
        "it costs nothing and is no strategy.",
        often=True,
    )
    candidates: int | None = option(
        None,
        "Maximum number of rows that a strategy considers, drawn again each step.",
        within=Range(least=1),
        otherwise="all, fewer where the cost would grow too fast",
    )
    unit: Unit | None = option(
        None,
        "With several tasks, what a query asks for. object: all of its labels; cell: one label.",
        otherwise="object",
    )
    combine: Combination | None = option(
        None,
        "With several tasks, how their scores become one order: mean, max, sum of ranks, "
        "reciprocal ranks (rrf); or the tasks pick in turn, one a step (alternating), or each its "
        "share of every query (quotas).",
        otherwise="mean",
    )
    committee: Members | None = option(
        None,
        "What the members of a committee differ in: dropped units, or draws of multi-cluster's "
        "gates.",
        otherwise="dropout",
    )
