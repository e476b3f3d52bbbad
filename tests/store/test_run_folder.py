import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from journals import make_entry, write_journal, write_run

import alsim
from alsim.errors import StoreError
from alsim.experiments.curves.records import Round, StepRecord
from alsim.store.atomic import replacing
from alsim.store.curve_journal import Journal
from alsim.store.curve_lines import Ending, Recorded
from alsim.store.curves import Run, read_run, recorded, timings_of, write_tables
from alsim.store.folder import create_run, free_folder, move_aside, remove_partials
from alsim.store.lock import RunLock
from alsim.store.manifest import write_manifest
from alsim.store.tables import TimingRecord

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
    assert run.manifest == {"schema": 4, **COMPLETE, "configuration": configuration}
    assert run.steps.column("step").to_pylist() == [0, 1, 2] * 2
    assert run.metrics.num_rows == run.queries.num_rows == run.timings.num_rows == 0


def test_the_path_of_run_json_is_accepted_for_its_folder(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts")
    assert read_run(folder / "run.json").folder == folder


def test_a_run_is_immutable(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path / "posts"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.folder = tmp_path  # type: ignore[misc]


def test_tables_are_read_only_when_accessed(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts")
    run = read_run(folder)
    assert run.steps is run.steps
    (folder / "queries.parquet").unlink()
    with pytest.raises(StoreError, match=r"the run has no queries\.parquet"):
        _ = run.queries


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_a_table_missing_from_an_unfinished_run_is_reported_with_a_remedy(
    tmp_path: Path, status: str
) -> None:
    # As older versions left it: tables without journals.
    folder = make_run(tmp_path / "posts", status=status)
    (folder / "steps.parquet").unlink()
    with pytest.raises(StoreError, match=r"the run has no steps\.parquet") as caught:
        _ = read_run(folder).steps
    marked = "killed" if status == "running" else status
    assert caught.value.args[2] == (
        f"the run is marked {marked}; go on with it: alsim resume {folder}"
    )


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_a_run_that_ended_before_its_first_record_has_empty_tables(
    tmp_path: Path, status: str
) -> None:
    folder = create_run(tmp_path / "posts")
    write_manifest(folder, {"status": status})
    run = read_run(folder)
    for name in ("steps", "metrics", "queries", "timings"):
        table = getattr(run, name)
        assert table.num_rows == 0, name
        assert "strategy" in table.column_names, name


def test_a_complete_run_without_tables_is_refused(tmp_path: Path) -> None:
    folder = create_run(tmp_path / "posts")
    write_manifest(folder, {"status": "complete"})
    with pytest.raises(StoreError, match=r"the run has no steps\.parquet"):
        _ = read_run(folder).steps


def test_the_status_is_running_while_the_lock_is_held_and_killed_afterwards(tmp_path: Path) -> None:
    folder = create_run(tmp_path / "posts")
    write_manifest(folder, {"status": "running"})
    run = read_run(folder)
    with RunLock(folder):
        assert run.status == "running"
    assert run.status == "killed"
    (folder / "lock").write_text('{"process": 1, "host": "elsewhere", "since": "1999"}')
    assert run.status == "killed"


@pytest.mark.parametrize("status", ["complete", "interrupted", "failed"])
def test_the_status_of_a_run_that_ended_does_not_depend_on_its_lock(
    tmp_path: Path, status: str
) -> None:
    folder = create_run(tmp_path / "posts")
    write_manifest(folder, {"status": status})
    with RunLock(folder):
        assert read_run(folder).status == status
    assert read_run(folder).status == status


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_the_tables_of_an_unfinished_run_are_made_from_its_journals(
    tmp_path: Path, status: str
) -> None:
    folder = write_run(tmp_path / "posts", {"status": status})
    run = read_run(folder)
    place = ("seed", "step")
    expected = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    for table, n in ((run.steps, 1), (run.metrics, 3), (run.queries, 1)):
        places = [tuple(row[name] for name in place) for row in table.to_pylist()]
        assert places == [at for at in expected for _ in range(n)]
    # Equal to what the engine writes for the same records.
    entries = [make_entry(step, seed=seed) for seed, step in expected]
    write_tables(folder, [entry.round for entry in entries], run_timings())
    whole = Run(folder, {"status": "complete"})
    for name in ("steps", "metrics", "queries", "timings"):
        assert getattr(run, name).equals(getattr(whole, name)), name


def run_timings() -> list[TimingRecord]:
    """Return the timings of the run of `write_run`, by hand."""
    taken = [(0, 0, 0.0), (0, 1, 0.1), (0, 2, 0.2), (1, 0, 0.0), (1, 1, 0.1)]
    return [
        *[TimingRecord("margin", seed, step, "query", seconds) for seed, step, seconds in taken],
        *[TimingRecord("margin", seed, step, "train", 2.5) for seed, step, _ in taken],
        TimingRecord("margin", 0, 2, "save", 0.5),
    ]


def test_a_run_shows_a_round_as_soon_as_it_is_in_a_journal(tmp_path: Path) -> None:
    folder = create_run(tmp_path / "posts")
    write_manifest(folder, {"status": "running"})
    with RunLock(folder), Journal.open(folder / "journal" / "0000.jsonl", "margin", 7) as journal:
        assert read_run(folder).steps.num_rows == 0
        for step in range(3):
            journal.append(make_entry(step))
            assert read_run(folder).steps.column("step").to_pylist() == list(range(step + 1))


def test_a_torn_record_of_a_killed_run_is_not_in_its_tables(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "posts", {"status": "running"})
    path = folder / "journal" / "0001.jsonl"
    os.truncate(path, path.stat().st_size - 1)
    assert read_run(folder).steps.num_rows == 4


def test_a_complete_run_is_read_from_its_tables_and_not_its_journals(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts")
    (folder / "journal").mkdir()
    (folder / "journal" / "0000.jsonl").write_text("nonsense\nnonsense\n")
    assert read_run(folder).steps.num_rows == 6


def test_an_interrupted_run_without_journals_is_read_from_its_tables(
    tmp_path: Path,
) -> None:
    assert read_run(make_run(tmp_path / "posts", status="interrupted")).steps.num_rows == 6


def test_journals_are_yielded_in_order_and_other_files_are_not(tmp_path: Path) -> None:
    assert list(recorded(tmp_path)) == []
    folder = write_run(tmp_path / "posts", {"status": "running"})
    whole = (folder / "journal" / "0001.jsonl").read_bytes()
    (folder / "journal" / "0002.jsonl").write_bytes(whole[:30])
    (folder / "journal" / "notes.txt").write_text("mine\nalone\n")
    write_journal(folder / "journal" / "0003.jsonl", strategy="random")
    assert [(r.strategy, r.seed) for r in recorded(folder)] == [
        ("margin", 0), ("margin", 1), ("random", 7),
    ]  # fmt: skip


def test_a_damaged_journal_of_a_run_is_one_clear_error(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "posts", {"status": "running"})
    path = folder / "journal" / "0000.jsonl"
    path.write_bytes(b"x" + path.read_bytes())
    with pytest.raises(StoreError, match="damaged journal") as caught:
        _ = read_run(folder).steps
    assert caught.value.args[1] == f"{path}, line 1"


def test_journals_that_do_not_fit_together_are_one_clear_error(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "posts", {"status": "running"})
    copy = folder / "journal" / "0002.jsonl"
    copy.write_bytes((folder / "journal" / "0000.jsonl").read_bytes())
    with pytest.raises(StoreError, match="do not fit together: two records of steps share"):
        _ = read_run(folder).steps
    copy.unlink()
    with Journal.open(copy, "random", 0) as journal:
        journal.append(make_entry(0, "random", 0, ids=("a",)))
    with pytest.raises(StoreError, match="do not fit together"):
        _ = read_run(folder).steps


def test_the_ending_of_a_curve_has_its_seconds_at_its_step(tmp_path: Path) -> None:
    entries = (make_entry(0), make_entry(1))
    ending = Ending("diverged", 2, {"train": 4.0})
    found = Recorded("margin", 7, entries, ending, 0)
    assert [(t.step, t.phase, t.seconds) for t in timings_of(found)] == [
        (0, "query", 0.0), (0, "train", 2.5), (1, "query", 0.1), (1, "train", 2.5),
        (2, "train", 4.0),
    ]  # fmt: skip


def test_a_table_cut_short_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts")
    path = folder / "steps.parquet"
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(StoreError, match="ends early"):
        _ = read_run(folder).steps


def test_a_missing_folder_is_refused_with_the_list_of_runs_next_to_it(tmp_path: Path) -> None:
    make_run(tmp_path / "posts")
    make_run(tmp_path / "posts-2")
    with pytest.raises(StoreError, match="no such run") as caught:
        read_run(tmp_path / "pots")
    assert caught.value.exit_code == 4
    assert caught.value.args[2] == (
        f"name the folder of a run: {tmp_path / 'posts'}, {tmp_path / 'posts-2'}"
    )


def test_the_folder_above_runs_is_refused_with_the_list_of_runs(tmp_path: Path) -> None:
    make_run(tmp_path / "posts")
    with pytest.raises(StoreError, match=r"run\.json is missing") as caught:
        read_run(tmp_path)
    assert str(tmp_path / "posts") in caught.value.args[2]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param("[" * 100_000, "not valid JSON", id="brackets"),
        pytest.param('{"schema": ' + "7" * 5000 + "}", "not valid JSON", id="digits"),
        pytest.param('{"schema": ' + "[" * 400 + "]" * 400 + "}", "nested too deeply", id="nested"),
        ('{"schema": NaN, "status": "complete"}', "the number nan"),
        ('{"schema": 4, "status": "complete", "seconds": [-1e999]}', "the number -inf"),
        ('{"schema": 4, "status": "complete", "a": {"b": 1' + "0" * 400 + "}}", "the number 1000"),
        ("", "not valid JSON"),
        ('{"status": "compl', "not valid JSON"),
        ("[1, 2]", "not a JSON object"),
        ('{"status": "complete"}', "no schema version"),
        ('{"schema": 1, "status": "complete"}', "unknown schema version 1"),
        ('{"schema": "4", "status": "complete"}', "unknown schema version '4'"),
        ('{"schema": 4}', "unknown status None"),
        ('{"schema": 4, "status": "done"}', "unknown status 'done'"),
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
    (folder / "run.json").write_bytes(b'{"schema": 4, "status": "\xff\xfe"}')
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


def test_a_new_run_creates_its_parent_folders(tmp_path: Path) -> None:
    folder = create_run(tmp_path / "runs" / "posts")
    assert folder.is_dir()
    assert create_run(folder) == folder


def test_a_new_run_accepts_its_own_lock_in_its_folder(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        assert create_run(tmp_path) == tmp_path
        (tmp_path / "other").touch()
        with pytest.raises(StoreError, match="not empty"):
            create_run(tmp_path)


def test_a_folder_that_holds_a_finished_run_is_not_overwritten(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts")
    with pytest.raises(StoreError, match=r"already holds a run \(complete\)") as caught:
        create_run(folder)
    assert caught.value.exit_code == 4
    assert caught.value.args[2] == (
        "name another with --out; or add --force, which moves the old run aside"
    )


def test_a_folder_that_holds_an_interrupted_run_is_not_overwritten_either(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts", status="interrupted")
    before = (folder / "steps.parquet").read_bytes()
    with pytest.raises(StoreError, match=r"already holds a run \(interrupted\)") as caught:
        create_run(folder)
    assert caught.value.args[2].startswith(f"go on with it: alsim resume {folder}; or name another")
    assert (folder / "steps.parquet").read_bytes() == before


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("\\begin{document}")
    with pytest.raises(StoreError, match="not empty"):
        create_run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_place_of_a_run_is_refused(tmp_path: Path) -> None:
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
        ("bald(k=20),random", "bald-k-20-random"),
        ("посты" * 30, ("посты" * 30)[:50]),
        ("my posts/2024", "my-posts-2024"),
        ("", "run"),
        ("x" * 400, "x" * 100),
    ],
)
def test_a_name_never_leaves_the_folder_for_runs(tmp_path: Path, name: str, folder: str) -> None:
    assert free_folder(tmp_path, name) == tmp_path / folder


def test_only_remains_of_killed_writes_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    (folder / ".run.json.12.tmp").touch()
    assert create_run(folder) == folder
    write_run_into(folder)
    kept = sorted(folder.rglob("*"))
    for name in (".steps.parquet.3.tmp", "checkpoints/.a.safetensors.45.tmp"):
        (folder / name).touch()
    remove_partials(folder)
    assert sorted(folder.rglob("*")) == [path for path in kept if path.suffix != ".tmp"]


def write_run_into(folder: Path) -> None:
    """Write a manifest, a journal, an empty checkpoint and two files of the user."""
    write_manifest(folder, {"status": "running"})
    write_journal(folder / "journal" / "0000.jsonl")
    (folder / "checkpoints").mkdir()
    (folder / "notes.tmp.txt").touch()
    (folder / ".hidden").touch()


def test_an_old_run_is_moved_aside_to_the_first_free_name(tmp_path: Path) -> None:
    for name in ("posts.old", "posts.old-2", "posts.old-3"):
        (tmp_path / "posts").mkdir()
        (tmp_path / "posts" / name).touch()
        assert move_aside(tmp_path / "posts") == tmp_path / name
        assert not (tmp_path / "posts").exists()
        assert (tmp_path / name / name).exists()


def test_a_dangling_link_is_not_a_free_name(tmp_path: Path) -> None:
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts.old").symlink_to(tmp_path / "gone")
    assert move_aside(tmp_path / "posts") == tmp_path / "posts.old-2"


def test_the_current_folder_can_be_moved_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "posts").mkdir()
    monkeypatch.chdir(tmp_path / "posts")
    assert move_aside(Path()) == tmp_path / "posts.old"


def test_a_folder_that_cannot_be_moved_aside_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot move the folder aside: No such file"):
        move_aside(tmp_path / "gone")


def test_a_name_too_long_for_the_system_is_a_store_error() -> None:
    with pytest.raises(StoreError, match="cannot read: File name too long"):
        read_run(Path("x" * 5000))


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


@pytest.mark.process
def test_the_modules_that_record_a_study_import_neither_pyarrow_nor_torch() -> None:
    names = ["checkpoint", "curve_journal", "folder", "lock", "manifest"]
    script = (
        f"import sys, {', '.join(f'alsim.store.{name}' for name in names)}\n"
        "print(sorted({'numpy', 'pyarrow', 'torch'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.process
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_process_killed_while_writing_leaves_an_intact_manifest(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "posts")
    script = (
        "import sys; from pathlib import Path; from alsim.store.manifest import write_manifest\n"
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


@pytest.mark.parametrize("read", [alsim.read_run, alsim.read_training, alsim.read_correlation])
def test_a_folder_can_be_given_as_text(read: Callable[[str], object], tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such run"):
        read(str(tmp_path / "absent"))
