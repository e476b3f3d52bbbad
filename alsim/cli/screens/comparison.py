"""What `alsim compare` shows, and `alsim run` at its end: the answer, a table, what it rests on."""

from collections.abc import Mapping

from alsim.analysis.curves.answer import headline
from alsim.analysis.curves.comparison import Comparison
from alsim.cli.screens.comparison_tables import pair_table, strategy_table, win_table
from alsim.cli.screens.comparison_words import (
    explanations,
    main_verdicts,
    ordered_verdicts,
    verdict_sentence,
)
from alsim.cli.screens.output import print_gap, print_lines
from alsim.cli.screens.tables import TextTable, print_table
from alsim.store.curves import Run


def print_comparison(found: Comparison, run: Run, *, with_details: bool) -> None:
    """Print strategies compared to stdout, of one or more runs; `run` is the one named first."""
    print_answer(found)
    shown = ordered_verdicts(found) if with_details else main_verdicts(found)
    left = len(found.verdicts) - len(shown)
    sentences = [verdict_sentence(verdict) for verdict in shown]
    sentences += [f"and {left} more pair{'s' * (left > 1)}: --details"] * bool(left)
    if sentences:
        print_lines([*sentences, ""])
    if with_details and shown:
        print_lines(["what only describes, and decides nothing:"])
        _print_apart(pair_table(found, with_verdicts=False))
        print_table(win_table(found))
        print_gap()
    print_lines(basis(found, run))


def print_answer(found: Comparison, more: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """Print the answer in a sentence, and the strategies; `more` is that of `strategy_table`."""
    print_lines([headline(found)])
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
