import json
import os
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from alsim.errors import StoreError
from alsim.seeding import stream
from alsim.store.checkpoint import load_checkpoint, save_checkpoint

FACTS = {"step": 3, "jobs": [["margin", 7]], "note": 'a "туфля" \\ "alsim":"x', "loss": 0.1}


def make_tensors() -> dict[str, Tensor]:
    generator = stream(0, "test")
    return {
        "weight": torch.randn(3, 2, generator=generator),
        "moment.in double": torch.randn(2, dtype=torch.float64, generator=generator),
        "half": torch.randn(3, generator=generator).to(torch.bfloat16),
        "labelled": torch.tensor([True, False, True]),
        "rows": torch.tensor([2**62, -1, 0]),
        "bytes": torch.tensor([0, 255], dtype=torch.uint8),
        "odd": torch.tensor([torch.nan, torch.inf, -torch.inf, -0.0, 5e-324], dtype=torch.float64),
        "step": torch.tensor(3.0),
        "none": torch.empty(0, 4),
        "nothing": torch.empty(0, dtype=torch.int64),
    }


def bits(tensor: Tensor) -> tuple[torch.dtype, torch.Size, list[int]]:
    flat = tensor.contiguous().reshape(-1)
    return tensor.dtype, tensor.shape, flat.view(torch.uint8).tolist() if flat.numel() else []


def loaded(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    found = load_checkpoint(path)
    assert found is not None
    return found


def test_a_checkpoint_restores_every_bit(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "margin-7.safetensors"
    tensors = make_tensors()
    save_checkpoint(path, tensors, FACTS)
    found, facts = loaded(path)
    assert facts == FACTS
    assert {name: bits(tensor) for name, tensor in found.items()} == {
        name: bits(tensor) for name, tensor in tensors.items()
    }
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_checkpoint_may_have_no_tensors_or_no_facts(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c", {}, {})
    assert loaded(tmp_path / "c") == ({}, {})


def test_views_and_parameters_are_saved_as_separate_tensors(tmp_path: Path) -> None:
    weights = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    views = {"t": weights.T, "row": weights[1], "wide": weights[:1].expand(2, 3), "all": weights}
    save_checkpoint(tmp_path / "c", views, {})
    found, _ = loaded(tmp_path / "c")
    assert {name: t.tolist() for name, t in found.items()} == {
        "t": [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]],
        "row": [3.0, 4.0, 5.0],
        "wide": [[0.0, 1.0, 2.0]] * 2,
        "all": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
    }
    found["all"].zero_()  # can be written to without changing another
    assert found["row"].tolist() == [3.0, 4.0, 5.0]


def test_a_new_checkpoint_replaces_the_old_one(tmp_path: Path) -> None:
    for step in range(3):
        save_checkpoint(tmp_path / "c", {"step": torch.tensor(step)}, {"step": step})
    found, facts = loaded(tmp_path / "c")
    assert (found["step"].item(), facts["step"]) == (2, 2)


def test_other_programs_can_read_the_tensors(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c", make_tensors(), FACTS)
    assert bits(load_file(tmp_path / "c")["weight"]) == bits(make_tensors()["weight"])


def test_loading_a_missing_checkpoint_returns_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "c") is None


def test_a_checkpoint_cut_at_any_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"
    save_checkpoint(path, {"w": torch.ones(4)}, {"step": 1})
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(StoreError, match=r"checkpoint") as caught:
            load_checkpoint(path)
        assert caught.value.args[1] == str(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(StoreError, match="does not match its digest"):
        load_checkpoint(path)


@pytest.mark.parametrize("change", [0x01, 0x20, 0xFF])
def test_a_checkpoint_with_any_byte_changed_is_refused(tmp_path: Path, change: int) -> None:
    path = tmp_path / "c"
    save_checkpoint(path, {"w": torch.ones(4), "v": torch.zeros(2, 3)}, {"step": 1})
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= change
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="checkpoint"):
            load_checkpoint(path)


def test_the_error_explains_how_to_resume(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    path = run / "checkpoints" / "c"
    save_checkpoint(path, {"w": torch.ones(4)}, {})
    os.truncate(path, 100)
    with pytest.raises(StoreError) as caught:
        load_checkpoint(path)
    assert caught.value.args[2] == (
        f"delete it; then this computes from further back: alsim resume {run}"
    )


def write_by_hand(path: Path, content: object) -> None:
    """Write a checkpoint in the documented format."""
    zeros = "0" * 32
    data = save({"w": torch.ones(1)}, {"alsim": f"{zeros} {json.dumps(content)}"})
    digest = blake2b(data, digest_size=16).hexdigest()
    path.write_bytes(data.replace(zeros.encode(), digest.encode(), 1))


def test_a_checkpoint_of_another_schema_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"
    for version in (2, 3):
        write_by_hand(path, {"schema": version, "facts": {"step": 1}})
        assert loaded(path)[1] == {"step": 1}
    write_by_hand(path, {"schema": 5, "told": {"step": 1}})
    with pytest.raises(StoreError, match="unknown schema version 5"):
        load_checkpoint(path)


def forge(path: Path, header: object, data: bytes = b"") -> None:
    """Write any header followed by any bytes, with the right digest."""
    text = json.dumps(header, separators=(",", ":")).encode()
    whole = len(text).to_bytes(8, "little") + text + data
    digest = blake2b(whole, digest_size=16).hexdigest().encode()
    path.write_bytes(whole.replace(b"0" * 32, digest, 1))


def metadata(facts: object = None, **changed: object) -> dict[str, str]:
    """Return the metadata of a header."""
    parts = {"schema": 4, "facts": {} if facts is None else facts, **changed}
    return {"alsim": f"{'0' * 32} {json.dumps(parts)}"}


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"__metadata__": metadata(), "w": tensor}, b"\0" * 8)
        for tensor in (
            {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]},
            {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 8]},
            {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]},
            {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
            {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]},
            {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]},
            {"dtype": "pickle", "shape": [2], "data_offsets": [0, 8]},
            {"shape": [2]},
            [],
        )
    ]
    + [
        ({"__metadata__": metadata(facts=[1])}, b""),
        ({"__metadata__": metadata(facts="x")}, b""),
        ({"__metadata__": {"alsim": "0" * 32 + " 3"}}, b""),
        ({"__metadata__": {"alsim": "0" * 32 + " " + "[" * 100_000}}, b""),
        ([{"alsim": "0" * 32 + " "}], b""),
    ],
)
def test_a_hostile_file_with_the_right_digest_is_one_error(
    tmp_path: Path, header: object, data: bytes
) -> None:
    forge(tmp_path / "c", {"__metadata__": metadata({"step": 1})})
    assert loaded(tmp_path / "c")[1] == {"step": 1}  # so can a file that is not a checkpoint
    forge(tmp_path / "c", header, data)
    with pytest.raises(StoreError, match="not a checkpoint"):
        load_checkpoint(tmp_path / "c")


def test_a_checkpoint_of_another_study_or_another_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "curve-0000.safetensors"
    save_checkpoint(path, {"w": torch.ones(1)}, {"step": 1}, "this")
    assert load_checkpoint(path, "this") is not None
    path.with_name("curve-0001.safetensors").write_bytes(path.read_bytes())
    for name, study in (("curve-0000", "that"), ("curve-0001", "this")):
        with pytest.raises(StoreError, match="of another study, or of another part") as refused:
            load_checkpoint(tmp_path / f"{name}.safetensors", study)
        assert refused.value.args[2].startswith("delete it; then")


def test_a_tensor_file_of_another_program_is_refused_as_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(save({"w": torch.ones(1)}))
    (tmp_path / "empty").touch()
    for name in ("c", "empty"):
        with pytest.raises(StoreError, match="not a checkpoint"):
            load_checkpoint(tmp_path / name)
    with pytest.raises(StoreError, match="cannot read: Is a directory"):
        load_checkpoint(tmp_path)


def test_a_run_deleted_while_running_is_not_recreated_for_its_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        save_checkpoint(tmp_path / "gone" / "checkpoints" / "c", {}, {})
    assert list(tmp_path.iterdir()) == []
