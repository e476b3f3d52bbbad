"""NumPy's `.npy` and `.npz`, opened without running what they may hold."""

import zipfile
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
    try:
        # Opened here, since NumPy leaves a file open that it cannot read.
        with path.open("rb") as file:
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        if "Object arrays" in str(error):
            raise _objects(path.stem, str(path)) from None
        what, mend = f"the array cannot be read ({error})", "write it with numpy.save"
        raise PoolError(what, str(path), mend) from None
    if array.ndim == 0:
        raise PoolError("the array holds a single number", str(path), "give a row an object")
    return array


def load_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a `.npz` file, without single numbers.

    Raises:
        PoolError: If it cannot be read, or one holds Python objects.
    """
    name = ""
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            for name in archive.files:
                if archive[name].ndim:
                    arrays[name] = archive[name]
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        if "Object arrays" in str(error) and name:
            raise _objects(name, str(path)) from None
        what, mend = f"the archive cannot be read ({error})", "write it with numpy.savez"
        raise PoolError(what, str(path), mend) from None
    return arrays


def _objects(name: str, where: str) -> PoolError:
    what = f"the array {name!r} holds Python objects, which are not opened"
    mend = (
        f"save it without them: labels as {name}.astype(str), embeddings as "
        f"numpy.stack({name}).astype('float32')"
    )
    return PoolError(what, where, mend)
