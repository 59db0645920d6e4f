import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wandb.proto import wandb_internal_pb2

from posepyr import compose
from posepyr.training.loggers.wandb_log import STEP, make_wandb, wandb_mode
from posepyr.training.record import read_record
from posepyr.training.run import train
from posepyr.training.sweep_job import write_sweep_job
from support.scripted import SCRIPTED, Scripted

VARIABLES = (
    "WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_PROJECT", "WANDB_NAME", "WANDB_ENTITY", "WANDB_RUN_GROUP",
    "WANDB_TAGS",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def run_folder(path: Path, name: str) -> Path:
    path.mkdir()
    (path / "run.json").write_text(json.dumps({"id": name}))
    return path


def test_without_a_key_runs_are_offline_and_say_why() -> None:
    mode, reason = wandb_mode()
    assert mode == "offline"
    assert "set WANDB_API_KEY" in reason


def test_a_key_or_a_wish_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert wandb_mode()[0] == "online"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode()[0] == "disabled"


def test_a_key_in_the_netrc_file_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    (tmp_path / ".netrc").write_text(f"machine wandb.example.org login user password {'k' * 40}\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert wandb_mode()[0] == "online"


def test_two_runs_of_one_process_are_two_runs(tmp_path: Path) -> None:
    for name, value in (("first", 1), ("second", 2)):
        logger = make_wandb(run_folder(tmp_path / name, name), name, {"seed": value})
        assert logger.experiment.id == name
        assert dict(logger.experiment.config)["seed"] == value
        assert logger.experiment.settings.mode == "offline"
        logger.log_metrics({"loss": 1.0}, 0)
        logger.experiment.finish()
        assert list((tmp_path / name / "wandb").glob(f"offline-run-*-{name}/*.wandb"))


def test_a_network_that_is_away_does_not_stop_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    logger = make_wandb(run_folder(tmp_path / "away", "away"), "away", {}, timeout=1)
    assert logger.experiment.settings.mode == "offline"
    assert "logging offline" in caplog.text
    logger.experiment.finish()


def test_a_resumed_run_goes_on_in_the_same_run_by_its_own_steps(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", "same")
    for first in (0, 2):
        logger = make_wandb(folder, "run", {"first": first})
        for step in range(first, first + 4):
            logger.log_metrics({"train/loss": 1 / (step + 1)}, step)
        logger.experiment.finish()
        time.sleep(1)  # their folders are named by the second
    files = sorted((folder / "wandb").glob("offline-run-*-same*/*.wandb"))
    assert len(files) == 2, "each start has a folder of its own"
    for file, first in zip(files, (0, 2), strict=True):
        content = list(records(file))
        assert {record.run.run_id for record in content if record.WhichOneof("record_type") == "run"} == {"same"}
        metrics = [record.metric for record in content if record.WhichOneof("record_type") == "metric"]
        assert [metric.step_metric for metric in metrics if metric.glob_name == "*"] == [STEP]
        rows = [
            {"/".join(item.nested_key) or item.key: item.value_json for item in record.history.item}
            for record in content
            if record.WhichOneof("record_type") == "history"
        ]
        # Of the two that are taken again, the same values once more.
        assert [(int(row[STEP]), float(row["train/loss"])) for row in rows] == [
            (step, 1 / (step + 1)) for step in range(first, first + 4)
        ]


def test_jobs_of_a_sweep_are_told_apart_and_summed_up_by_their_best(tmp_path: Path) -> None:
    """Each has an id, a name and a configuration of its own; all have one group."""
    sweep = tmp_path / "runs" / "multirun"
    for number, swept in enumerate(("model.width=8", "model.width=12")):
        folder = sweep / str(number)
        folder.mkdir(parents=True)
        write_sweep_job(folder, sweep, number, [swept])
        Scripted.script = (0.25, 0.75, 0.5, 0.625)
        overrides = [*SCRIPTED, "logger=wandb", swept]
        scores = train(compose(overrides), folder, overrides)
        [file] = folder.glob("wandb/offline-run-*/*.wandb")
        content = finished_records(file)
        [run, *_] = [record.run for record in content if record.WhichOneof("record_type") == "run"]
        assert run.run_id == read_record(folder)["id"]
        assert (run.project, run.display_name, run.run_group) == (
            "posepyr",
            swept.removeprefix("model."),
            "runs/multirun",
        )
        assert list(run.tags) == ["StackedHourglass"]
        config = {item.key: json.loads(item.value_json) for item in run.config.update}
        assert config["model"]["width"] == int(swept.partition("=")[2])
        assert config["overrides"] == overrides
        assert config["run_folder"] == str(folder)
        assert config["git_commit"] == read_record(folder)["git"]["commit"]
        assert read_record(folder)["sweep"] == {"sweep": "runs/multirun", "number": number, "varies": [swept]}
        steps = [summary(content[:place]).get("val/scripted") for place in range(len(content))]
        # While it runs, the best; at the end all of the best epoch's.
        assert {"max": 0.75} in steps
        assert {"max": 0.5} not in steps
        final = summary(content)
        assert {name: final[name] for name in scores} == scores
        assert (final["val/scripted"], final["val/scripted/hip"], final["last/val/scripted"]) == (0.75, 1.5, 0.5)


def finished_records(file: Path) -> list[Any]:
    """What lies in the file of a run that is over: W&B's service writes it a moment later."""
    for _ in range(200):
        content = list(records(file))
        if any(one.WhichOneof("record_type") == "exit" for one in content):
            return content
        time.sleep(0.1)
    raise AssertionError(f"{file} has no end")


def summary(content: list[Any]) -> dict[str, Any]:
    """The summary that some records add up to."""
    items = [item for one in content if one.WhichOneof("record_type") == "summary" for item in one.summary.update]
    return {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


def records(path: Path) -> Iterator[Any]:
    """What lies in one of W&B's files: a log in blocks of 32 KiB, after seven bytes of its own."""
    data, place, whole = path.read_bytes(), 7, b""
    while place + 7 <= len(data):
        if 2**15 - place % 2**15 < 7:
            place += 2**15 - place % 2**15
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        part = data[place + 7 : place + 7 + length]
        place += 7 + length
        # A record is whole, or has a first, middle and last part.
        whole = part if kind in (1, 2) else whole + part
        if kind in (1, 4):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            yield record
