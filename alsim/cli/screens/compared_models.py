"""What `alsim compare` shows of training studies."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from alsim.cli.screens import formats as writing
from alsim.cli.screens import models
from alsim.cli.screens.output import print_gap, print_json, print_lines, print_remarks
from alsim.cli.screens.tables import TextTable
from alsim.cli.screens.training import on_models, on_rows, print_details
from alsim.errors import UsageError
from alsim.experiments.training.records import RANDOM
from alsim.options.compare import CompareOptions, ModelCompareOptions
from alsim.options.option import options_of
from alsim.store.training import read_training
from alsim.studies.compare_models import compare_models


def print_compared(
    folders: Sequence[Path],
    given: Mapping[str, Any],
    form: str | None,
    *,
    pairs: bool,
    with_details: bool,
) -> None:
    """Print the models of training studies compared, as text or in the format of a flag.

    Raises:
        UsageError: If an option given has no meaning for them, or they cannot be compared.
        StoreError: If one of the folders holds something else, or cannot be read.
    """
    known = {field.name for field in fields(ModelCompareOptions)}
    for name, option in options_of(CompareOptions).items():
        if name in given and name not in known:
            what = f"{option.flag} is about labels saved, and training saves none"
            raise UsageError(what, option.flag, "leave it out for training studies")
    studies = [read_training(folder) for folder in folders]
    found = compare_models(studies, **given)
    if form == "--json":
        folder_names = [str(study.folder) for study in studies]
        print_json({"studies": folder_names, **models.comparison_json(found)})
        return
    print_remarks("note", found.notes)
    if form == "--csv":
        writing.print_csv((models.pair_records if pairs else models.model_records)(found))
    elif form == "--latex":
        tables = [models.pair_table(found)] if pairs else _tables(found)
        for table in tables:
            writing.print_latex(table)
    elif form == "--markdown":
        writing.print_markdown(*_tables(found), models.pair_table(found))
    else:
        models.print_answer(found, with_details=with_details)
        for study in studies if with_details else ():
            if len(studies) > 1:
                print_lines([f"study {study.name}"])
                print_gap()
            print_details(study, None if found.baseline == RANDOM else found.baseline)
        sizes = [line for study in studies for line in on_models(study)]
        lines = [*models.explanations(found), *dict.fromkeys(sizes), *on_rows(studies[0])]
        print_lines([*lines, *["task by task: --details"] * (not with_details)])


def _tables(found: models.ModelComparison) -> list[TextTable]:
    return [models.model_table(found, score) for score in found.scores]
