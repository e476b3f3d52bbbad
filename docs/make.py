"""Write what the commands of the pages print, and the pictures that they draw.

Run as `python docs/make.py [PAGE]...`, from anywhere. The `console` blocks of a page run one after
another in a new folder that holds the pools below; what they print replaces what stood below them,
cut where the page cuts it (`…`), and pictures that the page shows are copied to docs/pictures/.
A page whose pool is not there is left as it is. Slow tests compare pages with what this would
write.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.csv as pc
import pyarrow.parquet as pq
from snippets import PAGES, ROOT, Block, Shown, blocks, pictures

SHARED = ROOT.parent / "shared" / "data"
POOLS = {  # as the pages call them
    "clinc150.parquet": "clinc150_minilm.parquet",
    "fashion.parquet": "fashion_image_text.parquet",
    "mnist.parquet": "mnist.parquet",
}
PICTURES = ROOT / "docs" / "pictures"
MORE = "…"
ALSIM = (sys.executable, "-m", "alsim")


def make(name: str) -> str:
    """Write a page's outputs and pictures again, and return what was done."""
    path = PAGES[name]
    text = path.read_text(encoding="utf-8")
    if lacking(text):
        return f"left, {', '.join(lacking(text))} not in {SHARED}"
    with tempfile.TemporaryDirectory() as folder:
        found = outputs(text, Path(folder))
        for block, new in reversed(found):
            start, end = block.span
            text = text[:start] + "".join(_lines(shown) for shown in new) + text[end:]
        for picture in pictures(text):
            if (made := Path(folder) / picture).is_file():
                shutil.copyfile(made, PICTURES / picture)
    path.write_text(text, encoding="utf-8")
    return f"{sum(len(new) for _, new in found)} commands"


def lacking(text: str) -> list[str]:
    """Return the real pools that a page's console blocks name and that are not there."""
    words = " ".join(shown.command for block in runnable(text) for shown in block.commands)
    named = [name for name in POOLS if re.search(rf"\b{re.escape(name)}", words)]
    named += ["clinc150.parquet"] * ("raw/" in words)
    return [name for name in named if not (SHARED / POOLS[name]).is_file()]


def runnable(text: str) -> list[Block]:
    """Return the console blocks of a page that can run here, and the files they need."""
    return [
        block
        for block in blocks(text)
        if block.mark == "file" or (block.language == "console" and block.mark is None)
    ]


def outputs(text: str, folder: Path) -> list[tuple[Block, list[Shown]]]:
    """Run a page's console blocks in a folder, and return what each command prints.

    Raises:
        RuntimeError: If a command fails.
    """
    prepare(text, folder)
    found: list[tuple[Block, list[Shown]]] = []
    for block in runnable(text):
        if block.mark == "file":
            (folder / block.of).write_text(block.text, encoding="utf-8")
            continue
        found.append((block, [_run(shown, folder) for shown in block.commands]))
    return found


def prepare(text: str, folder: Path) -> None:
    """Put the pools that pages name into a folder, and for some the raw files they came from."""
    (folder / "datasets").symlink_to(ROOT / "datasets")
    for name, source in POOLS.items():
        if (SHARED / source).is_file():
            (folder / name).symlink_to(SHARED / source)
    if "raw/" in text:
        (folder / "raw").mkdir()
        pool = pq.read_table(SHARED / POOLS["clinc150.parquet"])
        vectors = np.array(pool["text_emb"].to_pylist(), dtype=np.float32)
        np.save(folder / "raw" / "text.npy", vectors)
        columns = pool.select(["id", "text", "label", "split"])
        pc.write_csv(columns, folder / "raw" / "texts.csv")


def _run(shown: Shown, folder: Path) -> Shown:
    """Return a command with what it prints on a terminal that shows no progress."""
    program, *words = shlex.split(shown.command)
    done = subprocess.run(
        [*(ALSIM if program == "alsim" else (program,)), *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{shown.command}: {done.returncode}\n{done.stderr}")
    return Shown(shown.command, cut(done.stdout.strip("\n"), shown.output))


def cut(printed: str, before: str) -> str:
    """Return what was printed, cut to as many lines as the page showed before its `…`."""
    old, new = before.splitlines(), printed.splitlines()
    if not old or old[-1] != MORE or len(new) < len(old):
        return printed
    return "\n".join([*new[: len(old) - 1], MORE])


def _lines(shown: Shown) -> str:
    return f"$ {shown.command}\n" + (f"{shown.output}\n" if shown.output else "")


if __name__ == "__main__":
    for each in sys.argv[1:] or PAGES:
        sys.stdout.write(f"{each}: {make(each)}\n")
