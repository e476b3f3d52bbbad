"""Checkpoints: tensors and facts in one safetensors file that is whole or refused."""

import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from alsim.errors import StoreError
from alsim.store.atomic import cannot_write, make_parent, replace_bytes
from alsim.store.layout import run_of
from alsim.store.opening import read_if_there
from alsim.store.version import SCHEMA_VERSION, check_version

if TYPE_CHECKING:
    from torch import Tensor

_KEY = "alsim"
_DIGEST = re.compile(rb'"alsim":"([0-9a-f]{32}) ')
_NO_DIGEST = b"0" * 32


class _Header(msgspec.Struct):
    """The part of a safetensors file's header that is ours."""

    metadata: dict[str, str] = msgspec.field(name="__metadata__")


def save_checkpoint(
    path: Path, tensors: "Mapping[str, Tensor]", facts: Mapping[str, object], study: str = ""
) -> None:
    """Write tensors and facts, atomically; they are on the disk when this returns.

    The metadata has one value, `DIGEST JSON`: the JSON holds the schema version, the facts, and
    whose it is, the study and the file's name; the digest is that of the whole file with zeros in
    the digest's own place. The folder of the file is made if need be; the one above must exist.
    Tensors may be on any device, of any strides. A tuple among the facts comes back as a list.

    Raises:
        StoreError: If the system cannot write there.
    """
    import torch  # slow, and no reader of a run's tables needs it
    from safetensors.torch import save

    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    held = json.dumps({"schema": SCHEMA_VERSION, "facts": facts, "of": [study, path.stem]})
    data = bytearray(save(copies, {_KEY: f"{_NO_DIGEST.decode()} {held}"}))
    _put_digest(data, blake2b(data, digest_size=16).hexdigest().encode())
    try:
        make_parent(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    replace_bytes(path, data)


def load_checkpoint(
    path: Path, study: str | None = None
) -> "tuple[dict[str, Tensor], dict[str, Any]] | None":
    """Return the tensors, on the CPU, and the facts; None if there is no such file.

    Without a `study` it may be of any.

    Raises:
        StoreError: If a byte is missing or another, the schema version is unknown, or it was saved
            for another study or under another name.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    mend = f"delete it; then this computes from further back: alsim resume {run_of(path)}"
    data = read_if_there(path, mend)
    if data is None:
        return None
    zeroed = bytearray(data)
    digest = _put_digest(zeroed, _NO_DIGEST)
    if digest is None:
        raise StoreError("not a checkpoint", str(path), mend)
    if digest != blake2b(zeroed, digest_size=16).hexdigest().encode():
        raise StoreError("damaged checkpoint: it does not match its digest", str(path), mend)
    try:
        header = msgspec.json.decode(data[8 : 8 + int.from_bytes(data[:8], "little")], type=_Header)
        held = msgspec.json.decode(header.metadata[_KEY].partition(" ")[2], type=dict[str, Any])
        check_version(held.get("schema"), path)
        if study is not None and held.get("of") != [study, path.stem]:
            what = "the checkpoint is of another study, or of another part of this one"
            raise StoreError(what, str(path), mend)
        return load(data), msgspec.convert(held["facts"], dict[str, Any])
    except (ValueError, LookupError, RecursionError, SafetensorError) as error:
        raise StoreError("not a checkpoint: it makes no sense", str(path), mend) from error


def _put_digest(data: bytearray, digest: bytes) -> bytes | None:
    """Put a digest into its place in a checkpoint's bytes and return what was there, if any."""
    found = _DIGEST.search(data)  # the metadata are the header's first entry
    if found is None:
        return None
    before = found[1]  # now, since a match reads from the data as they are
    data[slice(*found.span(1))] = digest
    return before
