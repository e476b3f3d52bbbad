"""Labels for each queried object, by strategy: noted where equal objects mean unequal effort."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from task_runs import write_task_run
from typer.testing import CliRunner

import alsim
from alsim.cli.main import app
from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.seeding import stream
from alsim.store.curves import Run
from alsim.store.manifest import open_folder, write_manifest
from alsim.store.tables import QUERIES, schema_of, write_table
from alsim.studies.caveats import about_labels
from alsim.studies.watch import Watch

TASKS = ("colour", "season", "size")
START = "labels for each object queried: "
# (strategy, seed, step) -> labels of each object, best first. Without step 0, margin has 5 labels
# for 4 objects and random 4 for 2.
ASKED = {
    ("margin", 0, 0): [3, 3, 3, 3],
    ("margin", 0, 1): [2, 1],
    ("margin", 0, 2): [1],
    ("margin", 1, 1): [1],
    ("random", 0, 0): [3],
    ("random", 0, 1): [3],
    ("random", 1, 1): [1],
}


def write_run(
    folder: Path, asked: Mapping[tuple[str, int, int], list[int]] = ASKED, **options: Any
) -> Path:
    """Write a run by objects with these numbers of labels, and return its folder."""
    write_task_run(folder, **options)
    rows = [
        (*place, rank, 100 * place[2] + rank, task, None, 1.0, 1, "red")
        for place, objects in asked.items()
        for rank, n_labels in enumerate(objects)
        for task in TASKS[:n_labels]
    ]
    names = schema_of(QUERIES).names
    table = [dict(zip(names, row, strict=True)) for row in rows]
    write_table(folder / QUERIES.file, pa.Table.from_pylist(table, schema=schema_of(QUERIES)))
    return folder


def notes_about_labels(notes: Any) -> list[str]:
    """Return the notes about labels for each object, without the advice."""
    return [note.removeprefix(START).split(";")[0] for note in notes if note.startswith(START)]


# The note


def test_the_note_lists_strategies_by_their_number_of_labels_and_gives_advice() -> None:
    (note,) = about_labels({"random": (220, 100), "entropy": (145, 100)})
    assert note.startswith(f"{START}entropy 1.45, random 2.20; ")
    assert "--x cost" in note


@pytest.mark.parametrize(("labels", "n_notes"), [(210, 0), (211, 1), (190, 1), (191, 0)])
def test_a_difference_of_more_than_five_per_cent_is_noted(labels: int, n_notes: int) -> None:
    assert len(about_labels({"random": (200, 100), "entropy": (labels, 100)})) == n_notes


def test_the_first_and_the_last_of_many_strategies_are_named() -> None:
    many = {name: (10 + place, 10) for place, name in enumerate("gfedcba")}
    assert notes_about_labels(about_labels(many)) == [
        "g 1.00, f 1.10, e 1.20, 2 more between, b 1.50, a 1.60",
    ]
    assert notes_about_labels(about_labels(dict(list(many.items())[:5]))) == [
        "g 1.00, f 1.10, e 1.20, d 1.30, c 1.40"
    ]


@pytest.mark.parametrize("asked", [{}, {"a": (9, 3)}, {"a": (9, 3), "b": (0, 0)}])
def test_a_single_strategy_with_queries_gives_no_note(asked: dict[str, tuple[int, int]]) -> None:
    assert about_labels(asked) == []


# alsim compare


def test_compare_reports_labels_for_each_object_without_the_initial_ones(tmp_path: Path) -> None:
    run = write_run(tmp_path / "clothes")
    assert notes_about_labels(alsim.compare(run).notes) == ["margin 1.25, random 2.00"]
    # Labels of all tasks count, whichever task is compared.
    assert notes_about_labels(alsim.compare(run, task="colour").notes) == [
        "margin 1.25, random 2.00"
    ]
    printed = CliRunner().invoke(app, ["compare", str(run)])
    assert f"note: {START}margin 1.25, random 2.00" in printed.stderr


def test_compare_by_cost_gives_no_note(tmp_path: Path) -> None:
    assert notes_about_labels(alsim.compare(write_run(tmp_path / "clothes"), x="cost").notes) == []


def test_compare_counts_a_seed_of_two_runs_once(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", n_seeds=2)
    # One of the seeds is new: 5 + 3 labels for 4 + 1 objects.
    two = write_run(tmp_path / "two", {**ASKED, ("margin", 2, 1): [3]}, n_seeds=3)
    assert notes_about_labels(alsim.compare([one, two]).notes) == ["margin 1.60, random 2.00"]


def test_compare_keeps_runs_with_different_settings_apart(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one")
    two = write_run(tmp_path / "two", {("margin", 0, 1): [3], ("random", 0, 1): [2]})
    folder, manifest = open_folder(two)
    write_manifest(folder, {**manifest, "configuration": {"unit": "object", "combine": "rrf"}})
    assert notes_about_labels(alsim.compare([one, two]).notes) == [
        "margin · one 1.25, random · one 2.00, random · two 2.00, margin · two 3.00"
    ]


@pytest.mark.parametrize("configuration", [{"unit": "cell", "combine": "mean"}, {}])
def test_compare_gives_no_note_by_cells_or_for_one_task(
    tmp_path: Path, configuration: dict[str, str]
) -> None:
    run = write_run(tmp_path / "clothes")
    write_manifest(run, {**open_folder(run)[1], "configuration": configuration})
    assert notes_about_labels(alsim.compare(run).notes) == []


# alsim run


class Listening(Watch):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def make_table() -> pa.Table:
    """Return a pool with three label columns, three quarters of them known."""
    table = vk_pool(VkOptions(n_rows=500, picture_width=8, text_width=4, n_classes=6))
    labels = [str(label) for label in table.column("label").to_pylist()]
    classes = sorted(set(labels))
    known = torch.rand(len(labels), 3, generator=stream(0, "known")) < 0.75
    table = table.replace_schema_metadata(None).drop_columns(["label"])
    for place, name in enumerate(TASKS):
        values = [
            f"{name}-{classes.index(label) % (place + 2)}" if is_known else None
            for label, is_known in zip(labels, known[:, place].tolist(), strict=True)
        ]
        table = table.append_column(name, pa.array(values, pa.string()))
    return table


def by_loops(done: Run) -> dict[str, float]:
    """Return the labels for each object that was queried, by the definition."""
    labels: dict[str, int] = {}
    objects: dict[str, set[tuple[int, str]]] = {}
    for query in done.queries.to_pylist():
        if query["step"]:
            labels[query["strategy"]] = labels.get(query["strategy"], 0) + 1
            objects.setdefault(query["strategy"], set()).add((query["seed"], query["id"]))
    return {name: n / len(objects[name]) for name, n in labels.items()}


@pytest.mark.long
def test_a_run_by_objects_ends_with_the_note_that_compare_gives(tmp_path: Path) -> None:
    watch = Listening()
    done = alsim.run(
        make_table(), label=TASKS, strategy="random,margin,margin(combine=max),margin(combine=rrf)",
        seeds=1, initial_size=40, query_size=20, steps=2, max_epochs=1,
        model="auto(width=8)", workers=0,
        out=tmp_path / "run", watch=watch,
    )  # fmt: skip
    means = by_loops(done)
    assert means["margin"] < means["random"] < means["margin(combine=rrf)"]
    expected = ", ".join(f"{n} {mean:.2f}" for n, mean in sorted(means.items(), key=_by_mean))
    notes: Any = done.manifest["notes"]
    assert notes_about_labels(notes) == notes_about_labels(watch.notes) == [expected]
    assert notes_about_labels(alsim.compare(done).notes) == [expected]


def _by_mean(item: tuple[str, float]) -> tuple[float, str]:
    return item[1], item[0]
