"""The report of a dead worker process, from its last output."""

import pytest

from alsim.studies.workers.processes import death_of

TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1\n'


@pytest.mark.parametrize(
    "last",
    [
        "MemoryError",
        "ImportError: libtorch_cpu.so: failed to map segment from shared object",
        "OpenBLAS error: Memory allocation still failed after 10 retries, giving up.",
        "OSError: [Errno 12] Cannot allocate memory",
        "terminate called after throwing an instance of 'std::bad_alloc'",
    ],
)
def test_a_worker_that_ran_out_of_memory_shows_only_its_last_line(last: str) -> None:
    what, where, mend = death_of(1, TRACEBACK + last, "margin, seed 0").args
    assert what == f"a worker process ran out of memory: {last}"
    assert where == "margin, seed 0"
    assert "--workers 1" in mend


def test_a_worker_that_failed_in_its_own_code_shows_where() -> None:
    what, *_ = death_of(1, f"{TRACEBACK}ValueError: x", "margin, seed 0").args
    assert what == f"a worker process ended with exit code 1:\n{TRACEBACK}ValueError: x"
