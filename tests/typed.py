"""Calls for the type checker: it fails if a marked line is no error, or another line is one."""

from pathlib import Path
from typing import assert_type

import alsim
from alsim.options.curves import CurvesOptions
from alsim.options.sizes import QuerySize


def twins_know_their_arguments() -> None:
    alsim.run("pool.parquet", strategy="margin", query_size=20, seeds=[1, 2], steps=3)
    alsim.run(query_sise=20)  # pyright: ignore[reportCallIssue]
    alsim.run(steps="many")  # pyright: ignore[reportArgumentType]
    alsim.run(oracle="nosy")  # pyright: ignore[reportArgumentType]
    alsim.correlate(metric=["margin"], group_size=10)
    alsim.correlate(query_size=20)  # pyright: ignore[reportCallIssue]
    alsim.train(model="mmoe", fractions=[0.1, 1])
    alsim.train(epochs=3)  # pyright: ignore[reportCallIssue]
    alsim.compare(["runs/a", Path("runs/b")], x="cost", share=0.9)
    alsim.compare()  # pyright: ignore[reportCallIssue]
    alsim.compare("runs/a", x="money")  # pyright: ignore[reportArgumentType]
    alsim.resume("runs/a", pool="pool.parquet", workers=2)
    alsim.resume("runs/a", seeds=2)  # pyright: ignore[reportCallIssue]


def options_hold_what_was_meant(options: CurvesOptions) -> None:
    assert_type(options.query_size, QuerySize | None)
    assert_type(options.seeds, tuple[int, ...])
    assert_type(options.steps, int | None)
