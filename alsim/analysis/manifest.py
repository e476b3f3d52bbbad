"""Values of a manifest, `run.json`: anyone may have changed it, so each may be missing or odd."""

from collections.abc import Mapping, Sequence
from typing import Any


def value_at(manifest: Mapping[str, object], *path: str) -> object:
    """Return the value at a path of keys, None if there is none."""
    value: object = manifest
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def object_at(manifest: Mapping[str, object], *path: str) -> Mapping[str, Any]:
    """Return the JSON object at a path of keys, an empty one if there is none."""
    value = value_at(manifest, *path)
    return value if isinstance(value, Mapping) else {}


def list_at(manifest: Mapping[str, object], *path: str) -> Sequence[Any]:
    """Return the JSON list at a path of keys, an empty one if there is none."""
    value = value_at(manifest, *path)
    return value if isinstance(value, list) else []
