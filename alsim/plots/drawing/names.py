"""Names shortened to fit a plot, but still distinct."""

from collections.abc import Sequence

from alsim.escaping import visible

_LONGEST = 22  # letters of a class's or a task's name
_LONGEST_LABEL = 44  # letters of a strategy or model, with the run's name


def shortened(names: Sequence[str], longest: int = _LONGEST) -> list[str]:
    """Return names, the long ones without their middle; different names stay different."""
    whole = list(dict.fromkeys(names))
    seen = [visible(name) for name in whole]
    # Cut in the middle first, then further left or right, until all names differ.
    places = sorted(range(longest), key=lambda place: abs(2 * place - longest + 1))
    cuts = ([_cut(name, place, longest) for name in seen] for place in places)
    numbered = [
        name if len(name) <= longest else f"{_cut(name, longest // 2, longest - 5)} ({n})"
        for n, name in enumerate(seen, 1)
    ]
    short = next((cut for cut in cuts if len(set(cut)) == len(whole)), numbered)
    by_name = dict(zip(whole, short, strict=True))
    return [by_name[name] for name in names]


def as_labels(names: Sequence[str]) -> list[str]:
    """Return the labels of lines; matplotlib omits labels that begin with "_" from legends."""
    labels = shortened(names, _LONGEST_LABEL)
    return [f" {label}" if label.startswith("_") else label for label in labels]


def _cut(name: str, n_first: int, longest: int) -> str:
    """Return a name cut to `longest` letters, of which `n_first` are its first."""
    if len(name) <= longest:
        return name
    n_last = max(longest - n_first - 1, 0)
    return f"{name[:n_first]}…{name[len(name) - n_last :]}"
