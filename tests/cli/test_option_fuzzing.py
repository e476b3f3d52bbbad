"""Any value of an option gives one message and its exit code, and nothing is written elsewhere."""

import os
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_trainings import write_made_training
from option_values import (
    DEVICE,
    FOLDER,
    POOL,
    RUN,
    STARTS,
    TEXT,
    TOML,
    Parameter,
    line_of,
    parameters,
)
from tiny_runs import write_tiny_run
from typer.testing import CliRunner

from alsim.cli.main import app
from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool

CODES = {0, 2, 3, 4, 5}
PARAMETERS = parameters()
COMMANDS = typer.main.get_command(app)
# A title may have characters that the font lacks, and may be too long for any picture.
pytestmark = pytest.mark.filterwarnings("ignore:Glyph", "ignore:constrained_layout")
A_FEW, A_STEP = 2, 7  # values of each option in the quick tests, and the offset for the next option


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Yield the folder in which commands run, with every file that their options may name."""
    here = tmp_path / "here"
    here.mkdir()
    pool = vk_pool(VkOptions(n_rows=90, picture_width=3, text_width=2, n_classes=3))
    pq.write_table(pool, here / POOL)
    write_tiny_run(here / RUN)
    write_made_training(here / "runs" / "trained")
    (here / TOML).write_text('title = "x"\n')
    (here / TEXT).write_text("one\ntwo\n")
    (here / FOLDER).mkdir()
    make_device(here / DEVICE)
    (here / "tmp").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        # Building all commands takes most of the time, so it is done once.
        patch.setattr("typer.testing._get_command", lambda _: COMMANDS, raising=False)
        patch.setattr(tempfile, "tempdir", str(here / "tmp"))
        for name in ("TMPDIR", "MPLCONFIGDIR"):
            patch.setenv(name, str(here / "tmp"))
        yield here


def make_device(path: Path) -> None:
    """Make a device like /dev/null, or a socket if the user may not make devices."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        with chdir(path.parent), socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)  # a full path is easily too long


class Changes:
    """The paths that Python code makes or removes.

    The hook receives each attempt before it succeeds or fails; it can be switched off, not removed.
    """

    def __init__(self) -> None:
        self._made: set[str] | None = None
        self._removed: set[str] = set()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._made is None:
            return
        paths = [
            os.fsdecode(each) for each in arguments[:2] if isinstance(each, str | bytes | Path)
        ]
        paths = [path for path in paths if "\0" not in path]
        if event == "open":
            mode, flags = arguments[1:]
            is_written = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if is_written or set(mode or "") & set("wax+"):
                self._made |= {*paths[:1]} - {mode}  # alone where a descriptor is opened
        elif event in ("os.rename", "os.link", "os.symlink"):
            self._made |= {paths[-1]}
        elif event == "os.mkdir":
            self._made |= {path for path in paths if not os.path.lexists(path)}
        elif event in ("os.remove", "os.rmdir"):
            self._removed |= {path for path in paths if os.path.lexists(path)}

    @contextmanager
    def heard(self) -> Iterator[list[str]]:
        """Yield a list that holds the changed paths after the block."""
        self._made, self._removed, changed = set(), set(), list[str]()
        try:
            yield changed
        finally:
            made, self._made = self._made, None
            changed += [os.path.realpath(path) for path in made if os.path.lexists(path)]
            changed += [os.path.realpath(path) for path in self._removed]


CHANGES = Changes()


def fault_of(place: Path, line: Sequence[str]) -> str | None:
    """Run a command; return what is wrong with its end, or None."""
    device = os.lstat(place / DEVICE)
    with CHANGES.heard() as changed:
        done = CliRunner().invoke(app, list(line))
    if not isinstance(done.exception, SystemExit | None):
        return f"{type(done.exception).__name__}: {str(done.exception)[:200]}"
    if done.exit_code not in CODES:
        return f"exit code {done.exit_code}"
    if "Traceback" in done.output:
        return "a traceback"
    # The check of a pool prints its faults.
    is_fault = line[:2] == ["pool", "check"] and "fault" in done.stdout
    if done.exit_code and not is_fault and not is_message(done.stderr, done.exit_code):
        return f"no message: {done.stderr!r}"
    outside = {path for path in changed if not path.startswith((str(place), os.devnull))}
    outside -= {path for path in outside if "__pycache__" in path}
    if outside:
        return f"written elsewhere: {sorted(outside)}"
    if os.lstat(place / DEVICE)[:3] != device[:3]:
        return "the device is gone"
    return None


def is_message(text: str, code: int) -> bool:
    """Return whether a text ends with the three parts of an error: what, where and mend.

    Errors of the command-line parser have their own form.
    """
    if "error: " in text:
        message = text[text.rindex("error: ") :]
        return "\n  where: " in message and "\n  mend:  " in message
    return code == 2 and text.count("Error: ") == 1


def few(of: Parameter, start: int) -> list[str]:
    """Return some values of a parameter; the next parameter gets others."""
    n = len(of.values)
    return list(islice(cycle(of.values), start % n, start % n + min(A_FEW, n)))


def refuse_faults(place: Path, lines: Sequence[Sequence[str]]) -> None:
    faults = [
        f"{[each[:80] for each in line]}\n    {fault}"
        for line in lines
        if (fault := fault_of(place, line))
    ]
    assert not faults, f"{len(faults)} of {len(lines)}\n" + "\n".join(faults)


def of_command(command: str) -> list[Parameter]:
    return [each for each in PARAMETERS if each.command == command]


def test_the_list_covers_every_command() -> None:
    assert {each.command for each in PARAMETERS} == set(STARTS)
    assert len(PARAMETERS) > 250


@pytest.mark.long
@pytest.mark.process
@pytest.mark.parametrize("command", STARTS)
def test_a_hostile_value_gives_one_message(command: str, place: Path) -> None:
    mine = of_command(command)
    lines = [
        line_of((each, value)) for i, each in enumerate(mine) for value in few(each, i * A_STEP)
    ]
    refuse_faults(place, lines)


@pytest.mark.slow
@pytest.mark.parametrize("command", STARTS)
def test_every_hostile_value_gives_one_message(command: str, place: Path) -> None:
    refuse_faults(
        place, [line_of((each, value)) for each in of_command(command) for value in each.values]
    )


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """Draw a command with two to five of its options; one may come twice."""
    command = draw(st.sampled_from([name for name in STARTS if len(of_command(name)) > 1]))
    # Without a pool, no pool is named.
    mine = [each for each in of_command(command) if each.name != "--pool"]
    chosen = draw(st.lists(st.sampled_from(mine), min_size=2, max_size=5))
    chosen = [each for each in chosen if not each.is_argument] or [mine[-1]]
    return line_of(*((each, draw(st.sampled_from(each.values))) for each in chosen))


IN_PLACE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.long
@settings(max_examples=50, suppress_health_check=IN_PLACE)
@given(line=lines())
def test_several_hostile_values_give_one_message(line: list[str], place: Path) -> None:
    refuse_faults(place, [line])


@pytest.mark.slow
@settings(max_examples=2000, suppress_health_check=IN_PLACE)
@given(line=lines())
def test_any_combination_of_hostile_values_gives_one_message(line: list[str], place: Path) -> None:
    refuse_faults(place, [line])


SIZES = (
    "--pool=pool.parquet",
    "--seeds=1",
    "--max-epochs=1",
    "--model=auto(width=4)",
    "--workers=1",
)
STUDIES = {
    "run": ("--initial-size=12", "--query-size=2", "--steps=1", "--strategy=random"),
    "correlate": ("--initial-size=12", "--sample-size=12", "--group-size=4", "--metric=loss"),
    "train": ("--model=mmoe",),
}


@pytest.mark.slow
@pytest.mark.parametrize("command", STUDIES)
def test_every_choice_other_than_the_default_succeeds(command: str, place: Path) -> None:
    base = [command, *SIZES, *STUDIES[command]]
    tried = [
        [*base, f"{each.name}={choice}", f"--out=made-{i}-{choice}"]
        for i, each in enumerate(of_command(command))
        for choice in each.choices
    ]
    refuse_faults(place, [[*base, "--out=plain"], *tried])
    assert (place / "plain" / "run.json").is_file()
