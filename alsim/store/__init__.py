"""A run's folder: its manifest, tables, journals and checkpoints, and the lock on it.

What is written is written whole or not at all; what is read is right or one clear error.
"""

from alsim.store.atomic import make_folder
from alsim.store.checkpoint import load_checkpoint, save_checkpoint
from alsim.store.correlation import (
    CorrelationStudy,
    build_groups,
    collect_groups,
    keep_groups,
    kept_groups,
    read_correlation,
    write_correlation,
)
from alsim.store.curves import (
    Run,
    create_run,
    free_folder,
    move_aside,
    read_run,
    recorded,
    remove_partials,
    timings_of,
    write_tables,
)
from alsim.store.exported_task import TaskModel, load_task, save_task
from alsim.store.journal import Journal, read_journal
from alsim.store.journal_lines import Ending, Entry, Recorded
from alsim.store.layout import CHECKPOINTS, EXPORTS, JOURNALS, LOCK, MANIFEST, WORK
from alsim.store.lock import Holder, RunLock, holder
from alsim.store.manifest import (
    KIND,
    FolderKind,
    command_of,
    kind_of,
    open_folder,
    refuse_older,
    refuse_other_kind,
    status_of,
    write_manifest,
)
from alsim.store.opening import in_the_way, remove_file, remove_folder
from alsim.store.records import round_from_json, round_to_json
from alsim.store.tables import SCHEMA_VERSION, TimingRecord
from alsim.store.training import (
    TrainingStudy,
    keep_results,
    kept_results,
    load_results,
    read_training,
    write_training,
)

__all__ = [
    "CHECKPOINTS",
    "EXPORTS",
    "JOURNALS",
    "KIND",
    "LOCK",
    "MANIFEST",
    "SCHEMA_VERSION",
    "WORK",
    "CorrelationStudy",
    "Ending",
    "Entry",
    "FolderKind",
    "Holder",
    "Journal",
    "Recorded",
    "Run",
    "RunLock",
    "TaskModel",
    "TimingRecord",
    "TrainingStudy",
    "build_groups",
    "collect_groups",
    "command_of",
    "create_run",
    "free_folder",
    "holder",
    "in_the_way",
    "keep_groups",
    "keep_results",
    "kept_groups",
    "kept_results",
    "kind_of",
    "load_checkpoint",
    "load_results",
    "load_task",
    "make_folder",
    "move_aside",
    "open_folder",
    "read_correlation",
    "read_journal",
    "read_run",
    "read_training",
    "recorded",
    "refuse_older",
    "refuse_other_kind",
    "remove_file",
    "remove_folder",
    "remove_partials",
    "round_from_json",
    "round_to_json",
    "save_checkpoint",
    "save_task",
    "status_of",
    "timings_of",
    "write_correlation",
    "write_manifest",
    "write_tables",
    "write_training",
]
