"""A study from its command to what it shows, whatever kind it is of."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from alsim.lazy import import_object

_SCREENS = {
    "curves": "curves:print_run",
    "correlation": "correlation:print_correlation",
    "training": "training:print_training",
}


def carry_out(command: str, given: Mapping[str, Any], *, as_json: bool, **shown: Any) -> None:
    """Call the Python twin of a command, show its progress, and print what it found.

    How it is `shown` is for the screen of its kind alone.
    """
    from alsim.cli.screens.starting import starting

    with starting():
        import alsim
        from alsim.cli.screens.progress import watching
        from alsim.store.manifest import kind_of
        from alsim.studies.workers.forking import server_of_workers

        study = getattr(alsim, command)
    forking = nullcontext() if given.get("workers") == 0 else server_of_workers()
    with forking, watching() as watch:
        done = study(**given, watch=watch)
    show: Any = import_object(_SCREENS[kind_of(done.manifest)], "alsim.cli.screens")
    show(done, as_json=as_json, **shown)
