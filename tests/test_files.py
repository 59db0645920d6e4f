"""Files that are written whole or not at all, and sizes in words."""

import json
from pathlib import Path

import pytest

from posepyr.files import format_bytes, remove_leftovers, whole, write_json, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError, match="disk"):
        fail_halfway(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def fail_halfway(path: Path) -> None:
    with whole(path) as part:
        part.write_text("half")
        raise RuntimeError("disk")


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    write_json(tmp_path / "deep" / "a.json", {"a": [1]})
    (tmp_path / "deep" / ".a.123.part.json").write_text("half")
    remove_leftovers(tmp_path)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.json"]
    assert json.loads((tmp_path / "deep" / "a.json").read_text()) == {"a": [1]}


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.00 KiB"),
        (3 * 2**19, "1.50 MiB"),
        (12 * 2**30, "12.0 GiB"),
        (345 * 2**30, "345 GiB"),
        (2**60, "1048576 TiB"),
    ],
)
def test_sizes_in_words(count: int, text: str) -> None:
    assert format_bytes(count) == text
