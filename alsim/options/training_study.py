"""What can be chosen about passive training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from alsim.options.engine import EngineOptions, FolderOptions
from alsim.options.model import MOVED
from alsim.options.option import Option, Range, option, parsed
from alsim.options.pool import ColumnOptions, SourceOptions, TaskOptions
from alsim.options.texts import parse_fractions, parse_names, parse_path, parse_seeds
from alsim.options.training import FitOptions


@dataclass(frozen=True, kw_only=True)
class TrainOptions(
    SourceOptions, FolderOptions, ColumnOptions, TaskOptions, FitOptions, EngineOptions
):
    """All that can be chosen about passive training."""

    heading: ClassVar = "What to run"
    moved: ClassVar = MOVED

    model: Option[str | Sequence[str], tuple[str, ...]] = parsed(
        ("shared-bottom", "mmoe"),
        parse_names,
        'Models, comma-separated, with parameters in brackets: "mmoe,multi-cluster(density=0)"; '
        "`alsim models` lists them.",
        often=True,
        completes="models",
        repeat=True,
    )
    fractions: Option[str | float | Sequence[float], tuple[float, ...]] = parsed(
        1.0, parse_fractions, "Shares of the labels to train on: 0.05,0.25,1.", often=True
    )
    seeds: Option[str | int | Sequence[int] | None, tuple[int, ...] | None] = parsed(
        None,
        lambda value: None if value is None else parse_seeds(value),
        "Seeds: a count (5), a range (3..7) or a list (1,4).",
        otherwise="5, with --queries those of the run",
        often=True,
    )
    baseline: str | None = option(
        None,
        "Model that the others are compared with.",
        otherwise="the first; with --queries of several strategies, random labels",
        often=True,
        completes="models",
    )
    match_parameters: bool = option(
        False,
        "Give each model the width at which it has as many parameters as the first.",
        often=True,
    )
    evaluation: Option[str | Sequence[str], tuple[str, ...]] = parsed(
        "task-k",
        parse_names,
        "Which of multi-cluster's experts run once it is trained, comma-separated: task-k (each "
        "task's k likeliest, k = Σp), mean-k (one k for all), top-5 (five), round (p > ½), sample, "
        "all, soft (all, weighted by p). The first one stops the training.",
        repeat=True,
    )
    queries: Option[str | Path | None, Path | None] = parsed(
        None,
        parse_path,
        "Folder of a run: train on the labels that it queried, strategy by strategy, instead of on "
        "random labels. The pool is the run's.",
        often=True,
    )
    export_task: Option[str | Sequence[str], tuple[str, ...]] = parsed(
        (),
        parse_names,
        "Task whose net is cut out of each model of experts, as safetensors, for alsim.load_task; "
        "repeat it for several.",
        repeat=True,
    )
    max_epochs: int = option(
        FitOptions.max_epochs, "Maximum epochs.", within=Range(least=1), often=True
    )
    patience: int = option(
        FitOptions.patience,
        "Epochs without a better validation loss, the mean over tasks, that end training.",
        within=Range(least=1),
        often=True,
    )
