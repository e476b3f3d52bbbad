"""README.md and the pages of docs/ are true of the code.

Quick: every command and snippet runs on small stand-ins for the pools that the pages name, with
sizes cut down. Slow: the outputs shown are those of `just docs`.
"""

import ast
import re
import shlex
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from make import lacking, outputs
from snippets import LANGUAGES, PAGES, ROOT, Block, blocks, pictures
from stand_ins import write_stand_ins
from typer.main import get_command
from typer.testing import CliRunner, Result

from alsim.cli.main import app
from alsim.recipes.file import recipe_names
from alsim.strategies import STRATEGIES

TEXTS = {name: path.read_text(encoding="utf-8") for name, path in PAGES.items()}
ALL = {**TEXTS} | {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in ("docs/architecture.md", "docs/reference.md", "CONTRIBUTING.md")
}
NAMED = re.compile(r"`((?:alsim|docs|tests|benchmarks|\.ci)/[\w./*-]*)`")
NUMBERS_DIFFER = ("alsim run", "alsim compare", "alsim correlate")  # in last digits, by processor

# Options that make a command small; what comes last counts.
STUDY = {"seeds": 2, "patience": 1, "learning_rate": 0.02, "workers": 0}
SIZES = {"initial_size": 30, "query_size": 5, "steps": 2}
SIZED_BY = {"until": "steps", "initial_ids": "initial_size"}
SMALL: dict[str, dict[str, object]] = {
    "run": STUDY,
    "correlate": {**STUDY, "initial_size": 30, "sample_size": 40, "group_size": 10},
    "train": STUDY,
    "pool synth vk": {"rows": 200, "picture_width": 4, "text_width": 4},
    "pool synth mmoe": {"rows": 120},
}


def small(command: str, given: set[str]) -> dict[str, object]:
    """Return the options that shrink a command with these options."""
    found = dict(SMALL.get(command, {}))
    if command == "run":
        if "budget" in given:
            ours = {"budget": 60, "price": 1, **SIZES}
            return found | {name: ours[name] for name in given & ours.keys()}
        left_out = {SIZED_BY[name] for name in given & SIZED_BY.keys()}
        found |= {name: size for name, size in SIZES.items() if name not in left_out}
    return found


def name_of(words: list[str]) -> str:
    """Return the command that words are of: `run`, or `pool import`."""
    group: Any = get_command(app)
    names: list[str] = []
    for word in words:
        if word not in getattr(group, "commands", {}):
            break
        group = group.commands[word]
        names.append(word)
    return " ".join(names)


def flags_of(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}


def known_flags(name: str) -> set[str]:
    found: Any = get_command(app)
    for word in name.split():
        found = found.commands[word]
    flags = {flag for parameter in found.params for flag in parameter.opts}
    return flags | {"--help", "--help-all"}


class Smaller(ast.NodeTransformer):
    """Gives the studies of a snippet the options of `small`."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(value=ast.Name(id="alsim"), attr=attribute) if attribute in SMALL:
                given = {keyword.arg for keyword in node.keywords if keyword.arg}
                ours = small(attribute, given)
                node.keywords = [each for each in node.keywords if each.arg not in ours] + [
                    ast.keyword(name, ast.Constant(value)) for name, value in ours.items()
                ]
            case _:
                pass
        return node


def alsim(words: list[str]) -> Result:
    """Run a command of alsim in this process, on small sizes."""
    name = name_of(words)
    flags = {flag.removeprefix("--").replace("-", "_") for flag in flags_of(words)}
    extra = [
        part
        for option, value in small(name, flags).items()
        for part in (f"--{option.replace('_', '-')}", str(value))
    ]
    return CliRunner().invoke(app, [*words, *extra])


def run_block(block: Block, names: dict[str, Any]) -> None:
    """Run a block of a page in the current folder; `names` are those of its Python."""
    if block.mark == "file":
        Path(block.of).write_text(block.text, encoding="utf-8")
    elif block.language == "python":
        tree = Smaller().visit(ast.parse(block.text))
        exec(compile(ast.fix_missing_locations(tree), "snippet", "exec"), names)
    elif block.language == "sql":
        import duckdb

        duckdb.sql(block.text).fetchall()
    for shown in block.commands:
        program, *words = shlex.split(shown.command)
        assert program == "alsim", f"mark it, as this test cannot run it: {shown.command}"
        done = alsim(words)
        assert done.exit_code == 0, f"{shown.command}\n{done.output}"
        assert "warning:" not in done.output, f"{shown.command}\n{done.output}"


def check_unrun(block: Block) -> None:
    """Hold a block that is not run to what can be known without running it."""
    if block.language == "python":
        ast.parse(block.text)
    for shown in block.commands:
        program, *words = shlex.split(shown.command)
        if program == "alsim":
            name = name_of(words)
            assert flags_of(words) <= known_flags(name), shown.command
            assert name != "recipe run" or words[2] in recipe_names(), shown.command


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stand-ins")
    write_stand_ins(folder)
    return folder


@pytest.fixture
def folder(stand_ins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Be in a folder with the stand-ins, whose modules can be imported."""
    for path in stand_ins.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("mine", None)


@pytest.mark.long
@pytest.mark.parametrize("page", TEXTS)
def test_every_command_and_snippet_of_a_page_runs(page: str, folder: Path) -> None:
    names: dict[str, Any] = {}
    for block in blocks(TEXTS[page]):
        assert block.language in LANGUAGES, f"a block without its language: {block.text[:60]}"
        is_here = block.mark != "needs" or find_spec(block.of) is not None
        if block.mark in ("not run", "test") or not is_here:
            check_unrun(block)
        elif block.mark != "later":
            run_block(block, names)
    made = {path.name for path in folder.rglob("*.png")}
    unrun = [block.text for block in blocks(TEXTS[page]) if block.mark in ("later", "not run")]
    for picture in pictures(TEXTS[page]):
        assert (ROOT / "docs" / "pictures" / picture).is_file()
        drawn = picture in made or f"--out {picture}" in "".join(unrun)
        assert drawn, f"no command of the page draws {picture}"


@pytest.mark.slow
@pytest.mark.parametrize("page", TEXTS)
def test_a_page_shows_what_its_commands_print(page: str, tmp_path: Path) -> None:
    missing = lacking(TEXTS[page])
    if missing:
        pytest.skip(f"{', '.join(missing)} not in ../shared/data")
    for block, printed in outputs(TEXTS[page], tmp_path):
        for old, new in zip(block.commands, printed, strict=True):
            if old.command.startswith(NUMBERS_DIFFER):
                words = re.compile(r"[a-z%]+")
                assert words.findall(old.output) == words.findall(new.output), old.command
            else:
                assert old.output == new.output, old.command


def test_the_readme_is_short_and_names_every_page() -> None:
    readme = TEXTS["README.md"]
    assert len(readme) <= 9000
    named = set(re.findall(r"\]\((docs/[\w-]+\.md)\)", readme))
    assert named == {name for name in ALL if name.startswith("docs/")}


@pytest.mark.parametrize("page", ALL)
def test_every_link_and_every_file_that_a_page_names_exists(page: str) -> None:
    text, here = ALL[page], (ROOT / page).parent
    for path, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
        target = (here / path).resolve() if path else ROOT / page
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{path}#{anchor}"
    named = NAMED.findall(text)
    assert [path for path in named if not list(ROOT.glob(path.rstrip("/")))] == []


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_the_page_of_strategies_lists_them_all_in_order() -> None:
    text = TEXTS["docs/strategies.md"]
    listed = re.findall(r"^\| `([^`=]+)` \|", text, re.MULTILINE)
    assert [name for name in listed if "-" not in name or name in STRATEGIES] == list(STRATEGIES)


def test_the_map_has_a_line_for_every_folder() -> None:
    text = ALL["docs/architecture.md"]
    folders = {path.parent.name for path in (ROOT / "alsim").glob("*/__init__.py")}
    assert {name for name in folders if f"| `alsim/{name}/` |" not in text} == set()


def test_files_in_the_route_of_an_option_exist() -> None:
    text = ALL["docs/architecture.md"]
    route = text[text.index("## How `--query-size") : text.index("## Decisions")]
    paths = re.findall(r"`([a-z_]+/[\w/]+\.py)", route)
    assert len(paths) > 15
    assert [path for path in paths if not (ROOT / "alsim" / path).is_file()] == []
