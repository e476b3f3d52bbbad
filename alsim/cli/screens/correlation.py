"""What a correlation study shows: a row a metric, what its columns mean, the paths."""

from pathlib import Path
from typing import Any

from alsim.analysis.correlation import RAW, Correlation, Interval
from alsim.analysis.manifest import value_at
from alsim.cli.screens.output import (
    NOTHING,
    print_gap,
    print_json,
    print_lines,
    print_remarks,
    quoted,
    reporting,
)
from alsim.cli.screens.tables import TextTable, print_table
from alsim.experiments.correlation import CONTROL
from alsim.store.correlation import CorrelationStudy

_LISTED = 5  # seeds whose ρ is shown one by one


def draw(study: CorrelationStudy, path: Path) -> None:
    """Draw the groups of each metric into a file; warnings go to stderr.

    Raises:
        UsageError: If it cannot be written.
    """
    from alsim.plots import save_figure
    from alsim.plots.scatter import draw_scatter

    drawing = draw_scatter(study.groups, study.correlations)
    save_figure(drawing.figure, path)
    print_remarks("warning", drawing.warnings)


def print_correlation(
    study: CorrelationStudy, *, as_json: bool, picture: Path | None = None
) -> None:
    """Print a correlation study to stdout."""
    with reporting(study.folder, f"print it again: alsim resume {quoted(study.folder)}"):
        if as_json:
            print_json(_as_json(study, picture))
        else:
            _print_text(study, picture)


def answer(study: CorrelationStudy) -> str:
    """Return for which scores the rows that are queried first teach more, and for which less."""
    by_sign: dict[int, list[str]] = {1: [], -1: [], 0: []}
    for found in study.correlations:
        if found.metric != CONTROL and not found.metric.endswith(RAW):
            by_sign[found.sign].append(found.metric)
    more, less, open_ = (", ".join(by_sign[sign]) for sign in (1, -1, 0))
    parts = [f"more by {more} (ρ > 0)"] * bool(more) + [f"less by {less} (ρ < 0)"] * bool(less)
    parts += [f"cannot tell by {open_}"] * bool(open_)
    return f"do rows that are queried first teach a copy more than the last? {'; '.join(parts)}"


def _meaning(study: CorrelationStudy) -> list[str]:
    """Return what a sign says about a strategy, and what it does not."""
    epochs = "1 epoch" if study.epochs == 1 else f"{study.epochs} epochs"
    strategies = [
        found.metric
        for found in study.correlations
        if found.metric != CONTROL and not found.metric.endswith(RAW)
    ]
    pool = value_at(study.manifest, "arguments", "pool")
    of_pool = f" --pool {quoted(pool)}" if isinstance(pool, str) else ""
    return [
        "a sign says what a group teaches by itself: with ρ > 0 the groups that the strategy puts "
        "first leave their copies more accurate than those it puts last, with ρ < 0 less",
        "a strategy with ρ < 0 may still save labels: a copy is trained on rows of one group "
        f"alone, all alike in score, for {epochs}; a run trains on the queried rows together with "
        "all labels before, step after step, and queries only the top of the order",
        f"which one saves labels: alsim run{of_pool} --strategy {quoted(','.join(strategies))}",
    ]


def _print_text(study: CorrelationStudy, picture: Path | None) -> None:
    print_lines([answer(study)])
    print_gap()
    print_table(
        TextTable(
            ["metric", "mean ρ", "over seeds", "p", "over groups", "p within", "ρ by seed"],
            [
                [
                    found.metric,
                    "undefined" if found.mean is None else f"{found.mean:+z.3f}",
                    _interval(found.fisher),
                    _p(found.p),
                    _interval(found.bootstrap),
                    _p(found.p_within),
                    _by_seed(found),
                ]
                for found in study.correlations
            ],
            right=(1, 3, 5),
            kept=(0, 1),
        ),
        title=f"{study.name}: a group's mean score and the accuracy of the copy trained on it",
        otherwise="add --json",
    )
    print_gap()
    print_lines([*_meaning(study), *_on_numbers(study), *_on_sizes(study), *_paths(study, picture)])


def _on_numbers(study: CorrelationStudy) -> list[str]:
    """Return what the columns mean, as far as they hold anything."""
    lines = [
        "ρ: Spearman's, of the groups' mean scores and their copies' accuracies; "
        "a score is higher for what is queried first"
    ]
    if any(found.metric.endswith("(raw)") for found in study.correlations):
        lines.append(
            "a margin comes with both signs, as the VK study does not say which it means: raw is "
            "the first probability less the second"
        )
    if any(rho is None for found in study.correlations for rho in found.rhos.values()):
        lines.append("undefined: all groups score the same, or all copies are equally accurate")
    over_groups = "over groups by bootstrap, what other groups of these seeds would give"
    over_seeds = "none over seeds, too few have a ρ or all agree"
    if any(found.fisher is not None for found in study.correlations):
        over_seeds = "over seeds, of the mean by Fisher's z, what other seeds would give"
    if any(len(found.rhos) > 1 for found in study.correlations):
        lines.append(f"95 % intervals: {over_seeds}; {over_groups}")
        lines.append(
            "p: tests a mean of 0 over starts, by Fisher's z over seeds, two-sided, not corrected "
            "for how many metrics there are"
        )
    else:
        lines.append("one start, so no p and no interval over seeds: add --seeds 5")
    lines.append(
        "p within: tests these starts alone, by permutation of their groups; where starts differ "
        "it is far too small for a mean over starts"
    )
    control = next((found for found in study.correlations if found.metric == CONTROL), None)
    if control is not None and control.null_seed is not None and control.null_mean is not None:
        n_seeds = sum(rho is not None for rho in control.rhos.values())
        mean = f", the mean of {n_seeds} in {_interval(control.null_mean)}"
        lines.append(
            f"null band: groups at random have a ρ in {_interval(control.null_seed)} with one "
            f"seed{mean if n_seeds > 1 else ''}, 95 times in 100"
        )
    return lines


def _on_sizes(study: CorrelationStudy) -> list[str]:
    """Return how large everything was; `alsim correlate` and `resume` show finished studies."""
    jobs = {(r["metric"], r["seed"]) for r in study.groups.select(["metric", "seed"]).to_pylist()}
    size, epochs = study.groups.column("n")[0].as_py(), study.epochs
    n_groups = study.groups.num_rows // len(jobs)
    trained = "1 epoch: with more" if epochs == 1 else f"{epochs} epochs: with this many"
    lines = [
        f"{n_groups:,} groups of {size:,} rows a metric and seed; the start knew "
        f"{study.initial_size:,} labels; accuracy on {study.n_evaluated:,} "
        f"{study.evaluation_split} rows",
        f"copies were trained for {trained} the signs can turn",
    ]
    if study.evaluation_split == "validation":
        lines.append("the pool has no test split: these rows also ended the passive phase")
    return lines


def _paths(study: CorrelationStudy, picture: Path | None) -> list[str]:
    see = f"see the groups: alsim plot {quoted(study.folder)} --kind scatter"
    return [
        f"wrote {study.folder}: run.json, groups and correlations (.parquet)",
        see if picture is None else f"figure: {picture}",
    ]


def _by_seed(found: Correlation) -> str:
    """Return the ρ of each seed, or of many only how many there are."""
    if len(found.rhos) > _LISTED:
        return found.seeds_in_words
    shown = ("undefined" if rho is None else f"{rho:+z.2f}" for rho in found.rhos.values())
    return " ".join(shown)


def _p(p: float | None) -> str:
    return NOTHING if p is None else f"{p:.2g}"


def _interval(interval: Interval | None) -> str:
    return NOTHING if interval is None else f"{interval[0]:+z.2f} … {interval[1]:+z.2f}"


def _as_json(study: CorrelationStudy, picture: Path | None) -> dict[str, Any]:
    return {
        "study": str(study.folder),
        "status": study.status,
        "evaluation_split": study.evaluation_split,
        "n_evaluated": study.n_evaluated,
        "initial_size": study.initial_size,
        "epochs": study.epochs,
        "answer": answer(study),
        "figure": None if picture is None else str(picture),
        "correlations": {
            found.metric: {
                "rhos": {str(seed): rho for seed, rho in found.rhos.items()},
                "mean": found.mean,
                "sign": found.sign,
                "over_seeds": found.fisher,
                "over_groups": found.bootstrap,
                "p": found.p,
                "p_within": found.p_within,
                "null_band_of_mean": found.null_mean,
                "null_band_of_one_seed": found.null_seed,
                "is_within_null_band": found.is_within_null,
            }
            for found in study.correlations
        },
    }
