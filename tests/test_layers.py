"""The architecture: a module imports only from rows above its own; see docs/architecture.md."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1] / "alsim"

ROWS = [
    {"errors", "escaping", "lazy", "measures", "shuffling"},
    {"loading", "parameters", "metrics", "paths", "seeding"},
    {"contributions", "options"},
    {"models"},
    {"pool"},
    {"training", "signals", "oracle"},
    {"strategies"},
    {"experiments", "testing"},
    {"analysis"},
    {"store", "recipes", "plots", "studies"},
    {"cli"},
]
KINDS = {"curves", "correlation", "training"}
RANK = {name: rank for rank, names in enumerate(ROWS) for name in names}
# Studies must store their records, so they may use store, and `alsim.plot` reads what it draws. A
# recipe runs, stores and draws.
WITHIN = {
    ("studies", "plots"),
    ("studies", "store"),
    ("recipes", "studies"),
    ("recipes", "plots"),
    ("recipes", "store"),
    ("signals", "training"),
}


def imported(path: Path) -> set[str]:
    """Return the modules of alsim that a file imports at any depth."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name.split(".")[1] for name in names if name.startswith("alsim.")} & set(RANK)


def test_every_part_of_the_package_has_a_row() -> None:
    parts = {p.stem for p in ROOT.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert parts - {"__init__", "__main__"} <= set(RANK)


def test_a_module_imports_only_from_rows_above_its_own() -> None:
    wrong: list[str] = []
    for path in ROOT.rglob("*.py"):
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if part not in RANK:
            continue
        wrong += [
            f"{path.relative_to(ROOT)} imports {name}"
            for name in imported(path)
            if name != part and RANK[name] >= RANK[part] and (part, name) not in WITHIN
        ]
    assert wrong == []


# Passive training can train on what a run queried: it reads the folder of that run, and no more.
BETWEEN = {("studies/training/queried.py", "curves")}


def kind_of(path: Path) -> str | None:
    """Return the kind of study of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if len(parts) > 1 and parts[1] in KINDS and parts[0] != "options" else None


def kinds_imported(path: Path) -> set[str]:
    """Return the kinds of study whose modules a file imports."""
    modules = {
        node.module
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    parts = [name.split(".") for name in modules if name.startswith("alsim.")]
    return {part[2] for part in parts if len(part) > 2 and part[1] != "options"} & KINDS


def test_no_kind_of_study_imports_another() -> None:
    wrong: list[str] = []
    seen: set[str] = set()
    for path in ROOT.rglob("*.py"):
        if (kind := kind_of(path)) is None:
            continue
        seen.add(kind)
        name = path.relative_to(ROOT).as_posix()
        wrong += [
            f"{name} imports {other}"
            for other in kinds_imported(path) - {kind}
            if not any(name.startswith(begin) and other == of for begin, of in BETWEEN)
        ]
    assert wrong == []
    assert seen == KINDS


def test_code_shared_by_curves_and_correlation_imports_neither() -> None:
    wrong = {
        path.name: kinds
        for path in (ROOT / "studies" / "start").glob("*.py")
        if (kinds := {part for part in studies_imported(path) if part in KINDS})
    }
    assert wrong == {}


def studies_imported(path: Path) -> set[str]:
    """Return the parts of `alsim.studies` that a file imports."""
    modules = [
        (node.module or "").split(".")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    ]
    return {parts[2] for parts in modules if len(parts) > 2 and parts[1] == "studies"}


def test_only_the_command_line_imports_typer_and_rich() -> None:
    users = {
        path.relative_to(ROOT).parts[0]
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").split(".")[0] in ("typer", "rich")
        )
        or (
            isinstance(node, ast.Import)
            and any(a.name.split(".")[0] in ("typer", "rich") for a in node.names)
        )
    }
    assert users == {"cli"}
