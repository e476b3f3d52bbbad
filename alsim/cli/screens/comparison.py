"""What `alsim compare` shows, and `alsim run` at its end: the answer, a table, what it rests on."""

from collections.abc import Mapping

from alsim.analysis.curves.answer import at_end_words, headline
from alsim.analysis.curves.comparison import Comparison
from alsim.cli.screens.comparison_tables import (
    alone_table,
    ordered_verdicts,
    pair_table,
    strategy_table,
    win_table,
)
from alsim.cli.screens.comparison_words import (
    explanations,
    parts_sentence,
    verdict_sentence,
)
from alsim.cli.screens.output import print_gap, print_lines
from alsim.cli.screens.tables import TextTable, print_table
from alsim.store.curves import Run

DESCRIPTIVE = "what only describes, and decides nothing; each interval is 95 % for itself alone:"


def print_comparison(found: Comparison, run: Run, *, with_details: bool) -> None:
    """Print strategies compared to stdout, of one or more runs; `run` is the one named first."""
    print_answer(found)
    # The table has the verdicts against the baseline; those on other pairs stand nowhere else.
    verdicts = ordered_verdicts(found) if with_details or found.all_pairs else []
    sentences = [verdict_sentence(each) for each in verdicts]
    if with_details:
        parts = map(parts_sentence, verdicts)
        sentences = [line for both in zip(sentences, parts, strict=True) for line in both if line]
    if sentences:
        print_lines([*sentences, ""])
    if with_details and verdicts:
        print_lines([DESCRIPTIVE])
        _print_apart(alone_table(found))
        print_table(pair_table(found, with_verdicts=False))
        print_gap()
        if found.all_pairs:
            print_table(win_table(found))
            print_gap()
    print_lines(basis(found, run))


def print_answer(found: Comparison, more: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """Print the answer in a sentence, and the strategies; `more` is that of `strategy_table`."""
    print_lines([*filter(None, [headline(found), at_end_words(found)])])
    _print_apart(strategy_table(found, more))


def basis(found: Comparison, run: Run) -> list[str]:
    """Return what the numbers are, and of which rows."""
    n_evaluated, of, is_mean = _measured_on(run, found.task)
    return explanations(found, run.evaluation_split, n_evaluated, of, is_mean)


def _print_apart(table: TextTable) -> None:
    print_gap()
    print_table(table, otherwise="add --json")
    print_gap()


def _measured_on(run: Run, task: str | None) -> tuple[int, str, bool]:
    """Return on how many rows, of what, and whether that is the mean of several tasks."""
    tasks = run.manifest.get("tasks")
    if not isinstance(tasks, Mapping):
        return run.n_evaluated, "", False
    if task is None:
        return run.n_evaluated, f"mean over {len(tasks)} tasks: ", True
    return int(tasks[task]["n_evaluated"]), f"{task}: ", False
