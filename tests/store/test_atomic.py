import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alsim.errors import StoreError
from alsim.store.atomic import cannot_write, replace_bytes, replacing

CALLS = ("open", "write", "fsync", "replace")


def failing(name: str, n: int, code: int) -> Callable[..., Any]:
    """Return the system call of this name, made to fail at the n-th time."""
    real, calls = getattr(os, name), [0]

    def call(*arguments: Any, **keywords: Any) -> Any:
        calls[0] += 1
        if calls[0] == n:
            raise OSError(code, os.strerror(code))
        return real(*arguments, **keywords)

    return call


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("name", CALLS)
def test_whichever_call_fails_the_file_is_the_old_one_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    path = tmp_path / "run.json"
    n_failed = 0
    for n in range(1, 4):
        path.write_bytes(b"old")
        with monkeypatch.context() as patched:
            patched.setattr(os, name, failing(name, n, code))
            try:
                replace_bytes(path, b"new")
            except StoreError as error:
                n_failed += 1
                assert os.strerror(code) in error.args[0]  # noqa: PT017 -- it may not be raised
                assert path.read_bytes() in (b"old", b"new")
            else:
                assert path.read_bytes() == b"new"
        assert list(tmp_path.iterdir()) == [path]
    # The file and its folder are opened and flushed to disk; the rest is done once.
    assert n_failed == (2 if name in ("open", "fsync") else 1)


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    with replacing(tmp_path / "file") as file:
        file.write(b"0123456789" * 10)
    assert (tmp_path / "file").read_bytes() == b"0123456789" * 10


def test_the_remedy_fits_the_failure_and_names_the_run(tmp_path: Path) -> None:
    run = tmp_path / "posts"
    (run / "journal").mkdir(parents=True)
    journal = run / "journal" / "0000.jsonl"

    def advice(code: int) -> str:
        error = cannot_write(journal, OSError(code, os.strerror(code)))
        assert error.args[:2] == (f"cannot write: {os.strerror(code)}", str(journal))
        return str(error.args[2])

    assert advice(errno.ENOSPC) == "free some space there, then run it again"
    (run / "run.json").touch()
    resume = f"go on: alsim resume {run}"
    assert advice(errno.ENOSPC) == advice(errno.EDQUOT) == f"free some space there, then {resume}"
    for code in (errno.EACCES, errno.EPERM, errno.EROFS):
        assert advice(code).startswith(f"allow writing there, then {resume}; or name a folder")
    assert advice(errno.ENOENT).startswith("the folder was moved or deleted under way")
    assert resume in advice(errno.EIO)
    table = cannot_write(run / "steps.parquet", OSError(errno.ENOSPC, "full"))
    assert resume in table.args[2]
