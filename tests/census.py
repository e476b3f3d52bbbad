"""Small files in the format of UCI for Census-Income (KDD)."""

import gzip
from pathlib import Path

import numpy as np

from alsim.pool.importers.census_files import COLUMNS, INCOMES, NUMBERS

EDUCATION = ["Children", "Bachelors degree(BA AB BS)", "Some college but no degree"]
EDUCATION += ["Associates degree-academic program", "Prof school degree (MD DDS DVM LLB JD)"]
MARITAL = ["Never married", "Divorced", "Married-spouse absent"]
RNG = np.random.default_rng(0)


def line(row: int) -> dict[str, str]:
    """Return the values of one person by column; numbers are whole, weights are not."""
    values = {name: str(RNG.integers(0, 90)) for name in NUMBERS}
    values |= {name: f"{name[:3]} {row % 4}" for name in COLUMNS if name not in NUMBERS}
    values["education"] = EDUCATION[row % 5]
    values["marital_status"] = MARITAL[row // 2 % 3]
    values["instance_weight"] = "1700.09"
    values["migration_msa"] = "?" if row % 2 else "Nonmover"
    values["income"] = list(INCOMES)[int(row % 7 == 0)]
    return {name: values[name] for name in (*COLUMNS, "income")}


def text(rows: list[dict[str, str]]) -> bytes:
    return "".join(", ".join(row.values()) + "\n" for row in rows).encode()


def write_files(folder: Path, *, packed: bool = False, n: int = 90) -> list[dict[str, str]]:
    """Write two thirds of `n` people as train and a third as test, and return them."""
    folder.mkdir(exist_ok=True)
    rows = [line(row) for row in range(n)]
    for part, some in (("data", rows[: 2 * n // 3]), ("test", rows[2 * n // 3 :])):
        data = text(some)
        path = folder / f"census-income.{part}{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(data) if packed else data)
    return rows
