"""The styles of lines: colours that colour-blind readers can distinguish, each with its dashes."""

from collections.abc import Sequence
from dataclasses import dataclass

Dashes = tuple[float, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class LineStyle:
    """The style of one curve."""

    colour: str
    dashes: Dashes


# Okabe & Ito's palette, with brown in place of yellow, which is too faint on white. Each colour has
# its own dashes (on, off, on, off … in line widths), for print without colour.
STYLES = (
    LineStyle("#0072B2", (0, ())),  # blue
    LineStyle("#D55E00", (0, (5, 1.6))),  # vermilion
    LineStyle("#009E73", (0, (6, 1.5, 1.2, 1.5))),  # green
    LineStyle("#CC79A7", (0, (8, 1.5, 3, 1.5))),  # purple
    LineStyle("#E69F00", (0, (7, 2))),  # orange
    LineStyle("#56B4E9", (0, (3, 1.2, 1.2, 1.2, 1.2, 1.2))),  # sky blue
    LineStyle("#8C5B2F", (0, (2.5, 1))),  # brown
    LineStyle("#000000", (0, (12, 2))),  # black
)
BASELINE_STYLE = LineStyle("#757575", (0, (1.4, 0.9)))  # grey: what the others are compared with
CONTROL_STYLE = LineStyle("#333333", (0, (4, 2.4)))  # dashed: what training on alone gives
# These strategies look the same in every plot, unless their style is taken.
_PREFERRED = {"margin": 0, "least-confident": 1, "entropy": 2, "bald": 3}


def styles_of(names: Sequence[str], baseline: str | None = None) -> dict[str, LineStyle]:
    """Return a style for each name, the baseline's grey; up to 64 names have distinct styles.

    Well-known strategies have their own style, with or without parameters; the others get the free
    styles in the order given. Beyond eight names, colours repeat with other dashes.
    """
    n = len(STYLES)
    chosen = {name: BASELINE_STYLE for name in names if name == baseline}
    chosen |= {name: CONTROL_STYLE for name in names if name.partition("(")[0] == "control"}
    others = [name for name in names if name not in chosen]
    for name in others:
        preferred = _PREFERRED.get(name.partition("(")[0])
        if preferred is not None and STYLES[preferred] not in chosen.values():
            chosen[name] = STYLES[preferred]
    free = [style for style in STYLES if style not in chosen.values()]
    again = [
        LineStyle(style.colour, STYLES[(k + turn) % n].dashes)
        for turn in range(1, len(others) // n + 1)
        for k, style in enumerate(STYLES)
    ]
    rest = [name for name in others if name not in chosen]
    chosen.update(zip(rest, [*free, *again], strict=False))
    return chosen


def line_styles(
    keys: Sequence[tuple[str, str]], everyone: Sequence[str] = (), baseline: str | None = None
) -> dict[tuple[str, str], LineStyle]:
    """Return the style of each (run, strategy).

    With one run the style shows the strategy; with one strategy it shows the run. Otherwise the
    colour shows the strategy and the dashes show the run. The baseline is grey. `everyone` are all
    strategies, drawn or not, so that one has the same style in every picture of its run.
    """
    runs = list(dict.fromkeys(run for run, _ in keys))
    strategies = list(dict.fromkeys(strategy for _, strategy in keys))
    by_strategy = styles_of(list(dict.fromkeys([*everyone, *strategies])), baseline)
    by_run = styles_of(runs)
    if len(runs) == 1:
        return {key: by_strategy[key[1]] for key in keys}
    if len(strategies) == 1:
        return {key: by_run[key[0]] for key in keys}
    return {
        (run, strategy): LineStyle(
            by_strategy[strategy].colour, STYLES[runs.index(run) % len(STYLES)].dashes
        )
        for run, strategy in keys
    }
