"""The schema version of what a run's folder holds."""

import reprlib
from pathlib import Path

from alsim.errors import StoreError

SCHEMA_VERSION = 4  # what is written: curves have items and contributions, of each test row
READ_VERSIONS = (2, 3, SCHEMA_VERSION)  # in 2, `metrics` has no labels


def check_version(version: object, where: Path) -> None:
    """Raise a StoreError unless `version` is a schema version that this alsim reads."""
    if version in READ_VERSIONS:
        return
    known = f"this alsim reads versions {READ_VERSIONS[0]} to {READ_VERSIONS[-1]}"
    if version is None:
        what, mend = "no schema version", f"name a folder that alsim run wrote; {known}"
    else:
        what = f"unknown schema version {reprlib.repr(version)}"
        mend = f"read the run with the version of alsim that wrote it, or run again; {known}"
    raise StoreError(what, str(where), mend)
