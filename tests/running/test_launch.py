from pathlib import Path

import pytest

from posepyr.files import write_json
from posepyr.running.launch import claim, print_result


def test_a_folder_that_is_taken_gets_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    claimed = [claim(Path("runs/a/run")).as_posix() for _ in range(3)]
    assert claimed == ["runs/a/run", "runs/a/run-1", "runs/a/run-2"]
    assert all(Path(folder).is_dir() for folder in claimed)


def test_a_result_is_printed_once_for_all_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_result(Path("runs/a"), {"val/pck": 0.25})
    out = capsys.readouterr().out
    assert "0.250" in out
    assert out.splitlines()[-1] == "run folder: runs/a"
    write_json(tmp_path / "run.json", {"best": {"epoch": 7, "epochs": 10, "monitor": "val/pck", "value": 0.25}})
    print_result(tmp_path, {"best/val/pck": 0.25})
    assert "best epoch 7 of 10, by val/pck 0.25\n" in capsys.readouterr().out
    monkeypatch.setenv("RANK", "1")
    print_result(Path("runs/a"), {"val/pck": 0.25})
    assert capsys.readouterr().out == ""
