"""The documentation describes the source tree correctly."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("docs/architecture.md", "CONTRIBUTING.md", "README.md")
NAMED = re.compile(r"`((?:alsim|docs|tests|benchmarks|\.ci)/[\w./*-]*)`")


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    named = NAMED.findall((ROOT / page).read_text(encoding="utf-8"))
    assert len(named) > 5 or page == "README.md"
    assert [path for path in named if not list(ROOT.glob(path.rstrip("/")))] == []


def test_the_map_has_a_line_for_every_folder() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    folders = {path.parent.name for path in (ROOT / "alsim").glob("*/__init__.py")}
    assert {name for name in folders if f"| `alsim/{name}/` |" not in text} == set()


def test_files_in_the_route_of_an_option_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    route = text[text.index("## How `--query-size") : text.index("## Decisions")]
    paths = re.findall(r"`([a-z_]+/[\w/]+\.py)", route)
    assert len(paths) > 15
    assert [path for path in paths if not (ROOT / "alsim" / path).is_file()] == []
