"""The strict mode of MKL, in which a row's product does not depend on the rows beside it."""

import ctypes
import os
from pathlib import Path

import torch

VARIABLE = "MKL_CBWR"
_STRICT = 1 << 16  # this bit of the mode
_ALL = -1  # asks for all bits of the mode


def strict_mode() -> str:
    """Return what the variable should be: the user's own choice, else the strict mode.

    It must name an instruction set; the processor's best costs nothing against the default.
    """
    best = "AVX512" if torch.backends.cpu.get_cpu_capability() == "AVX512" else "AVX2"
    return os.environ.get(VARIABLE, f"{best},STRICT")


def compute_strictly(workers: object) -> None:
    """Set the variable for this process if it does the work itself (0 `workers`).

    MKL reads it once, when it is first used.
    """
    if workers == 0:
        os.environ[VARIABLE] = strict_mode()


def is_strict() -> bool:
    """Return whether the variable was set before this process first used MKL.

    Also True if there is no MKL, or the user chose another mode; False if MKL does not answer.
    """
    if not torch.backends.mkl.is_available() or "STRICT" not in strict_mode():
        return True
    try:
        library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
        return bool(library.mkl_serv_cbwr_get(_ALL) & _STRICT)
    except (OSError, AttributeError):
        return False
