"""The command line, the only place that knows Typer and Rich."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, and end the process."""
    from alsim.cli.ending import ending_well, leave
    from alsim.cli.streams import own_streams
    from alsim.cli.without_pandas import hide_pandas

    hide_pandas(sys.argv[1:])
    own_streams()
    code: object = 0
    try:
        with ending_well():
            from alsim.cli.main import app

            app()
    except SystemExit as ending:
        code = ending.code
    leave(code)
