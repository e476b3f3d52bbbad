"""No file of a run is written, cut or removed through a link."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from journals import make_entry, write_journal

from alsim.errors import StoreError
from alsim.store.atomic import make_folder, replace_bytes
from alsim.store.checkpoint import load_checkpoint, save_checkpoint
from alsim.store.curve_journal import Journal, read_journal
from alsim.store.folder import remove_partials
from alsim.store.lock import RunLock, holder
from alsim.store.manifest import write_manifest
from alsim.store.opening import opened, read_bytes, remove_file

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders are not opened there")
PRECIOUS = b"a thesis of years\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of a run with its subfolders."""
    run = tmp_path / "run"
    run.mkdir()
    write_manifest(run, {"status": "failed"})
    for name in ("journal", "checkpoints"):
        (run / name).mkdir()
    return run


@pytest.fixture
def thesis(tmp_path: Path) -> Path:
    path = tmp_path / "mine" / "thesis.txt"
    path.parent.mkdir()
    path.write_bytes(PRECIOUS)
    return path


def take_lock(run: Path) -> None:
    with RunLock(run):
        pass


def write_round(run: Path) -> None:
    with Journal.open(run / "journal" / "0000.jsonl", "margin", 7) as journal:
        journal.append(make_entry(0))


def put_socket(path: Path, thesis: Path) -> None:
    del thesis
    folder = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:  # by a path that is short enough
        made.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


WRITERS: dict[str, Callable[[Path], None]] = {"lock": take_lock, "journal/0000.jsonl": write_round}
TRAPS: dict[str, Callable[[Path, Path], None]] = {
    "a symbolic link": lambda path, thesis: path.symlink_to(thesis),
    "hard link": lambda path, thesis: path.hardlink_to(thesis),
    "a named pipe": lambda path, thesis: os.mkfifo(path),
    "a folder": lambda path, thesis: path.mkdir(),
    "a device": lambda path, thesis: path.symlink_to("/dev/full"),
    "a socket": put_socket,
}


@pytest.mark.process
@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("name", WRITERS)
def test_files_that_are_not_the_runs_own_are_not_written_and_the_remedy_works(
    name: str, trap: str, run: Path, thesis: Path
) -> None:
    TRAPS[trap](run / name, thesis)
    expected = "a symbolic link" if trap == "a device" else trap
    with pytest.raises(StoreError, match=f"{expected}.* in the place of a file") as refused:
        WRITERS[name](run)
    assert refused.value.args[1] == str(run / name)
    assert thesis.read_bytes() == PRECIOUS
    if trap == "hard link" and name != "lock":
        thesis.write_bytes(b"")  # a file that is not a journal cannot be continued
    cure = re.search(r": (.*); then go on: alsim resume", refused.value.args[2])
    assert cure is not None
    subprocess.run(cure[1], shell=True, check=True)
    WRITERS[name](run)


def test_no_file_is_created_through_a_dangling_link(run: Path, tmp_path: Path) -> None:
    for name, write in WRITERS.items():
        (run / name).symlink_to(tmp_path / "planted")
        with pytest.raises(StoreError, match="a symbolic link"):
            write(run)
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize("folder", ["journal", "checkpoints", "exports", "work"])
def test_no_folder_of_a_run_is_reached_through_a_link(folder: str, run: Path, thesis: Path) -> None:
    shutil.rmtree(run / folder, ignore_errors=True)
    (run / folder).symlink_to(thesis.parent)
    partial = thesis.with_name(".thesis.txt.7.tmp")
    partial.touch()
    file = run / folder / "thesis.txt"
    for act in (
        lambda: replace_bytes(file, b"new"),
        lambda: make_folder(run / folder),
        lambda: make_folder(run / folder, anew=True),
        lambda: save_checkpoint(file, {"w": torch.ones(1)}, {}),
        lambda: Journal.open(file, "margin", 7),
    ):
        with pytest.raises(StoreError, match=r"a symbolic link .* in the place of"):
            act()
    remove_file(file)
    remove_partials(run)
    assert thesis.read_bytes() == PRECIOUS
    assert sorted(thesis.parent.iterdir()) == sorted([thesis, partial])


def test_the_folder_of_a_run_may_be_reached_through_a_link_whatever_its_name(
    run: Path, tmp_path: Path
) -> None:
    for name in ("elsewhere", "journal"):
        (tmp_path / name).symlink_to(run)
        take_lock(tmp_path / name)
        write_round(tmp_path / name)
        replace_bytes(tmp_path / name / "steps.parquet", b"new")
        assert (run / "steps.parquet").read_bytes() == b"new"
        (run / "journal" / "0000.jsonl").unlink()


def test_a_file_replaces_a_link_and_not_its_target(run: Path, thesis: Path) -> None:
    path = run / "checkpoints" / "c.safetensors"
    path.symlink_to(thesis)
    planted = run / "checkpoints" / f".c.safetensors.{os.getpid()}.tmp"
    planted.symlink_to(thesis)
    save_checkpoint(path, {"w": torch.ones(1)}, {"step": 1})
    assert load_checkpoint(path) is not None
    assert not path.is_symlink()
    assert thesis.read_bytes() == PRECIOUS
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_in_the_place_of_a_table_is_reported(run: Path) -> None:
    (run / "steps.parquet").mkdir()
    with pytest.raises(StoreError, match="a folder stands in the place of") as refused:
        replace_bytes(run / "steps.parquet", b"new")
    assert refused.value.args[1] == str(run / "steps.parquet")


def test_a_link_created_after_a_folder_was_opened_has_no_effect(run: Path, thesis: Path) -> None:
    with opened(run / "journal") as place:
        (run / "journal").rename(run / "moved")
        (run / "journal").symlink_to(thesis.parent)
        os.close(place.open("thesis.txt", os.O_RDWR | os.O_CREAT))
        place.remove("thesis.txt")
    assert thesis.read_bytes() == PRECIOUS
    assert list((run / "moved").iterdir()) == []


def test_named_pipes_and_devices_are_not_read(run: Path) -> None:
    os.mkfifo(run / "pipe")
    (run / "zeros").symlink_to("/dev/zero")
    for name, expected in (("pipe", "a named pipe, no file"), ("zeros", "a device, no file")):
        with pytest.raises(OSError, match=expected):
            read_bytes(run / name)
        with pytest.raises(StoreError, match=expected):
            read_journal(run / name)
        with pytest.raises(StoreError, match=expected):
            load_checkpoint(run / name)
    (run / "lock").symlink_to(run / "pipe")
    assert holder(run) is None


@pytest.mark.parametrize(
    "data", [PRECIOUS, b"precious", b"12345678", b"0" * 17, b"\0\0precious", b"\n", b"\0\n"]
)
def test_a_file_that_is_not_a_journal_is_never_taken_for_a_torn_journal(
    run: Path, data: bytes
) -> None:
    path = run / "journal" / "0000.jsonl"
    path.write_bytes(data)
    with pytest.raises(StoreError, match="does not begin as one"):
        Journal.open(path, "margin", 7)
    assert path.read_bytes() == data


def test_a_journal_torn_anywhere_within_its_first_line_is_started_again(run: Path) -> None:
    path = run / "journal" / "0000.jsonl"
    first = write_journal(path, 1).read_bytes().splitlines(keepends=True)[0]
    for cut in range(len(first)):
        for zeros in (0, 40):  # a power cut may keep the length of a file and lose its bytes
            path.write_bytes(first[:cut] + b"\0" * zeros)
            assert read_journal(path) is None
            Journal.open(path, "margin", 7).close()
            assert path.read_bytes() == first


def test_the_torn_journal_of_another_curve_is_unchanged(run: Path) -> None:
    path = write_journal(run / "journal" / "0000.jsonl", 1)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(StoreError, match="does not begin as one"):
        Journal.open(path, "margin", 8)
    assert path.stat().st_size == 50
