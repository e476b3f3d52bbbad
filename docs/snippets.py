"""Read the commands and snippets of README.md and of the pages in docs/.

Every fenced block names its language. `console`: commands after `$ `, each with what it prints
below; a last line `…` says that more follows. `sh`: a command a line, whose output is not shown.
A comment on the line above a block is about that block:

    <!-- file: mine.py -->              the block is a file of this name, which later blocks use
    <!-- not run: takes an hour -->     its commands and options exist, or it compiles; no more
    <!-- needs: polars -->              it runs where this package is installed
    <!-- later: --budget -->            it describes what comes, and is not looked at
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
MADE = ("docs/reference.md", "docs/architecture.md")  # they show no commands to run
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if str(path.relative_to(ROOT)) not in MADE
}
LANGUAGES = {"console", "sh", "python", "toml", "csv", "sql", "text"}
_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>file|not run|needs|later|test)(?:: (?P<of>.*?))? -->\n)?"
    r"```(?P<language>.*)\n(?P<text>(?:.*\n)*?)```$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A command and what the page shows below it."""

    command: str
    output: str


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    span: tuple[int, int]  # where its text stands in the page
    mark: str | None  # file, not run, needs, later; test: .ci/run runs it
    of: str  # what the mark says

    @property
    def commands(self) -> tuple[Shown, ...]:
        """Return the commands of a `console` or `sh` block, comments left out."""
        if self.language == "sh":
            lines = (line.partition("  #")[0].strip() for line in self.text.splitlines())
            return tuple(Shown(line, "") for line in lines if line and line[0] != "#")
        if self.language != "console":
            return ()
        parts = re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]
        halves = (part.partition("\n") for part in parts)
        return tuple(Shown(command.strip(), output.strip("\n")) for command, _, output in halves)


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for found in _BLOCK.finditer(text):
        yield Block(
            found["language"].strip(),
            found["text"],
            found.span("text"),
            found["mark"],
            (found["of"] or "").strip(),
        )


def pictures(text: str) -> list[str]:
    """Return the names of the pictures in docs/pictures/ that a page shows."""
    return re.findall(r"!\[[^\]]*\]\((?:docs/)?pictures/([^)]+)\)", text)
