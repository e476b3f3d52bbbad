"""What a user should know about a pool though it stops nothing: notes and warnings."""

import shlex
from collections.abc import Mapping, Sequence

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

# By label column and split (None: all rows), the classes with their counts.
ClassCounts = dict[str, dict[Split | None, tuple[tuple[str, int], ...]]]

# Written in place of null.
UNKNOWN = {"", "?", "nan", "none", "null", "<na>", "nat", "n/a", "na", "unlabeled", "unlabelled"}
FEW_TESTED = 20  # rows of test
NAMED = 5  # how many classes a remark names before it says "and so many more"


def remark(
    source: Source,
    survey: Survey,
    present: NDArray[np.bool_],
    empty: Mapping[str, int],
    samples: Sequence[NDArray[np.float32]],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return notes, which are only to be known, and warnings, which may call for a change.

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
        *_lacking(source, survey),
        *_whole_numbers(source, survey),
        *(survey.task_notes or _left_out(source, survey)),
        *_no_input(source, survey),
        *_held_out(survey),
        *_pixels_beside_floats(source, survey),
        *_single_rows(counts),
        *_empty_lists(empty),
        *_empty_rows(present),
    ]
    return tuple(notes), tuple(warnings)


def _class_counts(survey: Survey) -> ClassCounts:
    counts: ClassCounts = {}
    for answer in survey.answers:
        codes, n_classes = answer.codes[survey.rows], len(answer.classes)
        if answer.kind == "target":
            continue
        counts[answer.name] = {}
        for split in (None, *SPLITS):
            rows = range(len(codes)) if split is None else survey.splits[split]
            some = codes[rows.start : rows.stop]
            tally = np.bincount(some[some >= 0], minlength=n_classes).tolist()
            counts[answer.name][split] = tuple(zip(answer.classes, tally, strict=True))
    return counts


def _classes_outside_train(
    counts: ClassCounts,
) -> list[str]:
    sentences: list[str] = []
    for label, by_split in counts.items():
        trained = {name for name, n in by_split["train"] if n}
        outside = [name for name, n in by_split[None] if n and name not in trained]
        if outside:
            sentences.append(
                f"{_count(len(outside), 'class', 'classes')} of {label!r} only outside train, "
                f"so never learnt: {_listed(outside)}"
            )
    return sentences


def _single_rows(
    counts: ClassCounts,
) -> list[str]:
    sentences: list[str] = []
    for label, by_split in counts.items():
        single = [name for name, n in by_split[None] if n == 1]
        if single:
            number = _count(len(single), "class", "classes")
            sentences.append(f"{number} of {label!r} with one row: {_listed(single)}")
    return sentences


def _unused_task(source: Source, survey: Survey) -> list[str]:
    roles = survey.roles
    used = {*roles.inputs, *roles.others, *roles.features}
    if "task" in used or "task" not in source.schema.names:
        return []
    if stored_roles(source.schema, source.where) is not None:
        return []
    return ["the column 'task' is not used: labels are read as one task"]


def _no_input(source: Source, survey: Survey) -> list[str]:
    stored = stored_roles(source.schema, source.where)
    others = survey.roles.others
    return [
        f"the column {name!r} is no input here, since it is a label, task, split or id"
        for name in (stored.features if stored else ())
        if name in others
    ]


def _untrained(survey: Survey, present: NDArray[np.bool_]) -> list[str]:
    train = survey.splits["train"]
    some: NDArray[np.bool_] = np.any(present[train.start : train.stop], axis=0)
    return [
        f"the modality {name!r} is absent in every training row"
        for index, name in enumerate(survey.roles.inputs)
        if not some[index]
    ]


def _left_out(source: Source, survey: Survey) -> list[str]:
    n = source.n - len(survey.rows)
    return [f"{_count(n, 'row', 'rows')} without a label, left out"] if n else []


def _held_out(survey: Survey) -> list[str]:
    sentences: list[str] = []
    if survey.roles.split is None:
        n = len(survey.splits["test"])
        sentences.append(f"no split column: {_count(n, 'row', 'rows')} held out as test")
    elif not survey.splits["test"]:
        sentences.append("no test rows: accuracy is measured on validation")
    if survey.n_unpaid:
        number = _count(survey.n_unpaid, "row", "rows")
        sentences.append(f"no validation rows: {number} taken out of train, labels not paid for")
    return sentences


def _pixels_beside_floats(source: Source, survey: Survey) -> list[str]:
    found = {name: picture_in(source, name) for name in survey.roles.modalities}
    pixels = [f"{name}, {picture}" for name, picture in found.items() if picture]
    floats = [name for name, picture in found.items() if not picture]
    if not pixels or not floats:
        return []
    flags = " ".join(f"--modality {name}" for name in floats)
    return [f"pixels ({_listed(pixels)}) beside embeddings: to leave them out, {flags}"]


def _whole_numbers(source: Source, survey: Survey) -> list[str]:
    if stored_roles(source.schema, source.where) is not None:
        return []
    types = {name: value_type(source.schema.field(name).type) for name in survey.roles.modalities}
    return [
        f"the modality {name!r} holds lists of {type_}: codes, or the numbers of tokens, are no "
        "embedding, and are left out by naming the others: --modality NAME"
        for name, type_ in types.items()
        if pa.types.is_integer(type_) and type_.bit_width > 16
    ]


def _lacking(source: Source, survey: Survey) -> list[str]:
    roles = survey.roles
    return [
        f"the column {name!r} is absent in {source.lacking[name]}: null there"
        for name in (*roles.modalities, *roles.features, *roles.others)
        if name in source.lacking
    ]


def _missing_values(survey: Survey, counts: ClassCounts) -> list[str]:
    """Return a warning for each class that is named as people write what is not known."""
    sentences: list[str] = []
    for label, by_split in counts.items():
        rows = {name: n for name, n in by_split[None] if n}
        for name in rows:
            if name.strip().lower() in UNKNOWN or _is_code(name, list(rows)):
                n = _count(rows[name], "row", "rows")
                where = [split for split in SPLITS if _is_all(by_split[split], name)]
                all_of = f", all of {where[0]}" if where else ""
                sentences.append(
                    f"the class {name!r} of {label!r} ({n}{all_of}) may stand for unknown: "
                    f"if so, add --unknown {shlex.quote(name)}"
                )
    return sentences


def _is_code(name: str, classes: list[str]) -> bool:
    """Return whether a class is the one negative number among others; -1 and 1 are classes."""
    others = [other for other in classes if other != name]
    return (
        name.startswith("-")
        and name[1:].isdigit()
        and all(other.isdigit() for other in others)
        and others not in ([], ["1"])
    )


def _is_all(counts: tuple[tuple[str, int], ...], name: str) -> bool:
    return [other for other, n in counts if n] == [name]


def _small_test(survey: Survey, counts: ClassCounts) -> list[str]:
    """Return a warning if the rows that are measured on are few, or lack most classes."""
    n = len(survey.splits["test"])
    if not n:
        return []
    sentences: list[str] = []
    for label, by_split in counts.items():
        n_classes = sum(count > 0 for _, count in by_split[None])
        there = sum(count > 0 for _, count in by_split["test"])
        if 2 * there < n_classes:
            sentences.append(f"test holds {there:,} of {n_classes:,} classes of {label!r}")
    if n < FEW_TESTED:
        sentences.append(
            f"test holds {_count(n, 'row', 'rows')}: too few to tell strategies apart by accuracy"
        )
    return sentences


def _empty_lists(empty: Mapping[str, int]) -> list[str]:
    return [
        f"{_count(n, 'row', 'rows')} of {name!r} with an empty list, read as absent: null"
        for name, n in empty.items()
        if n
    ]


def _empty_rows(present: NDArray[np.bool_]) -> list[str]:
    n = int((~present.any(1)).sum())
    return [f"{_count(n, 'row', 'rows')} with every modality absent"] if n else []


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
