"""An interrupted or finished recipe that is run again into its folder."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from alsim.errors import PoolError, StoreError
from alsim.experiments.curves.records import StepRecord
from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.recipes.reading import read_recipe
from alsim.recipes.recipe import Recipe
from alsim.recipes.report import Report
from alsim.recipes.running import run_recipe
from alsim.store.curves import Run, read_run
from alsim.store.lock import RunLock
from alsim.studies.watch import Watch

RECIPE = """
title = "a title"
finding = "a finding"
source = "a source"

[pool]
default = "vk"
n_rows = 500
picture_width = 6
text_width = 4
n_classes = 3

[study]
strategy = ["random"]
initial_size = 50
query_size = 5
steps = 6
model = "auto(width=8)"
max_epochs = 2
workers = 1

[variant.slow]
learning_rate = 1e-4

[variant.fast]
learning_rate = 1e-2

[[claim]]
says = "it dips"
kind = "dips"
strategy = "random"
"""
FILES = ["fast", "mine-fast.png", "mine-slow.png", "result.json", "slow"]


class Counting(Watch):
    """Interrupts at the n-th record of all studies, like Ctrl-C, and records all notes."""

    def __init__(self, n: int = 10**9) -> None:
        self.left = n
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step(self, record: StepRecord) -> None:
        del record
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def read(folder: Path, name: str = "mine") -> Recipe:
    path = folder / f"{name}.toml"
    path.write_text(RECIPE)
    return read_recipe(str(path))


def watched(watch: Watch) -> Callable[[], AbstractContextManager[Watch]]:
    return lambda: nullcontext(watch)


def stamps(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recipes")


@pytest.fixture(scope="module")
def found(place: Path) -> tuple[Report, dict[str, int]]:
    """Return the report of a recipe interrupted in its second study and then run again.

    Also return when the files of its first study were written.
    """
    recipe, out = read(place), place / "out"
    watch = Counting(9)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(recipe, seeds=1, out=out, watching=watched(watch))
    assert any(f"alsim recipe run mine … --out {out}" in note for note in watch.notes)
    assert read_run(out / "slow").status == "complete"
    assert read_run(out / "fast").status == "interrupted"
    assert sorted(path.name for path in out.iterdir()) == ["fast", "slow"]
    (out / ".result.json.77.tmp").write_text("what a process leaves that was killed")
    before = stamps(out / "slow")
    return run_recipe(recipe, seeds=1, out=out), before


@pytest.mark.slow
def test_a_finished_study_is_kept_and_the_interrupted_one_is_resumed(
    found: tuple[Report, dict[str, int]],
) -> None:
    report, before = found
    assert stamps(report.folder / "slow") == before
    resumed: dict[str, Any] = {name: run.manifest["resumed"] for name, run in report.runs.items()}
    assert {name: len(times) for name, times in resumed.items()} == {"slow": 0, "fast": 1}
    for run in report.runs.values():
        assert run.status == "complete"
        assert isinstance(run, Run)
        assert run.steps.num_rows == 7
    assert sorted(path.name for path in report.folder.iterdir()) == FILES
    assert json.loads((report.folder / "result.json").read_text()) == report.to_json()


@pytest.mark.slow
def test_a_finished_recipe_is_reported_again_without_training(
    found: tuple[Report, dict[str, int]], place: Path
) -> None:
    report, _ = found
    runs = {name: stamps(report.folder / name) for name in report.runs}
    figure = report.folder / "mine-slow.png"
    drawn = figure.read_bytes()
    figure.unlink()
    watch = Counting()
    again = run_recipe(read(place), seeds=1, out=report.folder, watching=watched(watch))
    assert [note for note in watch.notes if "finished" in note] == [
        "the run is finished: nothing is left to do"
    ] * 2
    assert watch.left == 10**9
    assert {name: stamps(report.folder / name) for name in report.runs} == runs
    assert figure.read_bytes() == drawn
    assert again.to_json() == report.to_json()
    assert sorted(path.name for path in report.folder.iterdir()) == FILES


@pytest.mark.slow
def test_a_folder_of_another_recipe_or_scale_or_with_other_files_is_left_alone(
    found: tuple[Report, dict[str, int]], place: Path
) -> None:
    folder = found[0].folder
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(StoreError, match="what another recipe found"):
        run_recipe(read(place, "other"), seeds=1, out=folder)
    with pytest.raises(StoreError, match="--initial-size: 50 then, 25 now"):
        run_recipe(read(place), scale=0.5, seeds=1, out=folder)
    with pytest.raises(StoreError, match="--seeds"):
        run_recipe(read(place), seeds=2, out=folder)
    other = vk_pool(VkOptions(n_rows=400, picture_width=6, text_width=4, n_classes=3))
    with pytest.raises(PoolError, match=r"pool\.fingerprint: "):
        run_recipe(read(place), pool=other, seeds=1, out=folder)
    note = folder / "notes.txt"
    note.write_text("precious")
    with pytest.raises(StoreError, match=r"not of mine: notes\.txt"):
        run_recipe(read(place), seeds=1, out=folder)
    note.unlink()
    with RunLock(folder), pytest.raises(StoreError, match="another process works"):
        run_recipe(read(place), seeds=1, out=folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize("text", ["", "[1]", '{"recipe": 3}', "null", '{"recipe": "mine"', "\x00"])
def test_a_folder_with_an_unreadable_result_is_left_alone(text: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "result.json").write_text(text)
    with pytest.raises(StoreError, match="what another recipe found"):
        run_recipe(read(tmp_path), seeds=1, out=tmp_path / "out")


def test_a_file_in_the_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("precious")
    with pytest.raises(StoreError, match="a file is in the way"):
        run_recipe(read(tmp_path), seeds=1, out=tmp_path / "out")
    assert (tmp_path / "out").read_text() == "precious"


@pytest.mark.parametrize("name", ["slow", "result.json"])
def test_a_recipe_uses_no_folder_or_file_through_a_link(
    name: str, place: Path, tmp_path: Path
) -> None:
    out, mine = tmp_path / "out", tmp_path / "mine"
    out.mkdir()
    mine.mkdir()
    (mine / "result.json").write_text('{"recipe": "mine"}')
    (out / name).symlink_to(mine if name == "slow" else mine / name)
    with pytest.raises(StoreError, match=r"a symbolic link .* in the place of"):
        run_recipe(read(place), out=out)
    assert [path.name for path in mine.iterdir()] == ["result.json"]


@pytest.mark.slow
def test_a_recipe_whose_file_was_edited_is_refused_and_named(
    found: tuple[Report, dict[str, int]], place: Path
) -> None:
    path = place / "mine.toml"
    path.write_text(RECIPE.replace("a finding", "another"))
    with pytest.raises(StoreError, match=r"files\..*mine\.toml: "):
        run_recipe(read_recipe(str(path)), seeds=1, out=found[0].folder)
    path.write_text(RECIPE)
