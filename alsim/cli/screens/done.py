"""A study from its command to what it shows, whatever kind it is of."""

from collections.abc import Mapping
from typing import Any

from alsim.lazy import import_object

_SCREENS = {
    "curves": "curves:print_run",
    "correlation": "correlation:print_correlation",
    "training": "training:print_training",
}


def carry_out(command: str, given: Mapping[str, Any], *, as_json: bool) -> None:
    """Call the Python twin of a command, show its progress, and print what it found."""
    from alsim.cli.screens.progress import watching

    with watching() as watch:
        watch.stage("starting")  # what is imported next takes a few seconds
        import alsim
        from alsim.store.manifest import kind_of

        done = getattr(alsim, command)(**given, watch=watch)
    show: Any = import_object(_SCREENS[kind_of(done.manifest)], "alsim.cli.screens")
    show(done, as_json=as_json)
