"""Full disks, read-only folders and deleted folders: one error, and nothing is lost."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from breaking import Break, breaking, write_hook
from survival import (
    LEFT,
    Command,
    Whole,
    make_study,
    plan_of,
    recorded_bytes,
    refuse_halves,
    rounds_of,
    settings,
    tables_of,
    until,
    whole_run,
)

import alsim
from alsim.errors import StoreError
from alsim.store.curves import Run, read_run
from alsim.studies.curves import keep as keeping
from alsim.studies.curves.work import run_active
from alsim.studies.start.work import run_passive

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc"),
]

FAULTS = [errno.ENOSPC, errno.EACCES, errno.EIO]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return whole_run(tmp_path_factory)


def see_refusal(code: int | None, output: str) -> None:
    """Fail unless a command ended with the error of an unwritable file."""
    assert code == 4, output
    assert output.count("error: ") == 1, output
    assert "  mend:  " in output
    assert "Traceback" not in output


@pytest.mark.long
@pytest.mark.parametrize("code", FAULTS)
def test_a_disk_failure_at_any_act_of_a_worker_is_one_error_and_the_curve_can_be_resumed(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "FIRST", 0.0)  # a checkpoint even for a short curve
    study = make_study(strategies=["margin"], steps=2)

    def work(folder: Path) -> Path:
        plan = plan_of(study, folder, 0)
        ((passive,), (active,)) = (plan.passives, plan.actives)
        if not passive.message.state.exists():
            run_passive(study, passive.message, lambda message: None)
        run_active(study, active.message, lambda message: None)
        return active.message.journals[0]

    (tmp_path / "whole").mkdir()
    expected = rounds_of(work(tmp_path / "whole"))
    refused: list[str] = []
    for at in range(1, 100):
        folder = tmp_path / f"at-{at}"
        folder.mkdir()
        with breaking(Break(str(folder), at, code=code, is_short=at % 2 == 0)) as acts:
            try:
                work(folder)
            except StoreError as error:
                refused.append(f"{error}\n  after: {acts[-1]}")
        assert rounds_of(work(folder)) == expected
        if len(acts) < at:
            break
    assert len(refused) >= 20
    assert all(f"  where: {tmp_path}/at-" in output for output in refused)


@pytest.mark.long
@pytest.mark.parametrize(
    ("code", "stride"),
    [(errno.ENOSPC, 5), *(pytest.param(code, 1, marks=pytest.mark.slow) for code in FAULTS)],
)
def test_a_disk_failure_at_any_act_of_the_main_process_is_one_error_and_the_run_resumes(
    whole: Whole, tmp_path: Path, code: int, stride: int
) -> None:
    out = tmp_path / "run"
    messages: list[str] = []
    at, is_met = 1, True
    while is_met:
        with breaking(Break(str(out), at, code=code, is_short=at % 2 == 0)) as acts:
            try:
                resume_twin(whole, out)
            except StoreError as error:
                messages.append(f"{acts[at - 1]}: {error}")
        refuse_halves(out)
        is_met = len(acts) >= at
        at += 1 if at < 25 else stride  # the first acts come before any slow work
    assert resume_twin(whole, out).status == "complete"
    assert tables_of(out) == whole.tables
    assert {path.name for path in out.iterdir()} == LEFT
    assert len(messages) >= 25
    assert all(str(out) in message for message in messages)


def resume_twin(whole: Whole, out: Path) -> Run:
    """Resume or begin the twin of the uninterrupted run in this process."""
    if (out / "run.json").exists():
        return alsim.resume(out)
    return alsim.run(whole.pool, out=out, **settings())


def test_a_full_disk_for_temporary_files_is_one_error_too(
    whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with (
        breaking(Break(str(tmp_path / "temporary"))) as acts,
        pytest.raises(StoreError, match="no temporary file can be made: No space left"),
    ):
        resume_twin(whole, tmp_path / "run")
    assert acts
    assert not (tmp_path / "run").exists()


def fail(whole: Whole, folder: Path, who: str, match: str, at: int, code: int) -> None:
    """Make the command of a run fail at an act, and check how it ends."""
    out = folder / "run"
    broken = Break(str(out), at, match, who, code=code, is_short=True)
    command = Command(
        whole.resume_command(out), folder / "log.txt", write_hook(folder / "hook", broken)
    )
    see_refusal(command.wait(), command.output)
    assert f"alsim resume {out}" in command.output
    assert read_run(out).status in ("failed", "running")
    refuse_halves(out)


def finish(whole: Whole, out: Path, **named: Any) -> None:
    """Resume a run to its end, and check the result."""
    command = Command(whole.resume_command(out), out.with_name("log.txt"), **named)
    assert command.wait() == 0, command.output
    assert tables_of(out) == whole.tables
    assert {path.name for path in out.iterdir()} == LEFT


@pytest.mark.slow
def test_a_disk_that_fills_up_during_a_command_gives_one_message_and_exit_code_4(
    whole: Whole, tmp_path: Path
) -> None:
    fail(whole, tmp_path, "worker", "write journal/*", 20, errno.ENOSPC)
    fail(whole, tmp_path, "parent", "write .metrics*", 1, errno.ENOSPC)
    finish(whole, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_disk_failure_at_each_act_of_the_worker_in_turn_gives_one_message_and_exit_code_4(
    whole: Whole, tmp_path: Path, code: int
) -> None:
    # Later acts are reached only if the run was resumed after each earlier one.
    for at in range(1, 30):
        fail(whole, tmp_path, "worker", "*", at, code)
    finish(whole, tmp_path / "run")


FILLING = """
mount -t tmpfs -o size=16k tmpfs "$1" || exit 9
for size in $SIZES; do
    mount -o remount,size=$size "$1"
    if [ -e "$1/run/run.json" ]; then
        "$2" -m alsim resume "$1/run" > "$3/$size.txt" 2>&1
    else
        "$2" -m alsim run --out "$1/run" $OPTIONS > "$3/$size.txt" 2>&1
    fi
    echo $? > "$3/$size.code"
    find "$1" -name "*.parquet" -size 0 >> "$3/halves"
done
cp -r "$1/run" "$3/run"
"""


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param((250,), marks=pytest.mark.slow),
        pytest.param((*range(8, 160, 8), *range(160, 800, 32)), marks=pytest.mark.slow),
    ],
)
def test_a_full_file_system_gives_one_message_and_freeing_space_lets_the_run_resume(
    whole: Whole, tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    script = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    disk, results = tmp_path / "disk", tmp_path / "results"
    disk.mkdir()
    results.mkdir()
    try:
        subprocess.run([*script, f"mount -t tmpfs tmpfs {disk}"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system may be mounted here")
    environment = {
        **os.environ,
        "SIZES": " ".join(f"{size}k" for size in sizes) + " 64m",
        "OPTIONS": " ".join(["--pool", str(whole.pool), *whole.options]),
    }
    subprocess.run(
        [*script, FILLING, "sh", str(disk), sys.executable, str(results)],
        check=True, env=environment,
    )  # fmt: skip
    failed = 0
    for size in sizes:
        code = int((results / f"{size}k.code").read_text())
        if code:
            see_refusal(code, (results / f"{size}k.txt").read_text())
            failed += 1
    assert failed >= min(len(sizes), 8)
    assert (results / "64m.code").read_text() == "0\n", (results / "64m.txt").read_text()
    assert (results / "halves").read_text() == ""
    assert tables_of(results / "run") == whole.tables


@pytest.mark.slow
@pytest.mark.parametrize(
    "share", [0.3, *(pytest.param(share, marks=pytest.mark.slow) for share in (0.0, 0.1, 0.7))]
)
def test_a_run_whose_folder_is_deleted_while_it_runs_ends_with_one_message(
    whole: Whole, tmp_path: Path, share: float
) -> None:
    out = tmp_path / "run"
    command = Command(whole.resume_command(out), tmp_path / "log.txt")
    until(lambda: recorded_bytes(out) > share * whole.n_bytes or command.code is not None)
    while out.exists():  # the worker may create files in the meantime
        shutil.rmtree(out, ignore_errors=True)
    see_refusal(command.wait(), command.output)
    assert "the folder was moved or deleted under way" in command.output
    assert not out.exists()


@pytest.mark.slow
def test_a_missing_journal_of_a_finished_curve_is_reported_and_the_curve_computed_again(
    whole: Whole, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    command = Command(whole.resume_command(out), tmp_path / "log.txt")
    until(lambda: len(journals(out)) > 1 or command.code is not None)
    journals(out)[0].unlink()
    see_refusal(command.wait(), command.output)
    assert "what was recorded of 1 learning curves is gone" in command.output
    finish(whole, out)


def journals(out: Path) -> list[Path]:
    return sorted((out / "journal").glob("*")) if out.exists() else []


@pytest.mark.slow
def test_a_folder_that_becomes_read_only_gives_one_message(whole: Whole, tmp_path: Path) -> None:
    prefix: list[str] = []
    if os.geteuid() == 0:  # root, who may write anywhere, loses this right
        prefix = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]
        if shutil.which("setpriv") is None:
            pytest.skip("the superuser may write anywhere, and there is no setpriv")
    out = tmp_path / "run"
    command = Command(
        whole.resume_command(out), tmp_path / "log.txt", is_forked=False, prefix=prefix
    )
    until(lambda: recorded_bytes(out) > 0.1 * whole.n_bytes or command.code is not None)
    folders = [out, out / "journal", out / "checkpoints"]
    for folder in folders:
        folder.chmod(0o555)
    see_refusal(command.wait(), command.output)
    assert "Permission denied" in command.output
    for folder in folders:
        folder.chmod(0o755)
    finish(whole, out)
