from pathlib import Path

import pytest

from alsim.errors import UsageError
from alsim.paths import place


def test_a_path_is_recognised_as_folder_file_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert place(tmp_path) == "folder"
    assert place(tmp_path / "file") == "file"
    assert place(tmp_path / "none") is None
    assert place(tmp_path / "file" / "below") is None


def test_a_name_that_is_too_long_is_refused_with_its_option(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too long") as refused:
        place(tmp_path / ("x" * 300), "--out")
    assert refused.value.args[1].startswith("--out ")
