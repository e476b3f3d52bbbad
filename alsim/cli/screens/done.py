"""What a finished study shows, whatever kind it is of."""

from collections.abc import Mapping
from typing import Any

from alsim.lazy import import_object
from alsim.store.manifest import FolderKind, StudyFolder, kind_of

_SCREENS: Mapping[FolderKind, str] = {
    "curves": "curves:print_run",
    "correlation": "correlation:print_correlation",
    "training": "training:print_training",
}


def print_done(done: StudyFolder, *, as_json: bool) -> None:
    """Print the summary of a study, by the kind that its manifest names."""
    show: Any = import_object(_SCREENS[kind_of(done.manifest)], "alsim.cli.screens")
    show(done, as_json=as_json)
