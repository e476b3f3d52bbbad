"""Label columns: which classes there are, and the answer for each row."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alsim.pool.columns import plain_column
from alsim.pool.faults import Fault
from alsim.pool.options import LabelKind

WHOLE = pa.scalar(2.0**53)  # from here on float64 skips integers


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """One label column over the rows of a file."""

    name: str
    kind: LabelKind
    classes: tuple[str, ...]  # sorted values, as text; empty for a target
    codes: NDArray[np.int64]  # (n,) in [0, c), -1 where unknown; for a target 0 where known

    @property
    def known(self) -> NDArray[np.bool_]:
        """Return which rows have an answer."""
        return self.codes >= 0


def read_answers(
    column: "pa.ChunkedArray[Any]", name: str, kind: LabelKind | None, where: str
) -> Answers | Fault:
    """Return the answers of a label column, or what is wrong with it.

    Integers, strings, booleans and dictionaries are classes; floats are targets. Null is unknown,
    and so is NaN, which is how pandas writes a null.
    """
    values: Any = plain_column(column, name, where)
    if isinstance(values, Fault):
        return values
    type_ = values.type
    if pa.types.is_floating(type_):
        values = pc.cast(values, pa.float64())
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
    if values.null_count == len(values):
        mend = "name another column: --label NAME"
        return Fault(f"the label column {name!r} is null in every row", where, mend)
    if pa.types.is_floating(type_):
        decided = _float_kind(values, name, kind, where)
        if isinstance(decided, Fault):
            return decided
        if decided == "target":
            return Answers(name, "target", (), pc.is_valid(values).to_numpy(False) - np.int64(1))
        values = pc.cast(values, pa.int64())
    elif kind == "target":
        if not pa.types.is_integer(type_):
            what = f"the label column {name!r} holds {type_}, which cannot be a target"
            return Fault(what, where, "leave out --label-type target")
        return Answers(name, "target", (), pc.is_valid(values).to_numpy(False) - np.int64(1))
    elif not _is_discrete(type_):
        what = f"the label column {name!r} holds {type_}"
        mend = "labels are integers or strings: convert it, or name another column: --label NAME"
        return Fault(what, where, mend)
    return _classes(values, name)


def refuse_targets(answers: Iterable[Answers], where: str) -> list[Fault]:
    """Return a fault for each regression target, of which a query can make nothing yet."""
    return [
        Fault(
            f"the label column {answer.name!r} is a regression target",
            where,
            "only classes can be queried so far: name another column, or, for whole numbers, "
            "--label-type class",
        )
        for answer in answers
        if answer.kind == "target"
    ]


def _is_discrete(type_: pa.DataType) -> bool:
    tests = pa.types.is_integer, pa.types.is_boolean, pa.types.is_string
    return any(test(type_) for test in tests)


def _float_kind(
    values: "pa.Array[Any]", name: str, kind: LabelKind | None, where: str
) -> LabelKind | Fault:
    is_whole = pc.and_(pc.equal(values, pc.round(values)), pc.less(pc.abs(values), WHOLE))
    whole = pc.all(is_whole).as_py()
    if kind is None and whole:
        return Fault(
            f"the label column {name!r} holds whole floats: classes or targets?",
            where,
            "say which: --label-type class or --label-type target",
        )
    if kind == "class" and not whole:
        what = f"the label column {name!r} holds fractions or infinities, which cannot be classes"
        return Fault(what, where, "leave out --label-type class")
    return kind or "target"


def _classes(values: "pa.Array[Any]", name: str) -> Answers:
    unique: Any = pc.drop_null(pc.unique(values))
    ordered = unique.take(pc.sort_indices(unique))
    codes = pc.index_in(values, value_set=ordered).fill_null(-1).to_numpy(False)
    classes = tuple(str(value) for value in ordered.to_pylist())
    return Answers(name, "class", classes, codes.astype(np.int64))
