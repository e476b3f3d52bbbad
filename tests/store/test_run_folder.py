import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from alsim.errors import StoreError
from alsim.experiments.records import Round, StepRecord
from alsim.store import create_run, free_folder, read_run, write_manifest, write_tables
from alsim.store.atomic import replacing

COMPLETE = {"status": "complete", "alsim": "0.1.0", "evaluation_split": "test"}


def make_rounds() -> list[Round]:
    return [
        Round(
            StepRecord(
                "margin", seed, step, 200 + step, 0.0, 200 + step, 64, 0.5, 0.5, 0.5, 1.0, 0.1
            ),
            (),
            (),
        )
        for seed in range(2)
        for step in range(3)
    ]


def make_run(folder: Path, **manifest: object) -> Path:
    create_run(folder)
    write_tables(folder, make_rounds())
    write_manifest(folder, {**COMPLETE, **manifest})
    return folder


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    configuration = {"query_size": [20, 200], "pool": "посты", "until": None}
    folder = make_run(tmp_path / "posts", configuration=configuration)
    run = read_run(folder)
    assert run.folder == folder
    assert run.name == "posts"
    assert run.status == "complete"
    assert run.manifest == {"schema": 2, **COMPLETE, "configuration": configuration}
    assert run.steps.column("step").to_pylist() == [0, 1, 2] * 2
    assert run.metrics.num_rows == run.queries.num_rows == run.timings.num_rows == 0


def test_the_path_of_run_json_stands_for_its_folder(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts")
    assert read_run(folder / "run.json").folder == folder


def test_a_run_cannot_be_changed(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path / "posts"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.folder = tmp_path  # type: ignore[misc]


def test_tables_are_read_only_when_asked_for(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts")
    run = read_run(folder)
    assert run.steps is run.steps
    (folder / "queries.parquet").unlink()
    with pytest.raises(StoreError, match=r"the run has no queries\.parquet"):
        _ = run.queries


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_a_table_missing_from_an_unfinished_run_says_that_it_is_unfinished(
    tmp_path: Path, status: str
) -> None:
    folder = create_run(tmp_path / "posts")
    write_manifest(folder, {"status": status})
    with pytest.raises(StoreError) as caught:
        _ = read_run(folder).steps
    assert caught.value.args[2].startswith(f"the run is marked {status}; run it again")


def test_a_table_cut_short_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts")
    path = folder / "steps.parquet"
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(StoreError, match="ends early"):
        _ = read_run(folder).steps


def test_no_such_folder_is_refused_and_the_runs_beside_it_are_listed(tmp_path: Path) -> None:
    make_run(tmp_path / "posts")
    make_run(tmp_path / "posts-2")
    with pytest.raises(StoreError, match="no such run") as caught:
        read_run(tmp_path / "pots")
    assert caught.value.exit_code == 4
    assert caught.value.args[2] == (
        f"name the folder of a run: {tmp_path / 'posts'}, {tmp_path / 'posts-2'}"
    )


def test_the_folder_above_runs_is_refused_and_they_are_listed(tmp_path: Path) -> None:
    make_run(tmp_path / "posts")
    with pytest.raises(StoreError, match=r"run\.json is missing") as caught:
        read_run(tmp_path)
    assert str(tmp_path / "posts") in caught.value.args[2]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "not valid JSON"),
        ('{"status": "compl', "not valid JSON"),
        ("[1, 2]", "not a JSON object"),
        ('{"status": "complete"}', "no schema version"),
        ('{"schema": 1, "status": "complete"}', "unknown schema version 1"),
        ('{"schema": "2", "status": "complete"}', "unknown schema version '2'"),
        ('{"schema": 2}', "unknown status None"),
        ('{"schema": 2, "status": "done"}', "unknown status 'done'"),
    ],
)
def test_a_broken_manifest_is_one_clear_error(tmp_path: Path, text: str, what: str) -> None:
    folder = make_run(tmp_path / "posts")
    (folder / "run.json").write_text(text)
    with pytest.raises(StoreError, match=what) as caught:
        read_run(folder)
    assert caught.value.args[1] == str(folder / "run.json")


def test_a_manifest_that_is_not_text_is_one_clear_error(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts")
    (folder / "run.json").write_bytes(b'{"schema": 2, "status": "\xff\xfe"}')
    with pytest.raises(StoreError, match="not valid JSON"):
        read_run(folder)


def test_a_number_that_json_cannot_hold_never_reaches_the_manifest(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts")
    before = (folder / "run.json").read_bytes()
    with pytest.raises(ValueError, match="JSON compliant"):
        write_manifest(folder, {"status": "complete", "loss": float("nan")})
    with pytest.raises(ValueError, match="'done' is none of"):
        write_manifest(folder, {"status": "done"})
    assert (folder / "run.json").read_bytes() == before


def test_a_new_run_gets_its_parents_too(tmp_path: Path) -> None:
    folder = create_run(tmp_path / "runs" / "posts")
    assert folder.is_dir()
    assert create_run(folder) == folder


def test_a_folder_that_holds_a_finished_run_is_not_overwritten(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts")
    with pytest.raises(StoreError, match=r"already holds a run \(complete\)") as caught:
        create_run(folder)
    assert caught.value.exit_code == 4
    assert "--out" in caught.value.args[2]


def test_a_folder_that_holds_an_interrupted_run_is_not_overwritten_either(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts", status="interrupted")
    before = (folder / "steps.parquet").read_bytes()
    with pytest.raises(StoreError, match=r"already holds a run \(interrupted\)"):
        create_run(folder)
    assert (folder / "steps.parquet").read_bytes() == before


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("\\begin{document}")
    with pytest.raises(StoreError, match="not empty"):
        create_run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way_of_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    for folder in (tmp_path / "runs", tmp_path / "runs" / "posts"):
        with pytest.raises(StoreError, match="in the way"):
            create_run(folder)
    with pytest.raises(StoreError, match="in the way"):
        free_folder(tmp_path / "runs", "posts")


def test_free_folders_are_numbered_from_two(tmp_path: Path) -> None:
    folders = [free_folder(tmp_path / "runs", "posts") for _ in range(3)]
    assert [folder.name for folder in folders] == ["posts", "posts-2", "posts-3"]


def test_runs_started_together_get_different_folders(tmp_path: Path) -> None:
    folders: list[Path] = []
    threads = [
        threading.Thread(target=lambda: folders.append(free_folder(tmp_path, "posts")))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(folders)) == 16


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("../../etc", "etc"),
        ("bald(k=20)", "bald-k=20"),
        ("my posts/2024", "my-posts-2024"),
        ("", "run"),
        ("x" * 400, "x" * 100),
    ],
)
def test_a_name_never_leaves_the_folder_for_runs(tmp_path: Path, name: str, folder: str) -> None:
    assert free_folder(tmp_path, name) == tmp_path / folder


def test_an_exception_while_writing_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as file:
            file.write(b"new, half of i")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_process_killed_while_it_writes_leaves_a_manifest_that_is_whole(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts")
    script = (
        "import sys; from pathlib import Path; from alsim.store import write_manifest\n"
        "print('ready', flush=True)\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    note = str(n) * 20000\n"
        "    write_manifest(Path(sys.argv[1]), {'status': 'running', 'n': n, 'note': note})\n"
    )
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, cwd=Path.cwd()
        )
        assert process.stdout is not None
        with process.stdout:
            assert process.stdout.readline() == b"ready\n"
            process.stdout.read(0)
            threading.Event().wait(0.05)
            process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        manifest = json.loads((folder / "run.json").read_text())
        assert manifest.get("note", "") == str(manifest.get("n", "")) * 20000
        assert read_run(folder).manifest == manifest
