"""How often each p of `alsim correlate` is below .05 although the mean ρ over starts is 0.

    python -m benchmarks.correlate_p [--studies 20000] [--seed 0]

Each study has 3, 5 or 10 starts. A start has a true ρ of its own, from a normal distribution of
mean 0 and a deviation of 0, .2 or .4 (cut at ±.95), and 100 groups, whose scores and accuracies are
normal with that correlation. `p` tests the mean of Fisher's z over the starts; `p within` shuffles
the groups of each start, and so asks whether score and accuracy are unrelated in these starts.
"""

import argparse
from itertools import product

import numpy as np
from numpy.typing import NDArray

from alsim.analysis.correlation import fisher_test, permutation_p, permuted_rhos
from alsim.analysis.statistics.paired import ALPHA
from alsim.seeding import stream
from benchmarks.common import parse_arguments, ran_on

N_GROUPS = 100
STARTS = (3, 5, 10)
SPREADS = (0.0, 0.2, 0.4)
MOST = 0.95
N_PERMUTATIONS = 39_999


def studies(n: int, starts: int, spread: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return Spearman's ρ of each start of each study, `(n, starts)`."""
    rho = np.clip(rng.normal(0, spread, (n, starts, 1)), -MOST, MOST)
    scores, noise = rng.normal(size=(2, n, starts, N_GROUPS))
    accuracies = rho * scores + np.sqrt(1 - rho**2) * noise
    first, second = (each.argsort(-1).argsort(-1) for each in (scores, accuracies))
    apart = ((first - second) ** 2).sum(-1)
    return 1 - 6 * apart / (N_GROUPS**3 - N_GROUPS)


def null_means(starts: int, seed: int) -> NDArray[np.float64]:
    """Return mean ρ of shuffled groups: without ties they are the same for every study."""
    ranks = np.arange(float(N_GROUPS))
    generator = stream(seed, "correlate_p", starts)
    return permuted_rhos([(ranks, ranks)] * starts, N_PERMUTATIONS, generator=generator).mean(0)


def rejected(rhos: NDArray[np.float64], null: NDArray[np.float64]) -> tuple[float, float]:
    """Return the share of studies with p below .05, over starts and within them."""
    over = within = 0
    for study in rhos:
        found = fisher_test(study, [N_GROUPS] * len(study))
        over += found is not None and found[1] < ALPHA
        within += permutation_p(float(study.mean()), null) < ALPHA
    return over / len(rhos), within / len(rhos)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20_000, help="of each row")
    parser.add_argument("--seed", type=int, default=0)
    asked = parse_arguments(parser, studies=20)
    print(f"{ran_on()}\n")
    rng = np.random.default_rng(asked.seed)
    error = np.sqrt(ALPHA * (1 - ALPHA) / asked.studies)
    print(f"{asked.studies:,} studies a row; ± {error:.4f}, one standard error of a share of .05\n")
    print("| starts | spread of their ρ | p over starts | p within |\n| --- | --- | --- | --- |")
    nulls = {starts: null_means(starts, asked.seed) for starts in STARTS}
    for starts, spread in product(STARTS, SPREADS):
        found = studies(asked.studies, starts, spread, rng)
        over, within = rejected(found, nulls[starts])
        print(f"| {starts} | {spread:.1f} | {over:.3f} | {within:.3f} |", flush=True)


if __name__ == "__main__":
    main()
