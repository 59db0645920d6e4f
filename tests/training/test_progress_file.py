from pathlib import Path

import pytest

from posepyr.training.progress_file import FILE, Progress, format_left, read_progress, write_progress

PROGRESS = Progress(3, 10, 120, 400, "val/pck", 0.5, 0.6, 2, 33.1, "2026-01-31T12:00:00+00:00")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_progress(tmp_path, PROGRESS)
    assert read_progress(tmp_path) == PROGRESS
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("text", [None, "", "{", "[]", "null", '{"epoch": 3}'])
def test_a_folder_without_a_whole_file_has_no_progress(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / FILE).write_text(text)
    assert read_progress(tmp_path) is None


def test_times_are_for_reading() -> None:
    assert [format_left(seconds) for seconds in (0.4, 5025.0, None)] == ["0:00:00", "1:23:45", "unknown"]
