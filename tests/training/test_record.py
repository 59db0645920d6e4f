"""The record of a run: how it stands while it runs, how it ended, and how it went on."""

import json
import os
import platform
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from posepyr.errors import UsageError
from posepyr.files import write_json
from posepyr.training import record
from posepyr.training.record import (
    overrides_with,
    read_record,
    read_state,
    record_end,
    record_origin,
    record_resume,
    recorded_end,
    write_record,
)


@pytest.fixture
def running(tmp_path: Path) -> Path:
    write_record(tmp_path, {"seed": 3}, ["seed=3"])
    return tmp_path


def test_a_folder_without_a_record_waits(tmp_path: Path) -> None:
    assert read_state(tmp_path) == "waiting"


def test_a_run_is_running_for_as_long_as_its_process(running: Path) -> None:
    assert read_state(running) == "running"
    assert read_record(running)["process"]["pid"] == os.getpid()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        process = {"host": platform.node(), "pid": child.pid, "started": record._start_ticks(child.pid)}
        write_json(running / "run.json", read_record(running) | {"process": process})
        assert read_state(running) == "running"
        child.kill()
        while read_state(running) == "running":  # a process that nobody has waited for yet is gone all the same
            time.sleep(0.01)
        assert child.returncode is None
    assert read_state(running) == "killed"


def test_a_later_process_with_the_same_number_is_another(running: Path) -> None:
    if read_record(running)["process"]["started"] is None:
        pytest.skip("the system does not tell when a process started")
    content = read_record(running)
    content["process"]["started"] -= 1
    write_json(running / "run.json", content)
    assert read_state(running) == "killed"


def test_a_run_elsewhere_is_judged_by_what_it_writes(running: Path) -> None:
    content = read_record(running)
    content["process"]["host"] = "elsewhere"
    write_json(running / "run.json", content)
    assert read_state(running) == "running"
    old = time.time() - record.SILENT_SECONDS - 1
    os.utime(running / "run.json", (old, old))
    assert read_state(running) == "killed"
    (running / "checkpoints").mkdir()
    (running / "checkpoints" / "last.ckpt").touch()
    assert read_state(running) == "running"


@pytest.mark.parametrize(
    ("error", "state", "text"),
    [
        (None, "finished", None),
        (SystemExit(143), "stopped", None),
        (KeyboardInterrupt(), "stopped", None),
        (UsageError("a must be b, got c"), "failed", "a must be b, got c"),
        (RuntimeError("first line\nsecond line"), "failed", "RuntimeError: first line\nsecond line"),
    ],
)
def test_how_a_run_ended_is_recorded(error: BaseException | None, state: str, text: str | None, running: Path) -> None:
    with nullcontext() if error is None else pytest.raises(type(error)), recorded_end(running):
        if error is not None:
            raise error
    end = read_record(running)["end"]
    assert read_state(running) == end["state"] == state
    assert end["error"] == text
    assert 0 <= end["seconds"] < 60


def test_only_the_first_process_records(running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    with recorded_end(running):
        pass
    assert read_state(running) == "running"


def test_the_end_of_a_run_that_has_recorded_nothing(tmp_path: Path) -> None:
    record_end(tmp_path, "failed", "exit code 7")
    assert read_state(tmp_path) == "failed"
    assert read_record(tmp_path)["end"]["error"] == "exit code 7"


def test_a_run_that_goes_on_runs_again(running: Path) -> None:
    record_end(running, "stopped")
    changed: dict[str, list[Any]] = {"seed": [3, 4]}
    record_resume(running, 12, ["seed=4"], changed)
    assert read_state(running) == "running"
    content = read_record(running)
    assert content["overrides"] == ["seed=3"]
    assert content["resumes"][0] | {"time": ""} == {
        "time": "", "step": 12, "overrides": ["seed=4"], "changed": changed,
    }  # fmt: skip
    record_end(running, "stopped")
    record_resume(running, 14, [], {})
    assert [one["step"] for one in read_record(running)["resumes"]] == [12, 14]


def test_a_rerun_has_the_overrides_of_all_that_led_to_it(running: Path, tmp_path: Path) -> None:
    write_json(running / "run.json", {"overrides": ["model=a", "model.width=2", "+callbacks.x=1", "seed=3", "name=b"]})
    record_resume(running, 1, ["callbacks.x=2"], {})
    record_resume(running, 2, [], {})
    new = ["model=hourglass", "nam=c"]
    assert overrides_with(running, new) == ["seed=3", "name=b", "callbacks.x=2", *new]
    assert overrides_with(tmp_path / "nowhere", new) == new


def test_where_a_run_comes_from_is_recorded_before_it_begins(tmp_path: Path) -> None:
    record_origin(tmp_path, Path("runs/old"))
    assert read_state(tmp_path) == "waiting"
    write_record(tmp_path, {}, ["seed=1"])
    assert read_state(tmp_path) == "running"
    assert read_record(tmp_path)["rerun_of"] == "runs/old"
    assert read_record(tmp_path)["overrides"] == ["seed=1"]


@pytest.mark.parametrize(("scores", "state"), [(True, "finished"), (False, "killed")])
def test_records_of_earlier_versions(scores: bool, state: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"id": "a", "started": "2026-01-31T12:00:00+00:00"}))
    if scores:
        (tmp_path / "metrics.json").write_text("{}")
    assert read_state(tmp_path) == state
