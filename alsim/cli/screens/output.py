"""Results on stdout, in lines or as JSON; remarks and errors on stderr."""

import json
import re
import shlex
import sys
import textwrap
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alsim.cli.screen import width_of_stdout
from alsim.cli.streams import OutputError
from alsim.errors import AlsimError
from alsim.escaping import escaped, visible

NOTHING = "–"  # in a cell
# No line ends in a command, in an interval, as in "95 % 85 to 135", between a number and what is
# said of it, as in "p = .03", nor between an option and its value.
_TIED = re.compile(
    r"(?<=: )alsim [a-z].*|95 % \S+ to \S+| [=<±…] | %|\[[^\[\]]*\]|--[\w-]+ [^-\s]\S*"
)
_LONGEST = 2000  # characters of a line of an error


def print_json(data: Any) -> None:
    """Print JSON values, and nothing else, to stdout; what cannot be seen is escaped as in JSON."""
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(data, indent=2, ensure_ascii=not is_unicode)
    sys.stdout.write(escaped(text, "\n", _in_json) + "\n")


def _in_json(character: str) -> str:
    return json.dumps(character)[1:-1] if character != "\x7f" else r"\u007f"


def print_lines(lines: Sequence[str]) -> None:
    """Print lines to stdout; those too long for a terminal are broken between words.

    Paths and commands are left whole, so that they can be copied: the terminal wraps them.
    """
    lines = [visible(line) for line in lines]
    if sys.stdout.isatty():
        width = width_of_stdout()
        filled = [
            textwrap.fill(
                _TIED.sub(lambda found: found[0].replace(" ", "\u00a0"), line),
                *(width,), subsequent_indent="  ", break_on_hyphens=False, break_long_words=False,
            )
            for line in lines
        ]  # fmt: skip
        lines = [line.replace("\u00a0", " ") for line in filled]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def print_remarks(kind: str, remarks: Iterable[str]) -> None:
    """Print remarks of a kind, such as "warning", to stderr."""
    for remark in remarks:
        sys.stderr.write(f"{kind}: {visible(remark)}\n")


def print_error(error: AlsimError) -> None:
    """Print to stderr what happened, where, and how to mend it."""
    lines = f"error: {error}".split("\n")
    sys.stderr.write("".join(f"{_shortened(visible(line))}\n" for line in lines))


def _shortened(line: str) -> str:
    """Return a line without its middle where it is so long that it would bury the others."""
    half = _LONGEST // 2
    return line if len(line) <= _LONGEST else f"{line[:half]} … {line[-half:]}"


def quoted(path: Path | str) -> str:
    """Return a path as it is typed in a shell."""
    return shlex.quote(str(path))


@contextmanager
def reporting(path: Path, mend: str) -> Generator[None]:
    """Print inside what was found; if that fails, the error says that it is written, and where.

    Raises:
        OutputError: If stdout cannot be written.
    """
    try:
        yield
        sys.stdout.flush()
    except OutputError as error:
        what = f"the result is complete and written, but {error.args[0]}"
        raise OutputError(what, str(path), mend) from None


def print_gap() -> None:
    """Print an empty line to stdout."""
    sys.stdout.write("\n")
