"""A run's folder: its manifest, tables, journals and checkpoints, and the lock on it.

What is written is written whole or not at all; what is read is right or one clear error.
"""

from alsim.store.atomic import make_folder
from alsim.store.checkpoint import load_checkpoint, save_checkpoint
from alsim.store.journal import Ending, Entry, Journal, Recorded, read_journal
from alsim.store.layout import CHECKPOINTS, JOURNALS, LOCK, MANIFEST, WORK
from alsim.store.lock import Holder, RunLock, holder
from alsim.store.records import round_from_json, round_to_json
from alsim.store.run_folder import (
    Run,
    create_run,
    free_folder,
    move_aside,
    read_run,
    recorded,
    remove_partials,
    timings_of,
    write_manifest,
    write_tables,
)
from alsim.store.tables import SCHEMA_VERSION, TimingRecord

__all__ = [
    "CHECKPOINTS",
    "JOURNALS",
    "LOCK",
    "MANIFEST",
    "SCHEMA_VERSION",
    "WORK",
    "Ending",
    "Entry",
    "Holder",
    "Journal",
    "Recorded",
    "Run",
    "RunLock",
    "TimingRecord",
    "create_run",
    "free_folder",
    "holder",
    "load_checkpoint",
    "make_folder",
    "move_aside",
    "read_journal",
    "read_run",
    "recorded",
    "remove_partials",
    "round_from_json",
    "round_to_json",
    "save_checkpoint",
    "timings_of",
    "write_manifest",
    "write_tables",
]
