"""From the options of an oracle and the files they name to the oracle's plan."""

import csv
import io
import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from alsim.errors import UsageError, nearest
from alsim.options.oracle import OracleOptions
from alsim.options.types import shown
from alsim.oracle.plan import OraclePlan

_SHOWN = 6  # faults of one file that are listed
_CONFUSION = (
    "give CSV with the answered classes in the header and the true class first in each row, or "
    'JSON as {"true class": {"answered class": probability}}; each row sums to 1'
)
_GROUPS = 'give JSON as {"group": ["class", …]}, or TOML as group = ["class", …]'


def plan_oracle(options: OracleOptions, classes: Sequence[str]) -> OraclePlan:
    """Return the oracle of a pool with these classes, its files read.

    Raises:
        UsageError: If a file cannot be read, or does not fit the classes; names every fault.
    """
    confusion = options.confusion and read_confusion(options.confusion, classes)
    return OraclePlan(
        kind=options.oracle,
        noise=options.noise,
        confusion=confusion,
        answers=options.answers,
        groups=read_groups(options.groups, classes) if options.groups else {},
        max_questions=options.max_questions,
        price=options.price,
        read_price=options.read_price or 0.0,
        task_prices=dict(options.task_price),
    )


def describe_oracle(
    plan: OraclePlan, options: OracleOptions, classes: Sequence[str]
) -> dict[str, Any]:
    """Return an oracle for a manifest, with the content of its files, which can change."""
    files = (options.confusion, options.groups)
    found = asdict(plan)
    for name in ("read_price", "task_prices"):
        if not found[name]:  # runs of earlier versions do not record it
            del found[name]
    return {
        **found,
        "groups": {name: [classes[i] for i in group] for name, group in plan.groups.items()},
        "files": [str(file) for file in files if file is not None],
    }


def read_confusion(path: Path, classes: Sequence[str]) -> tuple[tuple[float, ...], ...]:
    """Return the confusion matrix in a file, true class by answered class.

    Each class has a row and a column, in any order; each row sums to 1 within 1e-6.

    Raises:
        UsageError: If the file cannot be read, or holds something else.
    """
    if path.suffix.lower() == ".json":
        table = _parse(path, _parse_json, _CONFUSION)
    else:
        table = _parse(path, _parse_csv, _CONFUSION)
    if not isinstance(table, dict) or not all(isinstance(row, dict) for row in table.values()):
        raise _refusal(["it does not hold a row of numbers for each class"], path, _CONFUSION)
    faults = _names_faults("a row", list(table), classes)
    for true, row in table.items():
        of = f"the row of {true!r}"
        faults += _names_faults(f"in {of} a number", list(row), classes)
        wrong = [name for name, value in row.items() if not _is_probability(value)]
        if wrong:
            value = shown(row[wrong[0]])
            faults.append(f"{of} has {value} for {wrong[0]!r}, which is no probability")
        elif abs(sum(row.values()) - 1) > 1e-6:
            faults.append(f"{of} sums to {sum(row.values()):.6g}, not to 1")
    if faults:
        raise _refusal(faults, path, _CONFUSION)
    return tuple(tuple(float(table[true][said]) for said in classes) for true in classes)


def read_groups(path: Path, classes: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the groups in a file, name -> numbers of its classes.

    A class that no group names becomes a group of its own, under its own name.

    Raises:
        UsageError: If the file cannot be read, names a class twice or an unknown one, or gives a
            group of several classes the name of a class.
    """
    is_toml = path.suffix.lower() == ".toml"
    table = _parse(path, tomllib.loads if is_toml else _parse_json, _GROUPS)
    if not isinstance(table, dict) or not all(isinstance(names, list) for names in table.values()):
        raise _refusal(["it does not hold a list of classes for each group"], path, _GROUPS)
    number = {name: i for i, name in enumerate(classes)}
    faults: list[str] = []
    seen: dict[str, str] = {}
    groups: dict[str, tuple[int, ...]] = {}
    for group, members in table.items():
        # Classes that are numbers may be written as such.
        names = [name if isinstance(name, str) else shown(name) for name in members]
        if not names:
            faults.append(f"the group {group!r} is empty")
        if group in number and names != [group]:
            faults.append(f"the group {group!r} has the name of a class")
        for name in names:
            if name not in number:
                faults.append(f"there is no class {name!r}; {nearest(name, classes)}")
            elif name in seen:
                where = f"in {seen[name]!r} and in {group!r}" if seen[name] != group else "twice"
                faults.append(f"the class {name!r} is named {where}")
            seen[name] = group
        groups[group] = tuple(number[name] for name in names if name in number)
    if faults:
        raise _refusal(faults, path, _GROUPS)
    return groups | {name: (i,) for name, i in number.items() if name not in seen}


def _parse(path: Path, parse: Callable[[str], Any], mend: str) -> Any:
    """Return what a text file holds, as `parse` reads it."""
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        what = f"the file cannot be read: {error.strerror or error}"
        raise UsageError(what, str(path), mend) from error
    except RecursionError:
        raise UsageError("the file cannot be read: nested too deeply", str(path), mend) from None
    except (ValueError, csv.Error) as error:  # JSON's, TOML's and UTF-8's errors are ValueErrors
        raise UsageError(f"the file cannot be read: {error}", str(path), mend) from error


def _parse_json(text: str) -> Any:
    """Return what JSON holds; of a repeated name, json would silently drop one."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise ValueError(f"{name!r} stands there twice")
            found[name] = value
        return found

    return json.loads(text, object_pairs_hook=unique)


def _parse_csv(text: str) -> dict[str, dict[str, Any]]:
    """Return a table whose first row and column are names; cells are numbers, else text."""
    lines = [[cell.strip() for cell in line] for line in csv.reader(io.StringIO(text)) if line]
    (_, *names), *rows = lines or [[""]]
    for kind, found in (("column", names), ("row", [row[0] for row in rows])):
        twice = next((name for name in found if found.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two {kind}s are called {twice!r}")
    for row in rows:
        if len(row) != len(names) + 1:
            raise ValueError(f"the row of {row[0]!r} has {len(row) - 1} numbers, not {len(names)}")
    return {row[0]: dict(zip(names, map(_number, row[1:]), strict=True)) for row in rows}


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _is_probability(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value <= 1 + 1e-6


def _names_faults(what: str, names: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Return what is wrong with names that must be the classes, in any order."""
    missing = [name for name in classes if name not in set(names)]
    unknown = [name for name in names if name not in set(classes)]
    faults: list[str] = []
    if unknown:
        advice = nearest(unknown[0], classes)
        faults.append(f"there is no class {unknown[0]!r}{_others(unknown)}; {advice}")
    if missing:
        faults.append(f"{what} is missing for {missing[0]!r}{_others(missing)}")
    return faults


def _others(names: Sequence[str]) -> str:
    return f" and {len(names) - 1} others" if len(names) > 1 else ""


def _refusal(faults: Sequence[str], path: Path, mend: str) -> UsageError:
    """Return the distinct faults of a file as one error."""
    faults = list(dict.fromkeys(faults))
    if len(faults) == 1:
        return UsageError(faults[0], str(path), mend)
    shown = "".join(f"\n  {i}. {fault}" for i, fault in enumerate(faults[:_SHOWN], 1))
    more = f"\n  and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return UsageError(f"{len(faults)} faults:{shown}{more}", str(path), mend)
