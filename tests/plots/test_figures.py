"""A picture replaces a link and is not written through it."""

import os
from pathlib import Path

from alsim.plots import save_figure
from alsim.plots.drawing.figures import make_figure


def test_a_picture_is_not_written_through_a_link(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("precious")
    path = tmp_path / "curves.png"
    path.symlink_to(thesis)
    (tmp_path / f".curves.png.{os.getpid()}.tmp").symlink_to(thesis)
    save_figure(make_figure(1, 1), path)
    assert thesis.read_text() == "precious"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert sorted(tmp_path.iterdir()) == [path, thesis]
