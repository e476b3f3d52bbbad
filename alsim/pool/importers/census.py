"""Census-Income (KDD), UCI: pairs of tasks on one table, as Ma et al. (2018), §5.1, set them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alsim.errors import PoolError, UsageError
from alsim.pool.importers.build import build_pool
from alsim.pool.importers.census_files import COLUMNS, INCOME, NUMBERS, read_census
from alsim.pool.importers.table import ImportOptions
from alsim.pool.pool import Split
from alsim.pool.roles import Roles
from alsim.pool.splits import SYNONYMS, stratified
from alsim.shuffling import twister

# "At least college" of the paper: with an associate degree its correlation is met, .2373.
COLLEGE = ("Associates degree", "Bachelors degree", "Masters degree", "Prof school", "Doctorate")
NOT_INPUTS = frozenset({"education", "marital_status", "instance_weight"})


@dataclass(frozen=True, slots=True)
class Group:
    """A pair of tasks."""

    main: str
    correlation: float  # |Pearson| of the labels in the paper, from a sample of 10,000
    name: str


AUXILIARY = "never_married"
GROUPS: dict[int, Group] = {
    1: Group("income_over_50k", 0.1768, "income above 50,000 and never married"),
    2: Group("edu_associate_plus", 0.2373, "at least an associate degree and never married"),
}


def import_census(paths: Sequence[Path], options: ImportOptions) -> pa.Table:
    """Return the pool of a pair of tasks: two labels, and the columns that may be its inputs.

    Inputs are all columns but those that the tasks are made of (education and marital status in
    both groups, income in the first) and the weight of the instance. Seven are numbers; the
    others, codes and the year among them, are categories. Rows of the test file are halved into
    validation and test, stratified by the pairs of labels and with a fixed seed. With `only`, the
    rows of one split are used alone and split anew: half train, a quarter validation, a quarter
    test.

    The paths are the files `census-income.data` and `census-income.test`, gzipped or not, their
    folder, or one Parquet file with their 42 columns and a split.

    Raises:
        PoolError: With all that is wrong with the files.
        UsageError: If no group is chosen.
    """
    where = ", ".join(map(str, paths))
    if options.group is None:
        pairs = "; ".join(f"--group {number}: {group.name}" for number, group in GROUPS.items())
        raise UsageError("Census-Income has two pairs of tasks", where, f"choose one: {pairs}")
    group = GROUPS[options.group]
    if options.only not in (None, *SYNONYMS):
        mend = "give the name of a split: train or test"
        raise UsageError(f"--only is {options.only!r}", where, mend)
    only = None if options.only is None else SYNONYMS[options.only]
    table, is_test = read_census(paths, only, where)
    labels = {
        INCOME: table.column(INCOME).to_numpy().astype(np.int8),
        "edu_associate_plus": _starts_with(table, "education", COLLEGE),
        AUXILIARY: _starts_with(table, "marital_status", ("Never married",)),
    }
    pair = [labels[group.main], labels[AUXILIARY]]
    for name, values in zip((group.main, AUXILIARY), pair, strict=True):
        if len(np.unique(values)) < 2:
            what = f"{name} is {values[0]} in every row"
            raise PoolError(what, where, "give the files as UCI has them")
    strata = 2 * pair[0].astype(np.int64) + pair[1]
    split = _split(strata, is_test, is_anew=options.only is not None)
    inputs = [name for name in COLUMNS if name not in NOT_INPUTS]
    columns: dict[str, Any] = {"id": pa.array(np.arange(table.num_rows))}
    for name in inputs:
        column = table.column(name).combine_chunks()
        columns[name] = column if name in NUMBERS else column.dictionary_encode()
    if group.main != INCOME:
        columns[INCOME] = pa.array(labels[INCOME])
        inputs.append(INCOME)
    columns |= {name: pa.array(labels[name]) for name in (group.main, AUXILIARY)}
    columns["split"] = pa.array(split).dictionary_encode()
    kinds: dict[str, Literal["class"]] = {group.main: "class", AUXILIARY: "class"}
    matrix: Any = np.corrcoef(np.stack(pair))
    correlation = abs(float(matrix[0, 1]))
    sizes = ", ".join(f"{name} {split.count(name):,}" for name in ("train", "validation", "test"))
    return build_pool(
        columns,
        Roles((), kinds, None, "split", "id", tuple(inputs)),
        where,
        [
            f"tasks: {group.main} ({pair[0].mean():.2%} of the rows) and {AUXILIARY} "
            f"({pair[1].mean():.2%})",
            f"|Pearson| of their labels: {correlation:.4f} (Ma et al. 2018: {group.correlation})",
            f"{len(inputs)} inputs; splits: {sizes}",
        ],
    )


def _starts_with(table: pa.Table, name: str, beginnings: Sequence[str]) -> NDArray[np.int8]:
    column: Any = table.column(name).fill_null(pa.scalar(""))
    found = [pc.starts_with(column, beginning).to_numpy() for beginning in beginnings]
    return np.logical_or.reduce(found).astype(np.int8)


def _split(strata: NDArray[np.int64], is_test: NDArray[np.bool_], *, is_anew: bool) -> list[Split]:
    """Return the split of each row: test rows are halved, or all rows, and the rest once more."""
    split = np.where(is_test | is_anew, "test", "train").astype(object)
    generator = twister(0, "census", "anew" if is_anew else "validation")
    for name in ("train", "validation") if is_anew else ("validation",):
        test = np.flatnonzero(split == "test")
        split[test[stratified(strata[test], len(test) // 2, generator)]] = name
    return split.tolist()
