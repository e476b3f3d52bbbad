"""Resuming interrupted runs: the same bytes, or an error that names the difference."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import alsim
from alsim.errors import AlsimError, PoolError, StoreError
from alsim.experiments.curves.records import StepRecord
from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.store.curves import Run, read_run
from alsim.studies.same_again import refuse_differences
from alsim.studies.watch import Unit, Watch

TABLES = ("steps", "metrics", "queries", "items", "contributions")
VK = vk_pool(VkOptions(n_rows=600, picture_width=8, text_width=4, n_classes=4))
# The pool has validation rows, so every other row is a training row.
SPLIT = ["validation" if i % 9 == 0 else name for i, name in enumerate(VK["split"].to_pylist())]
POOL = VK.set_column(VK.column_names.index("split"), "split", pa.array(SPLIT))
CLASSES = sorted(set(map(str, POOL["label"].to_pylist())))
# Everything that a run can read from a file, by paths relative to one working folder.
OPTIONS: Mapping[str, Any] = {
    "pool": "posts.parquet",
    "strategy": "random,margin",
    "seeds": "0..1",
    "initial_ids": "ids.txt",
    "query_size": 5,
    "steps": 3,
    "max_epochs": 2,
    "model": "auto(width=8)",
    "oracle": "noisy",
    "confusion": "confusion.csv",
}


class Impatient(Watch):
    """Interrupts the run at its n-th record, like Ctrl-C, and records all notes."""

    def __init__(self, n: int = 5) -> None:
        self.left = n
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step(self, record: StepRecord) -> None:
        del record
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


class Curious(Watch):
    """Records all notes, and calls a function at the first record."""

    def __init__(self, do: Callable[[], object] = lambda: None) -> None:
        self._do = do
        self.n = 0
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step(self, record: StepRecord) -> None:
        del record
        self.n += 1
        if self.n == 1:
            self._do()


class Watching(Watch):
    """Calls a function while the last curves are computed."""

    def __init__(self, look: Callable[[], bool]) -> None:
        self._look = look
        self.seen: list[bool] = []

    def progress(self, unit: Unit, key: str, n: int, seed: int | None = None) -> None:
        self.seen.append(self._look())

    def step(self, record: StepRecord) -> None:
        if record.strategy == "margin" and record.step == 3:
            self.seen.append(self._look())


def go(out: Path, watch: Watch | None = None, *, force: bool = False, **changed: Any) -> Run:
    options: dict[str, Any] = {"workers": 0, **OPTIONS, **changed}
    return alsim.run(**options, out=out, force=force, watch=watch)


def write_confusion(path: Path, error: float = 0.1) -> None:
    """Write the matrix of an oracle that sometimes mistakes each class for the next one."""
    n = len(CLASSES)
    rows = [
        [name, *(1 - error if i == j else error if j == (i + 1) % n else 0 for j in range(n))]
        for i, name in enumerate(CLASSES)
    ]
    path.write_text("\n".join(",".join(map(str, row)) for row in [["", *CLASSES], *rows]))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a working folder with a pool, ids and a confusion matrix."""
    place = tmp_path_factory.mktemp("place")
    pq.write_table(POOL, place / "posts.parquet")
    train = [row["id"] for row in POOL.to_pylist() if row["split"] == "train"]
    (place / "ids.txt").write_text("\n".join(map(str, train[:60])))
    write_confusion(place / "confusion.csv")
    return place


@pytest.fixture(scope="module")
def whole(place: Path) -> Run:
    """Return an uninterrupted run."""
    with chdir(place):
        return go(place / "whole")


@pytest.fixture(scope="module")
def stopped(place: Path) -> Path:
    """Return the folder of the same run, interrupted."""
    watch = Impatient()
    with chdir(place), pytest.raises(KeyboardInterrupt):
        go(place / "stopped", watch)
    assert any("go on with: alsim resume" in note for note in watch.notes)
    assert 5 <= read_run(place / "stopped").steps.num_rows < 16
    return place / "stopped"


@pytest.fixture
def left(stopped: Path, tmp_path: Path) -> Path:
    """Return a copy of the folder of an interrupted run."""
    return Path(shutil.copytree(stopped, tmp_path / "left"))


@pytest.mark.long
def test_the_manifest_records_how_many_training_rows_each_class_has(whole: Run) -> None:
    labels = [str(row["label"]) for row in POOL.to_pylist() if row["split"] == "train"]
    pool = whole.manifest["pool"]
    assert isinstance(pool, dict)
    assert list(pool["classes"].items()) == [(name, labels.count(name)) for name in CLASSES]


def assert_same_tables(one: Run, other: Run) -> None:
    assert one.status == other.status == "complete"
    for name in TABLES:
        first, second = (run.folder / f"{name}.parquet" for run in (one, other))
        assert first.read_bytes() == second.read_bytes()


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and the time of change of every file in a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime_ns) for p in files}


def edit(folder: Path, *path: str, value: object) -> None:
    """Change one value in the manifest of a run."""
    manifest = json.loads((folder / "run.json").read_text())
    inner = manifest
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    (folder / "run.json").write_text(json.dumps(manifest))


def with_one_bit_flipped(table: pa.Table) -> pa.Table:
    """Return the pool with the last bit of one number of a training row flipped."""
    pictures: list[Any] = table["picture"].to_pylist()
    splits = table["split"].to_pylist()
    row = next(i for i, split in enumerate(splits) if split == "train" and pictures[i])
    number = np.array([pictures[row][0]], np.float32)
    pictures[row][0] = (number.view(np.uint32) ^ 1).view(np.float32).item()
    column = pa.array(pictures, table.schema.field("picture").type)
    return table.set_column(table.column_names.index("picture"), "picture", column)


def with_a_class_renamed(table: pa.Table) -> pa.Table:
    labels = ["renamed" if name == CLASSES[0] else name for name in table["label"].to_pylist()]
    return table.set_column(table.column_names.index("label"), "label", pa.array(labels))


@pytest.mark.slow
def test_a_run_resumed_elsewhere_with_more_workers_and_a_moved_pool_gives_the_same_bytes(
    whole: Run, left: Path, place: Path, tmp_path: Path
) -> None:
    # The ids were read when the run began; the confusion matrix is read again.
    moved = Path(shutil.copytree(place, tmp_path / "moved"))
    (moved / "posts.parquet").rename(tmp_path / "archive.parquet")
    (moved / "ids.txt").unlink()
    edit(left, "arguments", "pool", value=str(moved / "posts.parquet"))
    edit(left, "arguments", "initial_ids", value=str(moved / "ids.txt"))
    with chdir(tmp_path):
        alsim.resume("left", pool="archive.parquet", workers=2)
    done = read_run(left)
    assert_same_tables(done, whole)
    manifest: Any = done.manifest
    assert len(manifest["resumed"]) == 1
    assert manifest["machine"]["workers"] == 2
    assert manifest["seconds"] > read_run(place / "stopped").manifest["seconds"]  # pyright: ignore[reportOperatorIssue]
    assert {path.name for path in done.folder.iterdir()} == {
        "run.json", *(f"{name}.parquet" for name in (*TABLES, "curves", "timings")),
    }  # fmt: skip


@pytest.mark.slow
def test_repeating_the_call_resumes_a_run_even_if_its_pool_changes_meanwhile(
    whole: Run, left: Path, place: Path, tmp_path: Path
) -> None:
    shutil.copytree(place, tmp_path / "copy")
    pool = tmp_path / "copy" / "posts.parquet"

    def spoil() -> None:
        with pool.open("r+b") as file:
            file.write(bytes(pool.stat().st_size))
        pool.unlink()

    watch = Curious(spoil)
    edit(left, "options", "confusion", value=str(tmp_path / "copy" / "confusion.csv"))
    with chdir(tmp_path / "copy"):
        done = go(left, watch)
    assert not pool.exists()
    assert watch.n == whole.steps.num_rows  # earlier records are reported again
    assert_same_tables(done, whole)


@pytest.mark.long
def test_a_finished_run_is_returned_without_writing_anything(whole: Run, place: Path) -> None:
    before = contents(whole.folder)
    watch = Curious()
    pool = place / "posts.parquet"
    with chdir(place):
        again = [go(whole.folder, watch)]
        pool.rename(place / "hidden")
        try:  # a finished run needs no pool
            again.append(alsim.resume(whole.folder, watch=watch))
        finally:
            (place / "hidden").rename(pool)
    assert [run.steps.num_rows for run in again] == [16, 16]
    assert [note for note in watch.notes if "nothing is left to do" in note] == watch.notes
    assert len(watch.notes) == 2
    assert contents(whole.folder) == before


def test_a_finished_run_of_another_pool_or_confusion_matrix_is_not_returned(
    whole: Run, place: Path
) -> None:
    before = contents(whole.folder)
    with (
        pytest.raises(PoolError, match=r"pool.fingerprint: (?s:.*)that run is finished"),
        chdir(place),
    ):
        go(whole.folder, pool=with_one_bit_flipped(POOL))
    kept = (place / "confusion.csv").read_bytes()
    write_confusion(place / "confusion.csv", error=0.2)
    with pytest.raises(StoreError, match=r"finished run, (?s:.*)confusion\[0\]"), chdir(place):
        go(whole.folder)
    (place / "confusion.csv").write_bytes(kept)
    assert contents(whole.folder) == before


@pytest.mark.slow
def test_a_run_on_a_table_is_resumed_only_by_the_same_call(
    whole: Run, left: Path, place: Path
) -> None:
    with chdir(place):
        with pytest.raises(KeyboardInterrupt):  # at an earlier record: now the run on the table
            go(left, Impatient(1), pool=POOL)
        before = contents(left)
        with pytest.raises(StoreError, match=r"a table in memory(?s:.*)alsim.run\(table, …, out="):
            alsim.resume(left)
        with pytest.raises(StoreError, match="--steps: 3 then, 4 now") as refused:
            go(left, pool=POOL, steps=4)
        assert "alsim resume" not in refused.value.args[2]
        assert contents(left) == before
        assert_same_tables(go(left, pool=POOL), whole)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"steps": 4}, ["--steps: 3 then, 4 now"]),
        ({"query_size": "5:9"}, ["--query-size: 5 then, 9 now"]),
        ({"strategy": "margin"}, ['--strategy: ["random", "margin"] then, ["margin"] now']),
        ({"seeds": 1}, ["--seeds: [0, 1] then, [0] now"]),
        ({"confusion": "other.csv"}, ["--confusion: ", "confusion.csv", "other.csv"]),
        ({"initial_ids": "fewer.txt"}, ["--initial-ids: 60 values then, 59 values now"]),
        ({"initial_ids": "swapped.txt"}, ["--initial-ids[0]: ", "--initial-ids[1]: "]),
        ({"model": "auto(width=9)", "epochs": 7}, ["--model: ", "--epochs: "]),
    ],
)
@pytest.mark.parametrize("status", ["stopped", "whole"])
def test_changed_options_are_refused_and_named_by_their_flags(
    changed: dict[str, Any],
    expected: list[str],
    status: str,
    place: Path,
    request: pytest.FixtureRequest,
) -> None:
    request.getfixturevalue(status)
    ids = (place / "ids.txt").read_text().split()
    (place / "fewer.txt").write_text("\n".join(ids[1:]))
    (place / "swapped.txt").write_text("\n".join([ids[1], ids[0], *ids[2:]]))
    write_confusion(place / "other.csv")
    before = contents(place / status)
    with chdir(place), pytest.raises(StoreError) as refused:
        go(place / status, **changed)
    for words in (*expected, "--force", "alsim plot" if status == "whole" else "alsim resume"):
        assert words in str(refused.value)
    assert contents(place / status) == before


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("versions", "torch"), "1.0", 'versions.torch: "1.0" then, '),
        (("versions", "alsim"), "0.0.1", "begun by alsim 0.0.1, and this is alsim "),
        (("machine", "processor"), "6502", 'machine.processor: "6502" then, '),
        (("machine", "device"), "a GPU", 'machine.device: "a GPU" then, "cpu" now'),
        (("machine", "threads"), 64, "machine.threads: 64 then, 1 now"),
        (("machine", "environment", "MKL_CBWR"), "SSE2", 'environment.MKL_CBWR: "SSE2" then, '),
    ],
)
def test_everything_that_affects_the_numbers_must_be_unchanged(
    path: tuple[str, ...], value: object, expected: str, left: Path
) -> None:
    edit(left, *path, value=value)
    before = contents(left)
    with pytest.raises(StoreError) as refused:
        alsim.resume(left)
    assert expected in str(refused.value)
    assert "--force" in refused.value.args[2]
    assert contents(left) == before


@pytest.mark.parametrize("change", [with_one_bit_flipped, with_a_class_renamed])
def test_a_pool_with_other_content_is_refused(
    change: Callable[[pa.Table], pa.Table], left: Path, place: Path, tmp_path: Path
) -> None:
    pq.write_table(change(POOL), tmp_path / "changed.parquet")
    shutil.copy(place / "confusion.csv", tmp_path / "confusion.csv")
    with_the_old_classes = change is with_one_bit_flipped
    before = contents(left)
    with pytest.raises(AlsimError) as refused:
        alsim.resume(left, pool=tmp_path / "changed.parquet")
    if with_the_old_classes:
        assert isinstance(refused.value, PoolError)
        assert "pool.fingerprint: " in str(refused.value)
        assert f"alsim resume {left} --pool PATH" in str(refused.value)
    else:  # the confusion matrix lacks the class
        assert "renamed" in str(refused.value)
    assert contents(left) == before


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pool", "the run's pool is not where it was(?s:.*)--pool PATH"),
        ("confusion", "the file that --confusion named is gone"),
    ],
)
def test_a_missing_file_is_reported_with_a_remedy(
    name: str, expected: str, left: Path, tmp_path: Path
) -> None:
    edit(left, "arguments", name, value=str(tmp_path / "gone"))
    with pytest.raises(AlsimError, match=expected):
        alsim.resume(left)


def test_a_changed_confusion_matrix_is_refused_with_its_numbers(left: Path, place: Path) -> None:
    write_confusion(place / "changed.csv", error=0.2)
    edit(left, "arguments", "confusion", value=str(place / "changed.csv"))
    edit(left, "options", "confusion", value=str(place / "changed.csv"))
    with pytest.raises(StoreError, match=r"confusion\[0\]: \[0.9, .* then, \[0.8, .* now"):
        alsim.resume(left)


def test_a_run_of_an_older_alsim_without_journals_is_refused_and_can_be_moved_aside(
    left: Path, place: Path
) -> None:
    edit(left, "options", value=None)
    edit(left, "arguments", value=None)
    with pytest.raises(StoreError, match="of an earlier alsim, which kept no journals"):
        alsim.resume(left)
    with chdir(place), pytest.raises(StoreError, match=r"earlier alsim(?s:.*)--force"):
        go(left)


def test_with_force_another_run_is_moved_aside_and_one_moved_before_stays(
    left: Path, place: Path
) -> None:
    shutil.copytree(place / "whole", left.with_name("left.old"))
    older, old = (contents(folder) for folder in (left.with_name("left.old"), left))
    watch = Curious()
    with chdir(place):
        done = go(left, watch, force=True, strategy="random", seeds=1, steps=1)
    assert done.steps.num_rows == 2
    assert contents(left.with_name("left.old-2")) == old
    assert contents(left.with_name("left.old")) == older
    assert any("the old run was moved to" in note and "old-2" in note for note in watch.notes)


@pytest.mark.parametrize(
    "changed", [{"pool": "absent.parquet"}, {"label": "no-such-column"}, {"strategy": "margn"}]
)
def test_with_force_and_a_fault_the_old_run_stays_in_place(
    changed: dict[str, Any], left: Path, place: Path
) -> None:
    before = contents(left)
    with chdir(place), pytest.raises(AlsimError):
        go(left, force=True, **changed)
    assert contents(left) == before
    assert [path.name for path in left.parent.iterdir()] == ["left"]


def test_long_values_are_reported_at_their_first_difference(tmp_path: Path) -> None:
    def manifest(groups: object, torch: str) -> dict[str, Any]:
        return {"versions": {"torch": torch}, "configuration": {"oracle": {"groups": groups}},
                "pool": {"fingerprint": "f", "rows": list(range(99))}}  # fmt: skip

    members = [f"class-{i:03d}" for i in range(100)]
    then = manifest({"all": members}, "2.0+" + "a" * 80 + "b")
    now = manifest({"all": [*members[:70], "class-x", *members[71:]]}, "2.0+" + "a" * 81)
    refuse_differences(tmp_path, then, json.loads(json.dumps(then)))
    with pytest.raises(StoreError) as refused:
        refuse_differences(tmp_path, then, now)
    assert refused.value.args[0].splitlines()[1:] == [
        '  versions.torch: …aaaaaaaaaaaaaaaaaaaab" then, …aaaaaaaaaaaaaaaaaaaaa" now',
        '  configuration.oracle.groups.all[70]: "class-070" then, "class-x" now',
    ]
    # Values not yet known when the run was interrupted are not compared.
    refuse_differences(tmp_path, {"versions": now["versions"]}, now)
    many = {**now, "versions": {f"library-{i}": "1" for i in range(12)}}
    with pytest.raises(StoreError, match="and 2 more"):
        refuse_differences(tmp_path, {**now, "versions": {}}, many)


def test_a_folder_that_holds_no_run_is_refused_even_by_force(place: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with chdir(place), pytest.raises(StoreError, match="not empty"):
        go(tmp_path, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("arguments", "out"), "elsewhere", "arguments that alsim does not keep: out"),
        (("arguments", "watch"), 1, "alsim does not keep: watch"),
        (("arguments", "speed"), 3, "alsim does not know: speed"),
        (("arguments", "force"), True, "alsim does not keep: force"),
        (("arguments", "seeds"), {"a": 1}, "seeds cannot be"),
        (("arguments", "steps"), "many", "steps cannot be 'many'"),
        (("options", "initial_ids"), 7, "initial_ids cannot be 7"),
        (
            ("options", "steps"),
            9,
            "options are not what its arguments mean:\n  --steps",
        ),
        (("options",), 5, "options of the wrong type: 5"),
        (("options",), [], "options of the wrong type"),
        (("options",), {}, "options are not what its arguments mean"),
        (("seconds",), float("nan"), "the number nan"),
        (("seconds",), 10**400, "the number 1000"),
        (("versions",), [], "begun by alsim None"),
    ],
)
def test_a_manifest_that_was_tampered_with_is_one_error_and_nothing_is_done(
    path: tuple[str, ...], value: object, expected: str, left: Path, place: Path
) -> None:
    edit(left, *path, value=value)
    before = contents(left)
    with chdir(place), pytest.raises(StoreError, match=expected):
        alsim.resume(left)
    assert contents(left) == before
    assert sorted(path.name for path in left.parent.iterdir()) == ["left"]


def test_impossible_seconds_in_the_manifest_are_reset(left: Path) -> None:
    edit(left, "seconds", value=-1e9)
    watch = Impatient(1)
    with pytest.raises(KeyboardInterrupt):
        alsim.resume(left, watch=watch)
    assert 0 <= json.loads((left / "run.json").read_text())["seconds"] < 1000


@pytest.mark.process
@pytest.mark.skipif(os.name != "posix", reason="there are no locks")
def test_the_lock_note_of_a_killed_process_is_reported(left: Path, place: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    note = {"process": gone.pid, "host": socket.gethostname(), "since": "2026-01-01T00:00:00+00:00"}
    (left / "lock").write_text(json.dumps(note))
    watch = Impatient(1)
    with pytest.raises(KeyboardInterrupt):
        alsim.resume(left, watch=watch)
    assert f"process {gone.pid}, which worked here, is gone: going on" in watch.notes
    assert not (left / "lock").exists()


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="mapped files are not removed there")
def test_the_decoded_pool_is_deleted_once_all_workers_have_mapped_it(
    left: Path, place: Path
) -> None:
    (left / "work").mkdir()
    (left / "work" / "modality-0.f32").write_bytes(b"left by a run that was killed")
    watch = Watching(lambda: (left / "work").exists())
    with chdir(place):
        assert go(left, watch).status == "complete"
    assert not watch.seen[-1]


@pytest.mark.skipif(os.name != "posix", reason="folders are not opened there")
@pytest.mark.parametrize(
    ("name", "target"),
    [("lock", "thesis.txt"), ("work", ""), ("checkpoints", ""), ("journal/0003.jsonl", "was")],
)
def test_a_run_is_not_resumed_through_a_link(
    name: str, target: str, left: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("precious")
    if (left / name).exists():
        (left / name).rename(mine / "was")
    (left / name).symlink_to(mine / target)
    before = contents(mine)
    with pytest.raises(StoreError, match=r"a symbolic link .* in the place of") as refused:
        alsim.resume(left)
    assert refused.value.args[1] == str(left / name)
    assert contents(mine) == before


@pytest.mark.skipif(os.name != "posix", reason="folders are not opened there")
def test_cleaning_up_a_finished_run_does_not_follow_links(whole: Run, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole.folder, tmp_path / "whole"))
    mine = tmp_path / "mine"
    (mine / "journal").mkdir(parents=True)
    (mine / "journal" / ".x.7.tmp").write_text("precious")
    for name in ("lock", "journal", "checkpoints", "work", "exports"):
        (folder / name).symlink_to(mine / ("journal/.x.7.tmp" if name == "lock" else "journal"))
    before = contents(mine)
    assert alsim.resume(folder).status == "complete"
    assert contents(mine) == before


@pytest.mark.long
def test_the_nets_of_another_seed_are_not_used(left: Path, whole: Run) -> None:
    first, second = (left / "checkpoints" / f"passive-00{i}.safetensors" for i in range(2))
    shutil.copy(first, second)
    with pytest.raises(StoreError, match="of another study, or of another part") as refused:
        alsim.resume(left)
    assert refused.value.args[1] == str(second)
    second.unlink()  # as the message says
    assert_same_tables(alsim.resume(left), whole)
