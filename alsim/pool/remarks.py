"""Notes and warnings on a pool that can be used."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alsim.pool.forms import value_type
from alsim.pool.giveaways import find_giveaways
from alsim.pool.pictures import picture_in
from alsim.pool.pool import SPLITS, Split
from alsim.pool.roles import stored_roles
from alsim.pool.source import Source
from alsim.pool.survey import Survey
from alsim.pool.wording import count, listed

# By label column and split (None: all rows), the rows of each class that occurs.
ClassCounts = dict[str, dict[Split | None, dict[str, int]]]

# Written in place of null.
UNKNOWN = {"", "?", "nan", "none", "null", "<na>", "nat", "n/a", "na", "unlabeled", "unlabelled"}
FEW_TESTED = 20  # rows of test


def remark(
    source: Source,
    survey: Survey,
    present: NDArray[np.bool_],
    empty: Mapping[str, int],
    samples: Sequence[NDArray[np.float32]],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return notes, which are for information, and warnings, which may call for a change.

    Args:
        source: The rows of the file.
        survey: The rows that are kept.
        present: `(kept, modalities)` bool, after masking.
        empty: By modality, rows of the file with an empty list.
        samples: Of each modality the values of `giveaways.sample_rows`.
    """
    counts = _class_counts(survey)
    warnings = [
        *source.warnings,
        *survey.warnings,
        *_unused_task(source, survey),
        *_missing_values(survey, counts),
        *_classes_outside_train(counts),
        *_small_test(survey, counts),
        *_untrained(survey, present),
        *find_giveaways(survey, present, samples),
    ]
    notes = [
        *source.notes,
        *_on_columns(source, survey),
        *_on_rows(source, survey),
        *_pixels_beside_floats(source, survey),
        *_single_rows(counts),
        *_empty(empty, present),
    ]
    return tuple(notes), tuple(warnings)


def _class_counts(survey: Survey) -> ClassCounts:
    counts: ClassCounts = {}
    for answer in survey.answers:
        if answer.kind == "target":
            continue
        codes, n_classes = answer.codes[survey.rows], len(answer.classes)
        counts[answer.name] = {}
        parts: dict[Split | None, range] = {None: range(len(codes)), **survey.splits}
        for split, rows in parts.items():
            some = codes[rows.start : rows.stop]
            tally = np.bincount(some[some >= 0], minlength=n_classes).tolist()
            present = {name: n for name, n in zip(answer.classes, tally, strict=True) if n}
            counts[answer.name][split] = present
    return counts


def _classes_outside_train(counts: ClassCounts) -> Iterator[str]:
    for label, by_split in counts.items():
        outside = [name for name in by_split[None] if name not in by_split["train"]]
        if outside:
            n = count(len(outside), "class", "classes")
            yield f"{n} of {label!r} only outside train, so never learnt: {listed(outside)}"


def _single_rows(counts: ClassCounts) -> Iterator[str]:
    for label, by_split in counts.items():
        single = [name for name, n in by_split[None].items() if n == 1]
        if single:
            n = count(len(single), "class", "classes")
            yield f"{n} of {label!r} with one row: {listed(single)}"


def _unused_task(source: Source, survey: Survey) -> list[str]:
    used = {*survey.roles.inputs, *survey.roles.columns}
    is_new = "task" in source.schema.names and "task" not in used
    if not is_new or stored_roles(source.schema, source.where) is not None:
        return []
    return ["the column 'task' is not used: labels are read as one task"]


def _untrained(survey: Survey, present: NDArray[np.bool_]) -> list[str]:
    train = survey.splits["train"]
    some: NDArray[np.bool_] = np.any(present[train.start : train.stop], axis=0)
    return [
        f"the modality {name!r} is absent in every training row"
        for index, name in enumerate(survey.roles.inputs)
        if not some[index]
    ]


def _on_rows(source: Source, survey: Survey) -> Iterator[str]:
    n_left_out, n_test = source.n - len(survey.rows), len(survey.splits["test"])
    if survey.task_notes:
        yield from survey.task_notes
    elif n_left_out:
        yield f"{count(n_left_out, 'row')} without a label, left out"
    if survey.roles.split is None:
        yield f"no split column: {count(n_test, 'row')} held out as test"
    elif not n_test:
        yield "no test rows: accuracy is measured on validation"
    if survey.n_unpaid:
        n = count(survey.n_unpaid, "row")
        yield f"no validation rows: {n} taken out of train, labels not paid for"
    if survey.n_unused:
        n, n_drawn = count(survey.n_unused, "validation row"), len(survey.splits["validation"])
        drawn = f": {n_drawn:,} are drawn, whose labels are paid for" if n_drawn else ""
        yield f"{n} not used{drawn}"


def _pixels_beside_floats(source: Source, survey: Survey) -> list[str]:
    found = {name: picture_in(source, name) for name in survey.roles.modalities}
    pixels = [f"{name}, {picture}" for name, picture in found.items() if picture]
    floats = [name for name, picture in found.items() if not picture]
    if not pixels or not floats:
        return []
    flags = " ".join(f"--modality {name}" for name in floats)
    return [f"pixels ({listed(pixels)}) beside embeddings: to leave them out, {flags}"]


def _on_columns(source: Source, survey: Survey) -> Iterator[str]:
    roles, stored = survey.roles, stored_roles(source.schema, source.where)
    for name in roles.columns:
        if name in source.lacking:
            yield f"the column {name!r} is absent in {source.lacking[name]}: null there"
    for name in () if stored else roles.modalities:
        type_ = value_type(source.schema.field(name).type)
        if pa.types.is_integer(type_) and type_.bit_width > 16:
            yield (
                f"the modality {name!r} holds lists of {type_}: codes or token numbers are no "
                "embedding, and are left out by naming the others: --modality NAME"
            )
    for name in stored.features if stored else ():
        if name in roles.others:
            yield f"the column {name!r} is no input here, since it is a label, task, split or id"


def _missing_values(survey: Survey, counts: ClassCounts) -> Iterator[str]:
    """Yield a warning for each class with a name that usually stands for unknown."""
    for label, by_split in counts.items():
        for name, n in by_split[None].items():
            if name.strip().lower() in UNKNOWN or _is_code(name, list(by_split[None])):
                only = [split for split in SPLITS if list(by_split[split]) == [name]]
                all_of = f", all of {only[0]}" if only else ""
                yield (
                    f"the class {name!r} of {label!r} ({count(n, 'row')}{all_of}) may stand for "
                    f"unknown: if so, add --unknown {shlex.quote(name)}"
                )


def _is_code(name: str, classes: list[str]) -> bool:
    """Return whether a class is the one negative number among others; -1 and 1 are classes."""
    others = [other for other in classes if other != name]
    return (
        name.startswith("-")
        and name[1:].isdigit()
        and all(other.isdigit() for other in others)
        and others not in ([], ["1"])
    )


def _small_test(survey: Survey, counts: ClassCounts) -> Iterator[str]:
    """Yield a warning if the test rows are few, or lack most classes."""
    n = len(survey.splits["test"])
    for label, by_split in counts.items() if n else ():
        n_classes, there = len(by_split[None]), len(by_split["test"])
        if 2 * there < n_classes:
            yield f"test holds {there:,} of {n_classes:,} classes of {label!r}"
    if 0 < n < FEW_TESTED:
        yield f"test holds {count(n, 'row')}: too few to compare strategies by accuracy"


def _empty(empty: Mapping[str, int], present: NDArray[np.bool_]) -> Iterator[str]:
    for name, n in empty.items():
        if n:
            yield f"{count(n, 'row')} of {name!r} with an empty list, read as absent: null"
    if n := int((~present.any(1)).sum()):
        yield f"{count(n, 'row')} with every modality absent"
