import os
import signal
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import settings

# Shared machines pause; and a failure found by CI must be reproducible by the next run.
settings.register_profile("alsim", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("alsim")

# Before torch is imported: tests run side by side, and small products gain nothing from threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Processes started by tests use the compiled bytecode of alsim.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

from alsim.studies.bits import compute_strictly  # noqa: E402 -- imports torch

compute_strictly(0)  # runs in the test process give the same bits as worker processes

# Under nohup or in the background, a process and its children ignore signals. The tests do, too,
# but processes they start do not: a handler, unlike "ignore", is not inherited by a new program.
for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda number, frame: None)

_STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"}
_unmarked: list[str] = []  # the running test, unless it is marked to start processes


def _refuse_processes(event: str, arguments: tuple[object, ...]) -> None:
    if event in _STARTS and _unmarked and arguments[:1] != ("uname",):  # that is `platform`
        raise AssertionError(f"{_unmarked[0]} starts a process: give it pytest.mark.process")


sys.addaudithook(_refuse_processes)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Allow only tests marked `process` or `slow` to start a process."""
    if not any(map(item.get_closest_marker, ("process", "slow"))):
        _unmarked.append(item.nodeid)
    try:
        return (yield)
    finally:
        _unmarked.clear()


SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Return the path of a real pool by its name; skip the test if the pools are not available."""

    def path(name: str) -> Path:
        found = SHARED / f"{name}.parquet"
        if not found.is_file():
            pytest.skip(f"the real pool {name} is not in ../shared/data")
        return found

    return path
