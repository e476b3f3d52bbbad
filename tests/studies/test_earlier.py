"""A command typed again finds its run in `runs/`, finished or not, and no other one."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pools import make_table, write

import alsim
from alsim.errors import StoreError, UsageError
from alsim.store.lock import RunLock
from alsim.store.runs import latest_run, run_folders
from alsim.studies.watch import Watch

NET: dict[str, Any] = {"seeds": 2, "max_epochs": 2, "model": "mlp(width=4)", "workers": 0}
CURVES: dict[str, Any] = {
    **NET, "strategy": "margin,random", "initial_size": 30, "query_size": 5, "steps": 2,
}  # fmt: skip
POOL = make_table(300)


class Listening(Watch):
    """Keeps the notes; interrupts at the n-th step."""

    def __init__(self, n: int = -1) -> None:
        self.notes: list[str] = []
        self._left = n

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step(self, record: object) -> None:
        del record
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def posts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a pool, and return the pool's path."""
    monkeypatch.chdir(tmp_path)
    return write(POOL, Path("posts.parquet"))


def call(
    pool: object = "posts.parquet", *, stop: int = -1, **options: Any
) -> tuple[Path, list[str]]:
    """Return the folder of a run without `out`, and the notes on earlier runs."""
    watch = Listening(stop)
    run = alsim.run(pool, **{**CURVES, **options}, watch=watch)  # pyright: ignore[reportArgumentType]
    return run.folder, [note for note in watch.notes if "holds" in note or "another" in note]


def interrupt() -> Path:
    with pytest.raises(KeyboardInterrupt):
        call(stop=4)
    return run_folders()[0]


def stamps(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_an_unfinished_run_goes_on_and_then_is_shown_as_finished() -> None:
    left = interrupt()
    again, notes = call()
    assert again == left
    assert notes == [f"{left} holds this run, unfinished: going on with it; for another: --new"]
    assert json.loads((left / "run.json").read_text())["resumed"]
    before = stamps(left)
    shown, notes = call()
    assert shown == left
    assert notes == [f"{left} holds this run, finished; for another: --new"]
    assert stamps(left) == before
    another, notes = call(new=True)
    assert another != left
    assert notes == []
    for name in ("steps", "queries", "metrics", "curves"):
        files = [(folder / f"{name}.parquet").read_bytes() for folder in (left, another)]
        assert files[0] == files[1]


def test_a_run_that_a_process_works_on_is_left_alone() -> None:
    left = interrupt()
    with RunLock(left):
        before = stamps(left)
        other, notes = call()
        assert stamps(left) == before
    assert other != left
    assert notes == [f"another process works on this run in {left}: this is another one"]


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 1},
        {"strategy": "margin"},
        {"force": True},
        {"pool": "moved.parquet"},
        {"pool": POOL},
    ],
    ids=["option", "strategy", "force", "path", "table"],
)
def test_what_is_not_the_same_run_gets_a_folder_of_its_own(change: dict[str, Any]) -> None:
    write(POOL, Path("moved.parquet"))
    left = interrupt()
    before = stamps(left)
    other, notes = call(**change)
    assert other != left
    assert notes == []
    assert stamps(left) == before


def test_another_content_of_the_pool_is_another_run() -> None:
    left = interrupt()
    before = stamps(left)
    write(make_table(300, seed=1), Path("posts.parquet"))
    other, notes = call()
    assert other != left
    assert re.fullmatch(rf"{left} holds this run, begun with something else \(pool.*\)", notes[0])
    assert stamps(left) == before
    write(POOL, Path("posts.parquet"))
    assert call()[0] == left  # of two runs with these options, the one on this content


def test_a_table_in_memory_is_known_by_its_content() -> None:
    first, _ = call(POOL)
    assert call(POOL)[0] == first
    assert call(make_table(300, seed=1))[0] != first


def test_a_run_that_was_moved_aside_or_is_of_another_version_is_not_found() -> None:
    done, _ = call()
    done.rename(done.with_name(f"{done.name}.old"))
    again, _ = call()
    assert again == done
    manifest = json.loads((again / "run.json").read_text())
    manifest["versions"]["alsim"] = "0.0.1"
    (again / "run.json").write_text(json.dumps(manifest))
    assert call()[0] != again


@pytest.mark.parametrize("text", ["", "[]", '{"options": 3}', "{}", '{"status": NaN}'])
def test_a_damaged_folder_in_runs_hinders_nothing(text: str) -> None:
    broken = Path("runs/broken")
    broken.mkdir(parents=True)
    (broken / "run.json").write_text(text)
    (Path("runs") / "notes.txt").touch()
    done, _ = call(steps=1)
    assert call(steps=1)[0] == done
    assert latest_run(lambda folder, manifest: True) == done


def test_unused_seeds_are_a_study_of_their_own() -> None:
    done, _ = call()
    _, notes = call(seeds=4)
    assert notes == [
        f"{done} holds this run with other seeds; if you have seen what those show, judge the "
        "unused ones by themselves: --seeds 2..3"
    ]
    _, notes = call(seeds="1..1")
    assert notes == []
    with pytest.raises(StoreError, match="other options") as caught:
        call(seeds="0,1,2,5", out=done)
    mend = caught.value.args[2]
    command = re.search(
        r"the same command with (--seeds 2,5 --out (\S+)), then (alsim compare .*?);", mend
    )
    assert command is not None
    assert command[3] == f"alsim compare {command[2]}"
    call(seeds="2,5", out=command[2])
    compared = alsim.compare([done, Path(command[2])])
    assert {each.seeds for each in compared.strategies} == {(0, 1, 2, 5)}


def test_a_new_run_takes_no_folder_that_is_named() -> None:
    with pytest.raises(UsageError, match="--new takes a new folder"):
        call(new=True, out="runs/mine")


def test_the_name_of_a_folder_has_no_comma_and_stays_short() -> None:
    names = [call(strategy=s, steps=1)[0].name for s in ("margin", "random,margin(candidates=9)")]
    assert names == ["posts-margin", "posts-margin-candidates-9"]
    many = call(strategy="margin,entropy,least-confident,badge", steps=1, seeds=1)[0]
    assert many.name == "posts-margin+3"
    assert call(strategy="margin", steps=1, new=True)[0].name == "posts-margin-2"


def correlate(watch: Watch) -> Path:
    sizes: dict[str, Any] = {"initial_size": 30, "sample_size": 60, "group_size": 20}
    return alsim.correlate("posts.parquet", **NET, metric="margin", **sizes, watch=watch).folder


def train(watch: Watch) -> Path:
    return alsim.train("posts.parquet", **NET, watch=watch).folder


@pytest.mark.parametrize("study", [correlate, train])
def test_the_other_kinds_of_study_are_found_too(study: Callable[[Watch], Path]) -> None:
    call(steps=1)
    done = study(Listening())
    watch = Listening()
    assert study(watch) == done
    assert f"{done} holds this run, finished; for another: --new" in watch.notes
