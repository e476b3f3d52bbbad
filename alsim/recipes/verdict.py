"""A finding of a source, and what became of it in a recipe's studies."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from alsim.analysis.statistics.intervals import ALPHA, interval_text
from alsim.analysis.statistics.mean_test import MeanTest, t_test
from alsim.analysis.statistics.paired import Outcome


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of the source, to be tested."""

    says: str  # in words


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a finding in one study, or between studies: then `study` is empty."""

    study: str
    claim: Finding
    outcome: Outcome
    numbers: str  # in words
    facts: Mapping[str, Any]  # the numbers, as JSON values

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        return {
            **asdict(self.claim),
            "study": self.study,
            "outcome": self.outcome,
            "numbers": self.numbers,
            **self.facts,
        }


def verdict_on(
    study: str,
    claim: Finding,
    outcome: Outcome,
    measured: str,
    per_seed: Mapping[int, float],
    remark: str = "",
    form: str = "+.4f",
    facts: Mapping[str, Any] | None = None,
) -> Verdict:
    """Return the verdict on differences that were tested over seeds.

    `measured` says what they are, and `form` how they are written; without any there is no test.
    """
    test = None
    text = f"{measured}: {remark}"
    if per_seed:
        test = t_test(np.array(list(per_seed.values())))
        p = "" if test.p is None else f", p = {test.p:.2g}" if test.p >= 1e-4 else ", p < 0.0001"
        seeds = f"{test.n} seed{'s' if test.n > 1 else ''}"
        text = f"{measured}: {with_interval(test, form)}{p}, {seeds}"
        text += f"; {remark}" if remark else ""
    found = {
        "test": None if test is None else asdict(test),
        "per_seed": {str(seed): value for seed, value in per_seed.items()},
    }
    return Verdict(study, claim, outcome, text, {**found, **(facts or {})})


def with_interval(test: MeanTest, form: str) -> str:
    """Return a mean with a sign, and the half width of its interval."""
    return interval_text(test, form.removeprefix("+"), form)


def method_of_tests(verdicts: Sequence[Verdict]) -> str:
    """Return how findings were tested, in words."""
    n = len(verdicts)
    text = f"each is tested alone, by a two-sided t-test over paired seeds at {100 * ALPHA:.0f} %"
    return f"{text}, not corrected for there being {n}" if n > 1 else text
