"""CIFAR-100 from files of the binary format."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from alsim.errors import AlsimError, PoolError
from alsim.options.pool import PoolOptions
from alsim.pool.importers.build import read_notes
from alsim.pool.importers.dispatch import import_pool
from alsim.pool.importers.table import ImportOptions
from alsim.pool.loading import load_pool
from alsim.pool.roles import Roles, stored_roles
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation

# A shuffled superclass for each class, so that neither a quotient nor a remainder gives the rank.
COARSE = np.random.default_rng(1).permutation(np.repeat(np.arange(20), 5))
FINE_NAMES = [f"fine_{i:02d}" for i in np.random.default_rng(2).permutation(100)]
COARSE_NAMES = [f"coarse_{i:02d}" for i in range(20)]


def records(classes: NDArray[np.int64], seed: int) -> NDArray[np.uint8]:
    """Return records of the format: superclass, class, and 3 · 1024 pixels channel by channel."""
    pixels = np.random.default_rng(seed).integers(0, 256, (len(classes), 3072))
    return np.column_stack([COARSE[classes], classes, pixels]).astype(np.uint8)


TRAIN = records(np.random.default_rng(3).permutation(np.repeat(np.arange(100), 2)), 4)
TEST = records(np.arange(100), 5)


def write_files(folder: Path, *, named: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "train.bin").write_bytes(TRAIN.tobytes())
    (folder / "test.bin").write_bytes(TEST.tobytes())
    if named:
        (folder / "fine_label_names.txt").write_text("\n".join(FINE_NAMES) + "\n")
        (folder / "coarse_label_names.txt").write_text("\n".join(COARSE_NAMES) + "\n\n")
    return folder


def convert(folder: Path) -> pa.Table:
    return import_pool([folder], ImportOptions())


@pytest.mark.parametrize("named", [True, False])
def test_records_become_pictures_with_labels_and_superclasses(tmp_path: Path, named: bool) -> None:
    table = convert(write_files(tmp_path, named=named))
    assert stored_roles(table.schema, "here") == Roles(
        ("image",), {"label": "class"}, None, "split", "id", pictures=("image",)
    )
    assert table.schema.field("image").type == pa.list_(pa.uint8(), 3072)
    assert table.column("split").to_pylist() == ["train"] * 200 + ["test"] * 100
    both = np.concatenate([TRAIN, TEST])
    fine, coarse = both[:, 1].tolist(), both[:, 0].tolist()
    assert table.column("label").to_pylist() == ([FINE_NAMES[c] for c in fine] if named else fine)
    expected = [COARSE_NAMES[c] for c in coarse] if named else coarse
    assert table.column("superclass").to_pylist() == expected


def test_pixels_are_row_by_row_and_red_green_blue(tmp_path: Path) -> None:
    table = convert(write_files(tmp_path))
    for row in (0, 199, 250):
        image = np.array(table.column("image")[row].as_py()).reshape(32, 32, 3)
        record = TRAIN[row] if row < 200 else TEST[row - 200]
        for y, x, channel in ((0, 0, 0), (0, 5, 1), (31, 2, 2), (17, 30, 0)):
            assert image[y, x, channel] == record[2 + channel * 1024 + y * 32 + x]


def test_the_local_label_is_the_rank_within_the_superclass(tmp_path: Path) -> None:
    table = convert(write_files(tmp_path))
    local = table.column("local_label").to_pylist()
    for row, record in enumerate(np.concatenate([TRAIN, TEST])):
        siblings = [c for c in range(100) if COARSE[c] == record[0]]
        assert local[row] == siblings.index(record[1])
    by_superclass = zip(table.column("superclass").to_pylist(), local, strict=True)
    assert len(set(by_superclass)) == 100  # the class modulo 5 would differ


@pytest.mark.long
@pytest.mark.parametrize("label", ["label", "local_label"])
def test_superclasses_are_twenty_tasks_of_five_classes(tmp_path: Path, label: str) -> None:
    table = convert(write_files(tmp_path / "files", named=False))
    options = PoolOptions(task="superclass", label=(label,))
    loaded = load_pool(open_source(table), options, tmp_path, FreeValidation(10), queried=False)
    tasks = list(loaded.pool.tasks.values())
    assert [len(task.classes) for task in tasks] == [5] * 20
    local = np.array(table.column("local_label").to_pylist())[loaded.pool.ids.to_numpy()]
    codes = np.stack([task.labels.numpy() for task in tasks]).max(0)
    assert codes.tolist() == local.tolist()
    assert read_notes(table)[0].endswith("--task superclass")


def with_bytes(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def swapped(column: int, value: int) -> bytes:
    some = TRAIN.copy()
    some[0, column] = value
    return some.tobytes()


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (with_bytes("train.bin", TRAIN.tobytes()[:-1]), "not a multiple of 3,074"),
        (with_bytes("test.bin", b""), "0 bytes"),
        (with_bytes("train.bin", swapped(1, 100)), "classes beyond 99"),
        (with_bytes("train.bin", swapped(0, 20)), "superclasses beyond 19"),
        (
            with_bytes("train.bin", swapped(0, int(TRAIN[0, 0] + 1) % 20)),
            "1 classes have not one superclass",
        ),
        (with_bytes("fine_label_names.txt", b"a\nb\n"), "2 names, not 100"),
        (with_bytes("coarse_label_names.txt", b"\xff\xfe\n" * 20), "0 names, not 20"),
        (lambda folder: (folder / "test.bin").unlink(), "cannot be guessed|no train.bin"),
    ],
)
def test_files_not_in_the_format_of_cifar_100_are_one_clear_error(
    tmp_path: Path, damage: Callable[[Path], object], match: str
) -> None:
    damage(write_files(tmp_path))
    with pytest.raises(AlsimError, match=match):
        convert(tmp_path)


def test_a_set_in_which_a_superclass_lacks_a_class_is_refused(tmp_path: Path) -> None:
    some = np.concatenate([TRAIN, TEST])
    (write_files(tmp_path) / "train.bin").write_bytes(some[some[:, 1] != 0].tobytes())
    (tmp_path / "test.bin").write_bytes(TEST[1:].tobytes())
    with pytest.raises(PoolError, match="1 classes have not one superclass each; the first is 0"):
        convert(tmp_path)


def test_pickles_of_the_python_version_are_not_opened(tmp_path: Path) -> None:
    for name in ("train", "test", "meta"):
        (tmp_path / name).write_bytes(b"\x80\x04N.")
    with pytest.raises(PoolError, match="pickles"):
        import_pool([Path("cifar100"), tmp_path], ImportOptions())
    with pytest.raises(PoolError, match="pickles"):
        convert(tmp_path)
