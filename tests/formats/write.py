"""Write two runs that later versions must be able to read: a complete and an interrupted one.

    python tests/formats/write.py

rewrites `v4/`, which is allowed only until a released version writes schema version 4; the
expectations of `test_formats.py` change with it. When the schema changes, raise `SCHEMA_VERSION` in
`alsim/store/version.py` and run this, which then writes `v5/` next to it; keep the others and their
tests: every later version must read them.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import alsim
from alsim.experiments.curves.records import StepRecord
from alsim.store.curves import read_run
from alsim.store.layout import JOURNALS, MANIFEST
from alsim.store.version import SCHEMA_VERSION
from alsim.studies.watch import Watch

OUT = Path(__file__).with_name(f"v{SCHEMA_VERSION}")
# The built-in pool has no path. Many epochs, so that a step takes more than the second after which
# checkpoints are written, and the run is surely interrupted within a step.
OPTIONS: Mapping[str, Any] = {
    "strategy": "random,margin",
    "seeds": "0..1",
    "initial_size": 20,
    "query_size": 3,
    "steps": 2,
    "model": "auto(width=4)",
    "max_epochs": 2,
    "epochs": 600,
    "workers": 1,
}


class _Interrupting(Watch):
    """Interrupts at the eighth record: two curves are done, the third has two of three records."""

    def __init__(self) -> None:
        self._n = 0

    def step(self, record: StepRecord) -> None:
        """Count it."""
        del record
        self._n += 1
        if self._n == 8:
            raise KeyboardInterrupt


def write_complete(folder: Path) -> None:
    """Write a complete run."""
    alsim.run(**OPTIONS, out=folder)
    _neutralise(folder)


def write_unfinished(folder: Path) -> None:
    """Write the same run interrupted, with half a line at the end of a journal."""
    try:
        alsim.run(**OPTIONS, out=folder, watch=_Interrupting())
    except KeyboardInterrupt:
        pass
    else:
        raise AssertionError("the run was not cut short")
    _neutralise(folder)
    journal = folder / JOURNALS / "0001.jsonl"
    last = journal.read_bytes().splitlines()[-1]
    with journal.open("ab") as file:
        file.write(last[: len(last) // 2])


def _neutralise(folder: Path) -> None:
    """Remove what identifies the machine that wrote it."""
    manifest: dict[str, Any] = dict(read_run(folder).manifest)
    manifest["machine"]["platform"] = "Linux"
    manifest["began"] = "2026-01-01T00:00:00+0000"
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    write_complete(OUT / "complete")
    write_unfinished(OUT / "unfinished")
