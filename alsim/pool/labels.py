"""Label columns: which classes there are, and the answer for each row."""

import shlex
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alsim.errors import PoolError
from alsim.options.pool import LabelKind
from alsim.pool.columns import enumerate_values, is_discrete, plain_column
from alsim.pool.forms import is_list

WHOLE = pa.scalar(2.0**53)  # from here on float64 skips integers
ANOTHER = "name another column: --label NAME"


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """One label column over the rows of a file."""

    name: str
    kind: LabelKind
    classes: tuple[str, ...]  # sorted values, as text; empty for a target
    codes: NDArray[np.int64]  # (n,) in [0, c), -1 where unknown; for a target 0 where known
    targets: NDArray[np.float32] | None = None  # (n,) of a target, NaN where unknown

    @property
    def known(self) -> NDArray[np.bool_]:
        """Return which rows have an answer."""
        return self.codes >= 0

    @property
    def labels(self) -> NDArray[np.int64] | NDArray[np.float32]:
        """Return what a task holds, `(n,)`: the codes of classes, or the targets."""
        return self.codes if self.targets is None else self.targets


def read_answers(
    column: "pa.ChunkedArray[Any]",
    name: str,
    kind: LabelKind | None,
    where: str,
    unknown: Sequence[str] = (),
) -> Answers:
    """Return the answers of a label column.

    Integers, strings, booleans and dictionaries are classes; floats are targets, unless `kind`
    says otherwise. Null, NaN, which is how pandas writes null, and the texts in `unknown` are
    unknown.

    Raises:
        PoolError: If it holds neither classes nor a target, or nothing.
    """
    values: Any = plain_column(column, name, where)
    if is_list(values.type):
        raise _several(name, values, where)
    values = without_unknown(values, unknown)
    type_ = values.type
    if pa.types.is_floating(type_):
        values = pc.cast(values, pa.float64())
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
    if values.null_count == len(values):
        raise PoolError(f"the label column {name!r} is null in every row", where, ANOTHER)
    if pa.types.is_floating(type_):
        if _float_kind(values, name, kind, where) == "target":
            return _targets(values, name)
        values = pc.cast(values, pa.int64())
    elif kind == "target":
        if not pa.types.is_integer(type_):
            what = f"the label column {name!r} holds {type_}, which cannot be a target"
            raise PoolError(what, where, "leave out --label-type target")
        return _targets(values, name)
    elif not is_discrete(type_):
        mend = f"labels are integers or strings: convert it, or {ANOTHER}"
        raise PoolError(f"the label column {name!r} holds {type_}", where, mend)
    classes, codes = enumerate_values(values)
    return Answers(name, "class", classes, codes)


def without_unknown(values: Any, unknown: Sequence[str]) -> Any:
    """Return a plain column with null in place of the values whose text is one of `unknown`."""
    if not unknown or not _can_be_unknown(values.type):
        return values
    named = [value for value in pc.unique(values).to_pylist() if _is_among(value, unknown)]
    return pc.if_else(
        pc.is_in(values, value_set=pa.array(named, values.type)),
        pa.scalar(None, values.type),
        values,
    )


def never_seen(labels: pa.Table, unknown: Sequence[str]) -> list[str]:
    """Return those texts in `unknown` that no value of the columns has."""
    values: set[Any] = set()
    for name in labels.column_names if unknown else ():
        with suppress(PoolError):
            column: Any = plain_column(labels.column(name), name, "")
            values.update(column.unique().to_pylist() if _can_be_unknown(column.type) else ())
    return [text for text in unknown if not any(_is_among(value, (text,)) for value in values)]


def _can_be_unknown(type_: pa.DataType) -> bool:
    return is_discrete(type_) or pa.types.is_floating(type_)


def _is_among(value: object, texts: Container[str]) -> bool:
    if isinstance(value, float) and value.is_integer():  # -1 means -1.0, too
        return str(value) in texts or str(int(value)) in texts
    return str(value) in texts and value is not None


def _several(name: str, values: Any, where: str) -> PoolError:
    """Return the fault of a column with several labels a row."""
    some = pc.unique(values.flatten()).slice(0, 2).to_pylist()
    listed = " ".join(f"--label {shlex.quote(str(each))}" for each in some) or "--label NAME"
    return PoolError(
        f"the label column {name!r} holds lists: several labels a row are not one task",
        where,
        f"write one boolean column for each label, and name each: {listed} …; or {ANOTHER}",
    )


def refuse_targets(answers: Iterable[Answers], where: str) -> list[PoolError]:
    """Return a fault for each regression target, which cannot be queried yet."""
    return [
        PoolError(
            f"the label column {answer.name!r} is a regression target",
            where,
            "only classes can be queried so far: name another column, or, for whole numbers, "
            "--label-type class; alsim train trains on targets",
        )
        for answer in answers
        if answer.kind == "target"
    ]


def refuse_wild_targets(answers: Iterable[Answers], where: str) -> list[PoolError]:
    """Return a fault for each target with values whose square float32 does not hold."""
    faults: list[PoolError] = []
    for answer in answers:
        if answer.targets is None:
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            wild = answer.known & ~np.isfinite(np.square(answer.targets))
        if wild.any():
            what = (
                f"the target {answer.name!r} has {int(wild.sum())} infinite values "
                f"(or beyond 1.8e19); the first is in row {int(wild.argmax())}"
            )
            faults.append(PoolError(what, where, "scale them, or set them to null: unknown"))
    return faults


def _targets(values: Any, name: str) -> Answers:
    codes = pc.is_valid(values).to_numpy(False) - np.int64(1)
    floats = pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        return Answers(name, "target", (), codes, floats.astype(np.float32))


def _float_kind(
    values: "pa.Array[Any]", name: str, kind: LabelKind | None, where: str
) -> LabelKind:
    is_whole = pc.and_(pc.equal(values, pc.round(values)), pc.less(pc.abs(values), WHOLE))
    whole = pc.all(is_whole).as_py()
    if kind is None and whole:
        what = f"the label column {name!r} holds whole floats: classes or targets?"
        raise PoolError(what, where, "choose: --label-type class or --label-type target")
    if kind == "class" and not whole:
        what = f"the label column {name!r} holds fractions or infinities, which cannot be classes"
        raise PoolError(what, where, "leave out --label-type class")
    return kind or "target"
