"""The command line, the only place that knows Typer and Rich."""


def main() -> None:
    """Run the command line."""
    from alsim.cli.ending import ending_well

    with ending_well():
        from alsim.cli.main import app

        app()
