from pathlib import Path

import pytest

from posepyr.data.formats.containers import read_json


def test_what_a_file_holds(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"a": 1, "b": [2, {"b": 3}]}, "é"]', encoding="utf-8")
    assert read_json(tmp_path / "a.json") == [{"a": 1, "b": [2, {"b": 3}]}, "é"]
    assert read_json(tmp_path / "a.json", lambda entry: sorted(entry)) == [["a", "b"], "é"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"a": 1', b"\xff\xfe{}", b"[" * 100_000, b"[1" + b"0" * 5000 + b"]", b"{} {}"]
)
def test_damaged_files_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json must be whole, valid JSON, got .*; fetch or write the file again"):
        read_json(tmp_path / "a.json")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.json must be a readable file \(No such file"):
        read_json(tmp_path / "a.json")
    with pytest.raises(ValueError, match=r"must be a readable file \(Is a directory"):
        read_json(tmp_path)
