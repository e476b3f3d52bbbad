"""The command line, the only place that knows Typer and Rich."""

import sys
from typing import NoReturn

# Commands that run no code of others, which might use pandas.
_WITHOUT_PANDAS = ("compare", "gates", "plot", "pool")


class _NoPandas:
    """Hides pandas: PyArrow imports it, in half a second, to see whether a value is one of its."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def main() -> NoReturn:
    """Run the command line, and end the process."""
    from alsim.cli.ending import ending_well, leave
    from alsim.cli.streams import own_streams

    if set(sys.argv[1:2]).intersection(_WITHOUT_PANDAS):
        sys.meta_path.insert(0, _NoPandas())
    own_streams()
    code: object = 0
    try:
        with ending_well():
            from alsim.cli.main import app

            app()
    except SystemExit as ending:
        code = ending.code
    leave(code)
