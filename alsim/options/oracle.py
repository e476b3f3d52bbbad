"""What can be chosen about an oracle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from alsim.errors import AlsimError
from alsim.options.faults import Faults
from alsim.options.option import Option, Range, option, parsed
from alsim.options.texts import parse_path, parse_rates, parse_shares

OracleKind = Literal["perfect", "noisy", "annotators", "hierarchical"]

HIGHEST_PRICE = 1e12  # so that the sum over a run stays exact to a part of a unit
_PRICE = Range(above=0, below=HIGHEST_PRICE, usual="1 counts questions")

# The oracles that each option is for.
_FOR: Mapping[str, tuple[OracleKind, ...]] = {
    "--noise": ("noisy", "annotators"),
    "--confusion": ("noisy",),
    "--answers": ("annotators",),
    "--groups": ("hierarchical",),
    "--max-questions": ("hierarchical",),
}
ORACLE_FLAGS = ("--oracle", *_FOR)


@dataclass(frozen=True, kw_only=True)
class AnswerOptions:
    """Who answers, and how well."""

    heading: ClassVar = "Oracle"

    oracle: OracleKind = option(
        "perfect",
        "Who answers. perfect: always right; noisy: errs; annotators: the majority of several; "
        "hierarchical: yes or no to groups of classes, then to classes.",
    )
    noise: Option[str | float | Sequence[float] | None, tuple[float, ...]] = parsed(
        None,
        parse_rates,
        "Error rate of the noisy oracle, or one for each annotator: 0.05,0.1,0.3.",
        within=Range(least=0, most=1),
    )
    confusion: Option[str | Path | None, Path | None] = parsed(
        None,
        parse_path,
        "CSV or JSON file: how often the noisy oracle takes one class (row) for another.",
    )
    answers: int | None = option(None, "Annotators that answer each object.", otherwise="all")
    groups: Option[str | Path | None, Path | None] = parsed(
        None, parse_path, "JSON or TOML file: groups of the hierarchical oracle and their classes."
    )
    max_questions: int | None = option(
        None,
        "Maximum number of questions about one object.",
        within=Range(least=1),
        otherwise="until its class is known",
    )


@dataclass(frozen=True, kw_only=True)
class PriceOptions:
    """What answers cost."""

    heading: ClassVar = "Oracle"

    price: float = option(1.0, "Price of one question.", within=_PRICE)
    task_price: Option[Sequence[str] | Mapping[str, float], Mapping[str, float]] = parsed(
        (),
        partial(parse_shares, flag="--task-price"),
        "With several tasks: price of one task's label, such as gender=0.5; repeat it for several.",
        within=_PRICE,
        repeat=True,
    )
    read_price: float | None = option(
        None,
        "Price of reading an object, paid once, whatever is asked about it.",
        within=Range(least=0, below=HIGHEST_PRICE),
        otherwise="0",
    )


@dataclass(frozen=True, kw_only=True)
class OracleOptions(AnswerOptions, PriceOptions):
    """Who answers, how well and at what price."""


def oracle_faults(options: OracleOptions) -> list[AlsimError]:
    """Return what is wrong with the options, as far as no file must be read for it."""
    kind, faults = options.oracle, Faults()
    for flag, kinds in _FOR.items():
        value = getattr(options, flag.removeprefix("--").replace("-", "_"))
        if value not in (None, ()) and kind not in kinds:
            mend = f"leave it out, or add --oracle {' or '.join(kinds)}"
            faults.add(f"the {kind} oracle has no use for {flag}", flag, mend)
    if kind == "noisy" and bool(options.noise) == (options.confusion is not None):
        what = "the noisy oracle wants either one error rate or a matrix"
        mend = "give one error rate, --noise 0.1, or a matrix, --confusion FILE"
        faults.add(what, "--oracle noisy", mend)
    if kind == "noisy" and len(options.noise) > 1:
        mend = "give one, or add --oracle annotators"
        faults.add("the noisy oracle has one error rate", "--noise", mend)
    if kind == "annotators" and not options.noise:
        mend = "give one for each annotator: --noise 0.05,0.1,0.3"
        faults.add("the annotators have no error rates", "--oracle annotators", mend)
    if kind == "hierarchical" and options.groups is None:
        mend = "give a JSON or TOML file of groups and their classes: --groups FILE"
        faults.add("the hierarchical oracle needs groups", "--oracle hierarchical", mend)
    if kind == "annotators" and options.answers is not None and options.noise:
        n = len(options.noise)
        if not 1 <= options.answers <= n:
            what = f"{options.answers} answers an object cannot come from {n} annotators"
            faults.add(what, "--answers", f"ask for 1 to {n}, or name more error rates")
    return faults.kept
