"""What is shown while a command that trains starts, and its server of workers."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

from alsim.cli.screen import console


@contextmanager
def starting() -> Generator[None]:
    """Show on stderr that the block imports for seconds; the process can be forked after it.

    So no thread moves a spinner, and the threads that OpenBLAS starts as NumPy and SciPy are
    imported are not started: products in this process are few.
    """
    threads = os.environ.get("OPENBLAS_NUM_THREADS")
    if threads is None:
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
    try:
        if sys.stderr.isatty():
            from rich.live import Live

            with Live(
                "starting", console=console(is_stderr=True), auto_refresh=False, transient=True,
                redirect_stdout=False, redirect_stderr=False,
            ):  # fmt: skip
                yield
        else:
            sys.stderr.write("starting\n")
            sys.stderr.flush()
            yield
    finally:
        if threads is None:
            del os.environ["OPENBLAS_NUM_THREADS"]
