"""Accuracy by head, and by the modalities that a row has: which of them gains?"""

from collections import Counter
from collections.abc import Sequence
from textwrap import fill

from alsim.analysis.curves.curves import XAxis
from alsim.analysis.curves.metric_curves import Place
from alsim.analysis.statistics.bands import BandKind
from alsim.errors import UsageError
from alsim.models import MIXED
from alsim.plots.drawing.figures import Drawing
from alsim.plots.drawing.names import shortened
from alsim.plots.drawing.of_runs import DrawableRun, distinct
from alsim.plots.drawing.panels import Panel, draw_panels, places_in

_ALL = "all"
_WIDEST = 32  # characters of a title that fit above a panel


def draw_heads(
    runs: Sequence[DrawableRun],
    *,
    band: BandKind = "t",
    title: str | None = None,
    x: XAxis = "labels",
) -> Drawing:
    """Return a panel for each head on all of its rows, and for the mixed head by pattern.

    A pattern is the set of modalities that a row has. A panel has a line for each strategy, so it
    shows how much querying gains over random labels there.

    Raises:
        UsageError: If there is only one head, and all rows have the same modalities.
    """
    unique = distinct(runs)
    places = places_in(unique, "accuracy")
    heads = [place for place in places if place.modalities == _ALL]
    heads.sort(key=lambda place: place.head != MIXED)
    patterns = [place for place in places if place.head == MIXED and place.modalities != _ALL]
    patterns.sort(key=lambda place: -len(_modalities(place)))
    # If a task has one pattern, all of its rows have it.
    several = {task for task, n in Counter(place.task for place in patterns).items() if n > 1}
    patterns = [place for place in patterns if place.task in several]
    if len(heads) + len(patterns) < 2:
        raise UsageError(
            "there is only one head, and all rows have the same modalities",
            "alsim plot --kind heads",
            "run on a pool of several modalities with --model three-head; or draw --kind curve",
        )
    panels = [
        *(Panel(_titled(place, _head(place), places), (place,)) for place in heads),
        *(Panel(_titled(place, _pattern(place), places), (place,)) for place in patterns),
    ]
    return draw_panels(
        unique,
        "accuracy",
        panels,
        n_columns=_columns(len(heads), len(patterns)),
        band=band,
        title=title,
        x=x,
    )


def _columns(n_heads: int, n_patterns: int) -> int:
    """Return the number of columns: the heads in one row, the patterns below."""
    if n_heads == 1:
        return 2 if n_patterns == 3 else min(3, 1 + n_patterns)
    return min(4, max(n_heads, n_patterns))


def _head(place: Place) -> str:
    return f"{place.head} head, {'all rows' if place.head == MIXED else 'rows that have it'}"


def _modalities(place: Place) -> list[str]:
    return [] if place.modalities == "none" else place.modalities.split("+")


def _pattern(place: Place) -> str:
    names = _modalities(place)
    if not names:
        return f"{MIXED} head, rows with nothing"
    only = " only" if len(names) == 1 else ""
    return f"{MIXED} head, {' + '.join(names)}{only}"


def _titled(place: Place, words: str, places: Sequence[Place]) -> str:
    """Return a panel's title, wrapped to its width; with several tasks it names the task."""
    if len({each.task for each in places}) > 1:
        tasks = [each.task for each in places]
        words = f"{shortened(tasks)[places.index(place)]}: {words}"
    return fill(words, _WIDEST, break_on_hyphens=False)
