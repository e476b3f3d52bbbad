"""The files of Census-Income (KDD): 42 values a line, without a header, and `?` for null."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from alsim.errors import PoolError
from alsim.options.faults import Faults
from alsim.pool.columns import plain_column
from alsim.pool.importers.files import read_unpacked
from alsim.pool.pool import SPLITS, Split
from alsim.pool.source import open_source
from alsim.pool.splits import read_splits
from alsim.pool.wording import count, listed

# In the order of the files; census-income.names describes them.
COLUMNS = (
    "age", "class_of_worker", "industry_code", "occupation_code", "education", "wage_per_hour",
    "enrolled_in_edu_last_wk", "marital_status", "major_industry", "major_occupation", "race",
    "hispanic_origin", "sex", "labor_union_member", "unemployment_reason",
    "full_or_part_time", "capital_gains", "capital_losses", "stock_dividends",
    "tax_filer_status", "prev_residence_region", "prev_residence_state",
    "household_family_status", "household_summary", "instance_weight", "migration_msa",
    "migration_region", "migration_within_region", "lived_in_house_1yr_ago",
    "migration_sunbelt", "persons_worked_for_employer", "family_members_under_18",
    "father_birth_country", "mother_birth_country", "self_birth_country", "citizenship",
    "self_employed_code", "veterans_questionnaire", "veterans_benefits_code", "weeks_worked",
    "year",
)  # fmt: skip
INCOME = "income_over_50k"
NUMBERS = frozenset(
    {
        "age", "wage_per_hour", "capital_gains", "capital_losses", "stock_dividends",
        "persons_worked_for_employer", "weeks_worked",
    }
)  # fmt: skip
INCOMES = {"- 50000.": 0, "50000+.": 1}
MEND = "give census-income.data and census-income.test, gzipped or not, as UCI has them"


def read_census(
    paths: Sequence[Path], only: Split | None, where: str
) -> tuple[pa.Table, NDArray[np.bool_]]:
    """Return the rows of the files, and which are from the test file, `(n,)`.

    `NUMBERS` are int32, the income is int8, 0 or 1, all else strings; null where unknown. The paths
    are files, one folder, or one Parquet file with a split; `only` is the split that is kept.

    Raises:
        PoolError: With all that is wrong with them.
    """
    if paths[0].suffix == ".parquet":
        table, is_test = _read_parquet(paths[0], only)
    else:
        table, is_test = _read_files(_find(paths, only, where))
    if not table.num_rows:
        raise PoolError("there are no rows", where, MEND)
    nulls = {name: table.column(name).null_count for name in sorted(NUMBERS)}
    if any(nulls.values()):
        listed = ", ".join(f"{name} in {n:,} rows" for name, n in nulls.items() if n)
        mend = "use rows without missing values, such as those of test: --only test"
        raise PoolError(f"numbers are missing: {listed}", where, mend)
    return table, is_test


def _find(paths: Sequence[Path], only: Split | None, where: str) -> list[tuple[Path, bool]]:
    """Return the files that are wanted, and whether each is the test file."""
    by_suffix: dict[str, list[Path]] = {}
    for path in paths:
        for file in sorted(path.glob("census-income.*")) if path.is_dir() else [path]:
            if file.is_file():
                suffixes = [suffix for suffix in file.suffixes if suffix != ".gz"]
                by_suffix.setdefault("".join(suffixes[-1:]), []).append(file)
    data, test = (".data", False), (".test", True)
    wanted = {None: (data, test), "train": (data,), "test": (test,), "validation": ()}[only]
    for suffix, _ in wanted:
        if (n := len(by_suffix.get(suffix, ()))) != 1:
            raise PoolError(f"{n or 'no'} files like census-income{suffix}", where, MEND)
    return [(by_suffix[suffix][0], is_test) for suffix, is_test in wanted]


def _read_files(files: Sequence[tuple[Path, bool]]) -> tuple[pa.Table, NDArray[np.bool_]]:
    faults: list[str] = []
    tables = [_read_file(path, faults) for path, _ in files]
    _refuse(faults, ", ".join(str(path) for path, _ in files))
    parts = [np.full(t.num_rows, part) for t, (_, part) in zip(tables, files, strict=True)]
    is_test = np.concatenate(parts) if parts else np.zeros(0, np.bool_)
    return pa.concat_tables(tables) if tables else pa.table({}), is_test


def _read_file(path: Path, faults: list[str]) -> pa.Table:
    """Return one file's rows; add what is wrong with them to `faults`."""
    data = read_unpacked(path, MEND)
    try:
        data.decode()  # Arrow cannot report a wrong line that is no text
    except UnicodeDecodeError:
        faults.append(f"{path.name} is no text in UTF-8")
        return pa.table({})
    wrong: list[Any] = []

    def skip(row: Any) -> Literal["skip"]:
        wrong.append(row)
        return "skip"

    names: list[str] = [*COLUMNS, INCOME]
    texts = dict.fromkeys(names, pa.string())
    try:
        raw = pyarrow.csv.read_csv(
            BytesIO(data),
            # On one thread, since several report no line numbers.
            read_options=pyarrow.csv.ReadOptions(column_names=names, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(quote_char=False, invalid_row_handler=skip),
            convert_options=pyarrow.csv.ConvertOptions(column_types=texts),
        )
    except pa.ArrowException as error:
        faults.append(f"{path.name} cannot be read ({str(error).splitlines()[0]})")
        return pa.table({})
    if wrong:
        faults.append(
            f"{len(wrong):,} lines of {path.name} do not have {len(names)} values; "
            f"the first is line {wrong[0].number} with {wrong[0].actual_columns}"
        )
    columns: dict[str, Any] = {}
    for name in names:
        text: Any = pc.utf8_trim_whitespace(raw.column(name).combine_chunks())
        text = pc.if_else(pc.equal(text, pa.scalar("?")), pa.scalar(None, pa.string()), text)
        if name in NUMBERS:
            columns[name] = _numbers(text, name, path, faults)
        elif name == INCOME:
            columns[name] = _incomes(text, path, faults)
        else:
            columns[name] = text
    return pa.table(columns)


def _numbers(text: Any, name: str, path: Path, faults: list[str]) -> Any:
    fits = pc.fill_null(pc.match_substring_regex(text, r"^-?\d{1,9}$"), pa.scalar(True))
    odd = text.filter(pc.invert(fits))
    if len(odd):
        faults.append(
            f"{len(odd):,} values of {name} in {path.name} are no numbers, "
            f"such as {odd[0].as_py()[:40]!r}"
        )
        return pa.nulls(len(text), pa.int32())
    return pc.cast(text, pa.int32())


def _incomes(text: Any, path: Path, faults: list[str]) -> Any:
    codes: Any = pc.index_in(text, value_set=pa.array(list(INCOMES)))
    if codes.null_count:
        odd = str(text.filter(pc.is_null(codes))[0].as_py())[:40]
        faults.append(
            f"{codes.null_count:,} lines of {path.name} end with another income than "
            f"{' or '.join(map(repr, INCOMES))}, such as {odd!r}"
        )
    return pc.cast(codes, pa.int8())


def _read_parquet(path: Path, only: Split | None) -> tuple[pa.Table, NDArray[np.bool_]]:
    where, source = str(path), open_source(path)
    names = [*COLUMNS, INCOME, "split"]
    missing = [name for name in names if name not in source.schema.names]
    if missing:
        what = f"{count(len(missing), 'column')} missing: {listed(missing, 10)}"
        raise PoolError(what, where, MEND)
    table, faults = source.table(names), Faults()
    splits = read_splits(table.column("split"), "split", where, faults)
    columns: dict[str, Any] = {}
    for name in names[:-1]:
        column = faults.attempt(None, plain_column, table.column(name), name, where)
        if column is None:
            continue
        type_ = pa.int32() if name in NUMBERS else pa.int8() if name == INCOME else pa.string()
        try:
            columns[name] = pc.cast(column, type_)
        except pa.ArrowException:
            what = f"the column {name!r} holds {column.type}, which does not become {type_}"
            faults.add(what, where, MEND)
    if INCOME in columns and not set(columns[INCOME].unique().to_pylist()) <= {0, 1}:
        faults.add(f"the column {INCOME!r} holds other values than 0 and 1", where, MEND)
    _refuse([fault.args[0] for fault in faults.kept], where)
    found = pa.table(columns)
    if only is None:
        return found, splits != 0
    kept = np.flatnonzero(splits == SPLITS.index(only))
    return found.take(kept), np.ones(len(kept), np.bool_)


def _refuse(faults: Sequence[str], where: str) -> None:
    """Raise all faults as one PoolError if there are any."""
    if faults:
        number = f"{len(faults)} things are wrong: " if len(faults) > 1 else ""
        raise PoolError(number + "; ".join(faults), where, MEND)
