import itertools
import os
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alsim.errors import StoreError
from alsim.experiments.curves.records import MetricRecord, QueryRecord, Round, StepRecord
from alsim.store.curves import write_tables
from alsim.store.folder import create_run
from alsim.store.tables import (
    METRICS,
    QUERIES,
    STEPS,
    TIMINGS,
    TableBuilder,
    TimingRecord,
    read_table,
    schema_of,
    write_table,
)

KINDS = (STEPS, METRICS, QUERIES, TIMINGS)


def make_round(strategy: str, seed: int, step: int, *, id_type: type = int) -> Round:
    place = {"strategy": strategy, "seed": seed, "step": step}
    accuracy = 0.5 + step / 100 + seed / 1000
    return Round(
        step=StepRecord(
            **place,
            n_labelled=200 + 20 * step,
            cost=200.0 + 20 * step,
            n_questions=200 + 20 * step,
            batch_size=64,
            accuracy=accuracy,
            balanced_accuracy=accuracy - 0.01,
            macro_f1=accuracy - 0.02,
            nll=1 - accuracy,
            ece=0.03,
        ),
        metrics=tuple(
            MetricRecord(
                **place,
                task="label",
                head=head,
                modalities=modalities,
                metric="accuracy",
                label=label,
                value=accuracy,
            )
            for head, modalities, label in itertools.product(
                ("mixed", "text"), ("all", "text", "none"), ("b", None, "a")
            )
        ),
        queries=tuple(
            QueryRecord(
                **place,
                rank=rank,
                id=id_type(1000 * step + rank),
                task="label",
                score=None if step == 0 else -0.1 * rank,
                cost=1.0,
                questions=1,
                answer="a shoe",
            )
            for rank in range(3)
        ),
    )


def make_rounds(*, id_type: type = int) -> list[Round]:
    return [
        make_round(strategy, seed, step, id_type=id_type)
        for strategy in ("margin", "bald(k=20)")
        for seed in (10, 2)
        for step in range(4)
    ]


def tables_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_columns_are_the_fields_of_the_records_in_order() -> None:
    for kind in KINDS:
        assert schema_of(kind).names == [field.name for field in fields(kind.record)]


def test_the_tables_hold_what_was_written(tmp_path: Path) -> None:
    rounds = make_rounds()
    timings = [TimingRecord("margin", 2, 1, "query", 0.25)]
    write_tables(create_run(tmp_path / "run"), rounds, timings)
    written = {kind: pq.read_table(tmp_path / "run" / kind.file).to_pylist() for kind in KINDS}
    rounds.sort(key=lambda done: (done.step.strategy, done.step.seed, done.step.step))

    def rows(records: list[object]) -> list[dict[str, object]]:
        return [{f: getattr(record, f) for f in record.__slots__} for record in records]

    assert written[STEPS] == rows([done.step for done in rounds])
    assert written[QUERIES] == rows([query for done in rounds for query in done.queries])
    assert written[TIMINGS] == rows(timings)
    metrics = [metric for done in rounds for metric in done.metrics]
    metrics.sort(key=lambda m: (m.strategy, m.seed, m.step, m.task, m.head, m.modalities))
    # For each group of labels: the existing ones, then the null one.
    ordered = [m for k in range(0, len(metrics), 3) for m in (2, 0, 1) for m in [metrics[k + m]]]
    assert [m.label for m in ordered[:4]] == ["a", "b", None, "a"]
    assert written[METRICS] == rows(ordered)


def test_the_same_records_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    rounds = make_rounds()
    shuffled = [
        replace(rounds[n], queries=rounds[n].queries[::-1], metrics=rounds[n].metrics[::-1])
        for n in np.random.default_rng(3).permutation(len(rounds))
    ]
    timings = [TimingRecord("margin", 2, step, "query", 0.5 + step) for step in range(3)]
    write_tables(create_run(tmp_path / "one"), rounds, timings)
    write_tables(create_run(tmp_path / "two"), iter(shuffled), reversed(timings))
    assert tables_of(tmp_path / "one") == tables_of(tmp_path / "two")
    assert len(tables_of(tmp_path / "one")) == 7


def test_records_are_sorted_across_the_chunks_they_were_collected_in(tmp_path: Path) -> None:
    template = make_round("margin", 0, 1).queries[0]
    queries = [replace(template, rank=(7 * k) % 1000, id=k) for k in range(1000)]
    for chunk in (1, 13, 10_000):
        builder = TableBuilder(QUERIES, chunk)
        for low in range(0, 1000, 5):
            builder.extend(queries[low : low + 5])
        table = builder.build()
        assert table.column("rank").to_pylist() == list(range(1000))
        write_table(tmp_path / f"{chunk}.parquet", table)
    assert len(set(tables_of(tmp_path).values())) == 1


@pytest.mark.parametrize(("id_type", "column"), [(int, pa.int64()), (str, pa.string())])
def test_ids_keep_their_type_from_the_pool(
    tmp_path: Path, id_type: type, column: pa.DataType
) -> None:
    write_tables(create_run(tmp_path / "run"), make_rounds(id_type=id_type))
    table = read_table(tmp_path / "run" / "queries.parquet", QUERIES, "mend")
    assert table.schema.field("id").type == column
    assert table.column("id")[0].as_py() == id_type(0)


def test_ids_of_two_types_in_one_run_are_a_bug(tmp_path: Path) -> None:
    rounds = [make_round("margin", 0, 0), make_round("margin", 0, 1, id_type=str)]
    with pytest.raises((TypeError, ValueError)):
        write_tables(create_run(tmp_path / "run"), rounds)
    assert tables_of(tmp_path / "run") == {}


def test_initial_labels_have_no_score(tmp_path: Path) -> None:
    write_tables(create_run(tmp_path / "run"), make_rounds())
    rows = read_table(tmp_path / "run" / "queries.parquet", QUERIES, "mend").to_pylist()
    assert {row["step"] for row in rows if row["score"] is None} == {0}


def test_a_run_without_records_has_four_empty_tables(tmp_path: Path) -> None:
    write_tables(create_run(tmp_path / "run"), [])
    for kind in KINDS:
        assert read_table(tmp_path / "run" / kind.file, kind, "mend").num_rows == 0


def test_two_records_for_one_step_are_a_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"share the key \('margin', 0, 1\)"):
        write_tables(create_run(tmp_path / "run"), [make_round("margin", 0, 1)] * 2)


@pytest.mark.parametrize("label", ["a", None])
def test_two_values_for_one_label_or_without_label_are_a_bug(
    tmp_path: Path, label: str | None
) -> None:
    done = make_round("margin", 0, 1)
    (metric,) = [m for m in done.metrics[:3] if m.label == label]
    twice = replace(done, metrics=(*done.metrics, replace(metric, value=0.0)))
    with pytest.raises(ValueError, match=rf"metrics share the key .*'accuracy', {label!r}\)"):
        write_tables(create_run(tmp_path / "run"), [twice])


def test_every_way_of_cutting_a_table_short_is_refused(tmp_path: Path) -> None:
    write_tables(create_run(tmp_path / "run"), make_rounds())
    path = tmp_path / "run" / "steps.parquet"
    whole = path.read_bytes()
    for size in [*range(20), len(whole) // 2, len(whole) - 8, len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(StoreError, match=r"ends early") as caught:
            read_table(path, STEPS, "run it again")
        assert caught.value.args[1:] == (str(path), "run it again")
    path.write_bytes(whole)
    assert read_table(path, STEPS, "run it again").num_rows == 16


@pytest.mark.long
def test_no_flipped_byte_silently_changes_what_is_read(tmp_path: Path) -> None:
    write_tables(create_run(tmp_path / "run"), make_rounds())
    path = tmp_path / "run" / "steps.parquet"
    whole = path.read_bytes()
    true = read_table(path, STEPS, "mend")
    n_refused = 0
    for place in range(0, len(whole), 23):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            table = read_table(path, STEPS, "mend")
        except StoreError:
            n_refused += 1
        else:
            assert table.equals(true), f"byte {place}"
    assert n_refused > 50


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"the run has no metrics\.parquet"):
        read_table(tmp_path / "metrics.parquet", METRICS, "mend")


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "steps.parquet"
    path.write_text("strategy,seed,step\nmargin,0,0\n")
    with pytest.raises(StoreError, match="not Parquet"):
        read_table(path, STEPS, "mend")


def test_a_table_of_another_schema_version_is_refused(tmp_path: Path) -> None:
    write_tables(create_run(tmp_path / "run"), make_rounds())
    path = tmp_path / "run" / "steps.parquet"
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"alsim.schema": "99"}), path)
    with pytest.raises(StoreError, match="unknown schema version 99"):
        read_table(path, STEPS, "mend")
    pq.write_table(table.replace_schema_metadata(None), path)
    with pytest.raises(StoreError, match="no schema version"):
        read_table(path, STEPS, "mend")


def test_metrics_of_version_2_are_read_with_null_labels(tmp_path: Path) -> None:
    rounds = [
        replace(done, metrics=tuple(m for m in done.metrics if m.label is None))
        for done in make_rounds()
    ]
    write_tables(create_run(tmp_path / "run"), rounds)
    path = tmp_path / "run" / "metrics.parquet"
    now = read_table(path, METRICS, "mend")
    then = pq.read_table(path).drop_columns(["label"])
    pq.write_table(then.replace_schema_metadata({"alsim.schema": "2"}), path)
    table = read_table(path, METRICS, "mend")
    assert table.equals(now, check_metadata=True)
    assert table.column("label").null_count == table.num_rows == 96
    # A table of this version must have the column, and it is not added to other tables.
    pq.write_table(then.replace_schema_metadata({"alsim.schema": "3"}), path)
    with pytest.raises(StoreError, match=r"lacks columns.*: label"):
        read_table(path, METRICS, "mend")
    pq.write_table(now.replace_schema_metadata({"alsim.schema": "2"}), path)
    assert read_table(path, METRICS, "mend").equals(now, check_metadata=True)


def test_a_version_with_more_digits_than_python_parses_is_refused(tmp_path: Path) -> None:
    write_tables(create_run(tmp_path / "run"), make_rounds())
    path = tmp_path / "run" / "steps.parquet"
    table = pq.read_table(path).replace_schema_metadata({"alsim.schema": "3" * 5000})
    pq.write_table(table, path)
    with pytest.raises(StoreError, match="unknown schema version"):
        read_table(path, STEPS, "mend")


def test_a_table_without_a_column_is_refused_by_its_name(tmp_path: Path) -> None:
    write_tables(create_run(tmp_path / "run"), make_rounds())
    path = tmp_path / "run" / "steps.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["nll", "ece"]), path)
    with pytest.raises(StoreError, match=r"lacks columns.*: nll, ece"):
        read_table(path, STEPS, "mend")


def test_a_table_without_a_value_is_refused_by_the_column(tmp_path: Path) -> None:
    write_tables(create_run(tmp_path / "run"), make_rounds())
    path = tmp_path / "run" / "steps.parquet"
    table = pq.read_table(path)
    at = table.schema.get_field_index("step")
    holed = pa.array([None, *table.column("step").to_pylist()[1:]], pa.int64())
    pq.write_table(table.set_column(at, pa.field("step", pa.int64()), holed), path)
    with pytest.raises(StoreError, match="steps lacks values of: step"):
        read_table(path, STEPS, "mend")


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    folder = create_run(tmp_path / "run")
    write_tables(folder, make_rounds())
    before = tables_of(folder)
    broken = [make_round("margin", 0, 0), make_round("margin", 0, 0)]
    with pytest.raises(ValueError, match="share the key"):
        write_tables(folder, broken)
    assert tables_of(folder) == before


def test_a_folder_that_vanished_is_a_store_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot write: No such file") as caught:
        write_tables(tmp_path / "gone", make_rounds())
    assert caught.value.args[1] == str(tmp_path / "gone" / "steps.parquet")


@pytest.mark.skipif(os.name != "posix", reason="needs a limit of the system's")
def test_a_full_disk_is_a_store_error_and_keeps_the_old_table(tmp_path: Path) -> None:
    import resource

    folder = create_run(tmp_path / "run")
    write_tables(folder, make_rounds())
    before = tables_of(folder)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(StoreError, match="File too large"):
            write_tables(folder, make_rounds()[:3])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert tables_of(folder) == before
