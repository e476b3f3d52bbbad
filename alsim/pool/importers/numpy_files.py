"""NumPy's `.npy` and `.npz`, opened without running code that they may hold."""

import zipfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alsim.errors import PoolError


def load_npy(path: Path) -> NDArray[Any]:
    """Return the array of a `.npy` file.

    Raises:
        PoolError: If it cannot be read, holds Python objects or a single number.
    """
    # Opened here, since NumPy leaves a file open that it cannot read.
    with _reading(path, [path.stem], "numpy.save"), path.open("rb") as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    if array.ndim == 0:
        raise PoolError("the array holds a single number", str(path), "give one value a row")
    return array


def load_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a `.npz` file, without single numbers.

    Raises:
        PoolError: If it cannot be read, or one holds Python objects.
    """
    names: list[str] = []
    arrays: dict[str, NDArray[Any]] = {}
    with (
        _reading(path, names, "numpy.savez"),
        path.open("rb") as file,
        np.load(file, allow_pickle=False) as archive,
    ):
        for name in archive.files:
            names.append(name)
            if archive[name].ndim:
                arrays[name] = archive[name]
    return arrays


@contextmanager
def _reading(path: Path, names: Sequence[str], function: str) -> Generator[None]:
    """Raise one PoolError for whatever NumPy raises over the last of `names`."""
    try:
        yield
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        what, mend = f"the file cannot be read ({error})", f"write it with {function}"
        if "Object arrays" in str(error) and names:
            what = f"the array {names[-1]!r} holds Python objects, which are not opened"
            mend = (
                f"save it without them: labels as {names[-1]}.astype(str), embeddings as "
                f"numpy.stack({names[-1]}).astype('float32')"
            )
        raise PoolError(what, str(path), mend) from None
