from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pools import embeddings, make_table

from alsim.options.pool import PoolOptions
from alsim.pool.checking import Check, check_pool
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation


def check(pool: Any, **options: Any) -> Check:
    return check_pool(open_source(pool), PoolOptions(**options), FreeValidation(2000))


def test_a_sound_pool_has_no_faults() -> None:
    found = check(make_table(80))
    assert found == Check((), (), found.notes)


def test_all_faults_are_found_at_once() -> None:
    table = make_table(
        id=pa.array(["twin"] * 60),
        label=pa.array([1.0, 2.0] * 30),
        split=pa.array(["train"] * 59 + ["holdout"]),
        text=embeddings([[1.0, 2.0]] * 59 + [[1.0]]),
        picture=embeddings([[0.0]] * 50 + [[float("nan")]] * 10),
    )
    found = check(table, modality=("text", "picture", "tekst"))
    whats = "\n".join(fault.args[0] for fault in found.faults)
    for part in (
        "no column 'tekst' for --modality",
        "holds whole floats",
        "duplicate ids",
        "unknown values in 1 rows: 'holdout'",
        "'text' is ragged",
        "'picture' has 10 NaN",
    ):
        assert part in whats
    assert len(found.faults) == 6


def test_a_label_that_can_be_trained_on_but_not_queried_is_a_warning() -> None:
    found = check(make_table(label=pa.array(np.linspace(0, 1, 60))))
    assert not found.faults
    refused = "not for alsim run: the label column 'label' is a regression target"
    assert found.warnings[0] == refused
    tasks = check(make_table(task=pa.array(["x", "y"] * 30)), task="task")
    assert not tasks.faults
    assert not any("not for alsim run" in warning for warning in tasks.warnings)


def test_test_rows_equal_to_train_rows_are_found() -> None:
    table = make_table(80)
    rows = list(range(80))
    rows[4], rows[8] = 1, 2  # every fourth row is test, rows 1 and 2 are train
    copied = table.take(rows)
    for name in ("id", "split"):
        index = table.column_names.index(name)
        copied = copied.set_column(index, name, table.column(name))
    (warning,) = check(copied).warnings
    assert warning == "2 test rows equal a train row exactly; the first has the id 'row-0004'"
    assert not check(table).warnings


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "faults", "remarks"),
    [
        ("census_income", ["no embedding column", "no label column"], []),
        ("mnist", [], ["taken out of train"]),
        ("clinc150_minilm", [], ["2 test rows equal a train row"]),
        (
            "cifar10_sample",
            [],
            ["pixels (image, 32×32×3) beside embeddings", "--modality image_emb"],
        ),
        ("fashion_image_text", [], ["never learnt: Mens Grooming Kit", "9 classes of 'label'"]),
    ],
)
def test_real_pools_get_the_expected_faults_and_remarks(
    shared_data: Callable[[str], Path], name: str, faults: list[str], remarks: list[str]
) -> None:
    found = check(shared_data(name))
    assert [fault.args[0] for fault in found.faults] == faults
    said = "\n".join((*found.warnings, *found.notes))
    for remark in remarks:
        assert remark in said
