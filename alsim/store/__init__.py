"""A run's folder: its manifest and its tables, written atomically and read with one clear error."""

from alsim.store.run_folder import (
    Run,
    create_run,
    free_folder,
    read_run,
    write_manifest,
    write_tables,
)
from alsim.store.tables import SCHEMA_VERSION, TimingRecord

__all__ = [
    "SCHEMA_VERSION",
    "Run",
    "TimingRecord",
    "create_run",
    "free_folder",
    "read_run",
    "write_manifest",
    "write_tables",
]
