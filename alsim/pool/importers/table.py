"""The importers: one row each, and the options of `alsim pool import`. Imports none of them.

To add an importer, write its module and its row here. An importer that has options of its own
declares them here too, as a group that `ImportOptions` inherits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from alsim.lazy import import_object
from alsim.options.option import Option, Range, option, parsed
from alsim.options.pool import LabelKind
from alsim.options.texts import one_or_more

Names = Option[str | Sequence[str], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class CensusOptions:
    """How Census-Income is imported."""

    heading: ClassVar = "Census-Income"

    group: int | None = option(
        None,
        "Census: the pair of tasks, income (1) or education (2), with never married.",
        within=Range(least=1, most=2),
    )
    only: str | None = option(None, "Census: the split, such as test, to use alone and split anew.")


@dataclass(frozen=True, kw_only=True)
class ImportOptions(CensusOptions):
    """Columns (or arrays) by their role; empty ones are guessed."""

    heading: ClassVar = "Columns"

    labels_file: Path | None = option(
        None,
        "Labels in a file of their own, as .npy, .json, .jsonl, .csv, .parquet or text with one a "
        "line; matched by ids where both have some, else in order.",
        flag="--labels",
    )
    labels: Names = parsed(
        (), one_or_more, "Label column; repeat for several.", flag="--label", otherwise="label",
        repeat=True,
    )  # fmt: skip
    modalities: Names = parsed(
        (), one_or_more, "Embedding column; repeat for several.", flag="--modality",
        otherwise="all list columns", repeat=True,
    )  # fmt: skip
    pictures: Names = parsed(
        (), one_or_more,
        "Modality that shows pictures, which the three-head net then encodes; repeat for several.",
        flag="--picture", otherwise="none", repeat=True,
    )  # fmt: skip
    features: Names = parsed(
        (), one_or_more, "CSV: a column to encode; repeat for several.", flag="--feature",
        otherwise="all numeric ones", repeat=True,
    )  # fmt: skip
    split: str | None = option(
        None, "Column of train, validation, test.", otherwise="split, if there is one"
    )
    id: str | None = option(
        None, "Column of stable names.", otherwise="id, if there is one, else the row number"
    )
    label_type: LabelKind | None = option(None, "Meaning of whole floats: classes or targets.")
    unknown: Names = parsed(
        (), one_or_more, "Label that stands for unknown, such as -1 or nan; repeat for several.",
        repeat=True,
    )  # fmt: skip
    unique_labels: bool = option(False, "Import labels even if nearly every row has its own class.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """A row of the table of importers."""

    home: str  # module:function of this package, of the input and `ImportOptions`
    inputs: str  # in words
    suffix: str = ""  # of its files
    # Sets of patterns: a folder holds files that match all of one set, or a file matches one.
    files: tuple[tuple[str, ...], ...] = ()
    takes_several: bool = False  # whether the function is given a sequence of paths
    by_name: bool = False  # whether the first input may be its name
    options: type | None = None  # those that no other importer has

    def read(self) -> Callable[..., Any]:
        """Return the function, imported."""
        return import_object(self.home, "alsim.pool.importers")


IMPORTERS: Mapping[str, Importer] = {
    "npz": Importer(home="arrays:import_npz", inputs=".npz", suffix=".npz"),
    "npy": Importer(
        home="arrays:import_npy", inputs=".npy files", suffix=".npy", takes_several=True
    ),
    "idx": Importer(
        home="idx:import_idx",
        inputs="idx files or their folder",
        files=(("*idx*ubyte*",), ("*ubyte*idx*",)),
        takes_several=True,
    ),
    "csv": Importer(home="tables:import_csv", inputs=".csv", suffix=".csv"),
    "census": Importer(
        home="census:import_census",
        inputs="its files or their folder",
        files=(("census-income.*",),),
        takes_several=True,
        by_name=True,
        options=CensusOptions,
    ),
    "cifar100": Importer(
        home="cifar:import_cifar100",
        inputs="its folder",
        # The latter are its pickles, which the importer refuses with a reason.
        files=(("train.bin", "test.bin"), ("train", "test", "meta")),
        by_name=True,
    ),
    "parquet": Importer(
        home="tables:import_parquet",
        inputs="Parquet",
        suffix=".parquet",
        files=(("**/*.parquet",),),
    ),
}


def inputs_in_words() -> str:
    """Return what can be imported, for the help of the command."""
    *files, last = (row.inputs for row in IMPORTERS.values() if not row.by_name)
    named = [f"{name} and {row.inputs}" for name, row in IMPORTERS.items() if row.by_name]
    return f"{', '.join(files)}, or {last}; or {', or '.join(named)}."
