"""What can be chosen about an oracle, and what it comes to on a pool."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alsim.errors import UsageError

OracleKind = Literal["perfect", "noisy", "annotators", "hierarchical"]

HIGHEST_PRICE = 1e12  # so that the sum over a run stays exact to a part of a unit

# Which oracles each option is for.
_FOR: Mapping[str, tuple[OracleKind, ...]] = {
    "--noise": ("noisy", "annotators"),
    "--confusion": ("noisy",),
    "--answers": ("annotators",),
    "--groups": ("hierarchical",),
    "--max-questions": ("hierarchical",),
}


@dataclass(frozen=True, slots=True)
class OracleOptions:
    """Who answers, how well and at what price."""

    kind: OracleKind = "perfect"
    noise: tuple[float, ...] = ()  # error rates: of the noisy oracle, or one an annotator
    confusion: Path | None = None  # CSV or JSON, instead of one error rate
    answers: int | None = None  # annotators that answer each object; None: all
    groups: Path | None = None  # JSON or TOML, group -> classes
    max_questions: int | None = None  # about one object; None: until its class is known
    price: float = 1.0  # of one question
    read_price: float | None = None  # of an object, once, whatever is asked about it; None: 0
    task_prices: Mapping[str, float] | None = None  # instead of `price`, for some of the tasks


def oracle_faults(options: OracleOptions) -> list[UsageError]:
    """Return what is wrong with the options, as far as no file must be read for it."""
    kind, faults = options.kind, list[UsageError]()

    def fault(what: str, where: str, mend: str) -> None:
        faults.append(UsageError(what, where, mend))

    given = {
        "--noise": options.noise or None,
        "--confusion": options.confusion,
        "--answers": options.answers,
        "--groups": options.groups,
        "--max-questions": options.max_questions,
    }
    for flag, value in given.items():
        if value is not None and kind not in _FOR[flag]:
            mend = f"leave it out, or add --oracle {' or '.join(_FOR[flag])}"
            fault(f"the {kind} oracle has no use for {flag}", flag, mend)
    if kind == "noisy" and bool(options.noise) == (options.confusion is not None):
        mend = "give one error rate, --noise 0.1, or a matrix, --confusion FILE"
        fault("the noisy oracle wants either one error rate or a matrix", "--oracle noisy", mend)
    if kind == "noisy" and len(options.noise) > 1:
        mend = "give one, or add --oracle annotators"
        fault("the noisy oracle has one error rate", "--noise", mend)
    if kind == "annotators" and not options.noise:
        mend = "give one for each annotator: --noise 0.05,0.1,0.3"
        fault("the annotators have no error rates", "--oracle annotators", mend)
    if kind == "hierarchical" and options.groups is None:
        mend = "give a JSON or TOML file of groups and their classes: --groups FILE"
        fault("the hierarchical oracle needs groups", "--oracle hierarchical", mend)
    for rate in options.noise:
        if not 0 <= rate <= 1:
            fault(f"an error rate of {rate:g} is not a share", "--noise", "0 ≤ rate ≤ 1")
    if kind == "annotators" and options.answers is not None and options.noise:
        n = len(options.noise)
        if not 1 <= options.answers <= n:
            what = f"{options.answers} answers an object cannot come from {n} annotators"
            fault(what, "--answers", f"ask for 1 to {n}, or name more error rates")
    if options.max_questions is not None and options.max_questions < 1:
        fault(f"{options.max_questions} is too small", "--max-questions", "ask for at least 1")
    prices = {f"--task-price {name}": price for name, price in (options.task_prices or {}).items()}
    for flag, price in {"--price": options.price, **prices}.items():
        if not 0 < price < HIGHEST_PRICE:
            what = f"a price of {price:g} is not between 0 and {HIGHEST_PRICE:g}"
            fault(what, flag, "give what one question costs; 1 counts questions")
    if not 0 <= (options.read_price or 0) < HIGHEST_PRICE:
        what = f"a price of {options.read_price:g} is not between 0 and {HIGHEST_PRICE:g}"
        mend = "give what reading an object costs; 0 where labels pay for it"
        fault(what, "--read-price", mend)
    return faults
