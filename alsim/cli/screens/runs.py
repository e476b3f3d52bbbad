"""The runs in `runs/` as a table, and the settings in which some differ."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from alsim.cli.screens.output import NOTHING, print_json, print_lines, quoted
from alsim.cli.screens.tables import TextTable, print_table
from alsim.store.runs import RUNS, run_folders
from alsim.studies.overview import differences, in_words, overview

_SHOWN = 20
_COMPARED = 3  # strategies or models that are named in a cell


def print_runs(folders: Sequence[Path] | None, *, every: bool, as_json: bool) -> None:
    """Print a row for each run: those in `runs/`, the latest first, or the one that is named.

    Raises:
        StoreError: If the one that is named cannot be read.
    """
    there = folders or run_folders()
    shown = there if every else there[:_SHOWN]
    found = [overview(folder) for folder in shown]
    if as_json:
        print_json([asdict(each) for each in found])
        return
    if not found:
        print_lines([f"no runs in {RUNS}/ here; make one: alsim run --pool FILE"])
        return
    headers = ["run", "found", "state", "date", "compares", "seeds", "pool", "kind"]
    rows = [
        [
            each.run,
            each.answer or NOTHING,
            each.state,
            each.date,
            _shortened(each.compared) or NOTHING,
            in_words(each.seeds) if each.seeds else NOTHING,
            each.pool or NOTHING,
            each.kind or NOTHING,
        ]
        for each in found
    ]
    print_table(TextTable(headers, rows, kept=(0, 1, 2), prose=(1, 4)), otherwise="add --json")
    n_more = len(there) - len(shown)
    lines = [f"and {n_more} more: alsim runs --all"] * bool(n_more)
    alike = [each.run for each in found if each.kind == found[0].kind][:2]
    if len(alike) == 2:
        lines.append(f"in what two differ: alsim runs {' '.join(map(quoted, alike))}")
    print_lines(lines)


def print_differences(folders: list[Path], *, as_json: bool) -> None:
    """Print the settings in which runs differ, a row for each.

    Raises:
        StoreError: If one cannot be read.
    """
    found = differences(folders)
    if as_json:
        print_json({"runs": list(map(str, folders)), "differences": found})
        return
    if not found:
        print_lines(["they have the same settings, pool, seeds and versions"])
        return
    names = [folder.name or str(folder) for folder in folders]
    columns = names if len(set(names)) == len(names) else list(map(str, folders))
    rows = [[name, *each] for name, each in found.items()]
    everywhere = tuple(range(len(columns) + 1))
    print_table(TextTable(["setting", *columns], rows, kept=everywhere, prose=everywhere[1:]))


def _shortened(names: Sequence[str]) -> str:
    more = len(names) - _COMPARED
    return ", ".join(names[:_COMPARED]) + (f" +{more}" if more > 0 else "")
