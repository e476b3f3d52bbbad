from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pools import make_table

from alsim.options.pool import PoolOptions
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation
from alsim.pool.summary import PoolSummary, summarise


def summary_of(pool: Any, **options: Any) -> PoolSummary:
    return summarise(open_source(pool), PoolOptions(**options), FreeValidation(2000))


def test_a_summary_counts_rows_classes_and_modalities() -> None:
    labels = pa.array(["b"] * 30 + ["a"] * 20 + ["c"] * 4 + [None] * 6)
    summary = summary_of(make_table(label=labels, note=pa.array(["x"] * 60)))
    text, picture = summary.modalities
    assert (text.name, text.type, text.width, text.share_present) == ("text", "float32", 4, 0.8)
    assert (picture.width, picture.share_present) == (3, 1.0)
    (label,) = summary.labels
    assert list(label.counts.items()) == [("b", 30), ("a", 20), ("c", 4)]
    assert label.n_unknown == 6
    assert sum(summary.n_split.values()) == 54
    assert summary.memory_bytes == 54 * 7 * 4
    assert summary.other_columns == {"note": "string"}


def test_a_pool_with_faults_is_summarised_too() -> None:
    summary = summary_of(make_table(label=None))
    assert summary.faults == ("no label column",)
    assert [modality.name for modality in summary.modalities] == ["text", "picture"]
    assert not summary.labels


@pytest.mark.long
def test_the_summary_of_a_real_pool_shows_absent_modalities(
    shared_data: Callable[[str], Path],
) -> None:
    summary = summary_of(shared_data("fashion_image_text"))
    assert summary.modalities[0].share_present == 1 - 4 / 36_000
    assert next(iter(summary.labels[0].counts.items())) == ("Tshirts", 5780)
    assert summary.other_columns["year"] == "int16"
    assert summary.other_columns["usage"] == "category"
