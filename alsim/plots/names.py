"""Names as there is room for them in a picture: short, and yet distinct."""

from collections.abc import Sequence

from alsim.escaping import visible

_LONGEST = 22  # letters of the name of a class or a task
_LONGEST_LABEL = 44  # of a strategy or model, with the run's name


def shortened(names: Sequence[str], longest: int = _LONGEST) -> list[str]:
    """Return names without their middle where they are long; those that differ stay distinct.

    Args:
        names: In any number; equal ones are shortened alike.
        longest: Letters that a name may have.
    """
    whole = list(dict.fromkeys(names))
    seen = [visible(name) for name in whole]
    # About the middle first, else further ahead or back, until what differs is not cut.
    places = sorted(range(longest), key=lambda place: abs(2 * place - longest + 1))
    cuts = ([_cut(name, place, longest) for name in seen] for place in places)
    numbered = [
        name if len(name) <= longest else f"{_cut(name, longest // 2, longest - 5)} ({n})"
        for n, name in enumerate(seen, 1)
    ]
    short = next((cut for cut in cuts if len(set(cut)) == len(whole)), numbered)
    told = dict(zip(whole, short, strict=True))
    return [told[name] for name in names]


def as_labels(names: Sequence[str]) -> list[str]:
    """Return the labels of lines; matplotlib leaves those out of legends that begin with "_"."""
    labels = shortened(names, _LONGEST_LABEL)
    return [f" {label}" if label.startswith("_") else label for label in labels]


def _cut(name: str, n_first: int, longest: int) -> str:
    """Return a name of at most so many letters, of which so many are its first."""
    if len(name) <= longest:
        return name
    n_last = max(longest - n_first - 1, 0)
    return f"{name[:n_first]}…{name[len(name) - n_last :]}"
