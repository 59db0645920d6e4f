import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from posepyr.configuration.compose import Composer
from posepyr.errors import UsageError
from posepyr.running.launch import claim, run_each, run_one, run_sweep, show

Call = tuple[dict[str, Any], Path, list[str]]


class Recorder:
    """A task that notes how it was called, and fails where the seed is negative."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __call__(self, config: dict[str, Any], folder: Path, overrides: list[str]) -> dict[str, float]:
        assert folder.is_dir()
        self.calls.append((config, folder, overrides))
        if config["seed"] < 0:
            raise ValueError(f"seed must not be negative, got {config['seed']}")
        return {"val/pck": 0.25}


def run(*overrides: str) -> Recorder:
    task, composer = Recorder(), Composer()
    assert run_one(composer.job(overrides), task, composer.loader) == 0
    return task


def test_one_run_gets_a_new_folder_each_time(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third = run("name=a"), run("name=a", "seed=3"), run("name=a")
    assert [task.calls[0][1].as_posix() for task in (first, second, third)] == [
        "runs/a/run", "runs/a/run-1", "runs/a/run-2"
    ]  # fmt: skip
    assert second.calls[0][2] == ["name=a", "seed=3"]
    assert type(second.calls[0][0]) is dict
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("run folder")]
    assert lines == [f"run folder: runs/a/run{suffix}" for suffix in ("", "-1", "-2")]


def test_hydras_own_settings_count(conf: Path, tmp_path: Path) -> None:
    environment: list[str | None] = []

    def task(config: dict[str, Any], folder: Path, overrides: list[str]) -> dict[str, float]:
        environment.append(os.environ.get("MARK"))
        return {}

    composer = Composer()
    job = composer.job([f"hydra.run.dir={tmp_path / 'there'}", "+hydra.job.env_set={MARK: 'yes'}"])
    run_one(job, task, composer.loader)
    assert (tmp_path / "there").is_dir()
    assert environment == ["yes"]


def test_a_failing_run_raises_its_own_error(conf: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="seed must not be negative, got -1"):
        run("seed=-1")
    assert capfd.readouterr().err == "", "reporting is the caller's, once"


def test_a_sweep_has_one_folder_with_numbered_jobs(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = Recorder()
    assert run_sweep(Composer(), ["model=plain,pyramid", "seed=${hydra:job.num}", "name=s"], task) == 0
    assert [(config["seed"], folder.name) for config, folder, _ in task.calls] == [(0, "0"), (1, "1")]
    assert {folder.parent for _, folder, _ in task.calls} == {Path("runs/s/sweep").absolute()}
    assert [config["model"]["block"]["_target_"] for config, _, _ in task.calls] == [
        "support.cli_parts.Plain",
        "support.cli_parts.Block",
    ]
    assert "job 1: model=pyramid" in capsys.readouterr().out
    run_sweep(Composer(), ["name=s"], task)
    assert task.calls[-1][1] == Path("runs/s/sweep-1/0").absolute()


def test_a_sweep_over_the_name_has_the_usual_one(conf: Path) -> None:
    task = Recorder()
    run_sweep(Composer(), ["name=a,b"], task)
    assert [folder.relative_to(Path.cwd()).as_posix() for _, folder, _ in task.calls] == [
        "runs/train/sweep/0", "runs/train/sweep/1"
    ]  # fmt: skip


def test_a_failing_job_leaves_the_others(conf: Path, capfd: pytest.CaptureFixture[str]) -> None:
    task = Recorder()
    assert run_sweep(Composer(), ["seed=1,-2,3,-4"], task) == 1
    assert [config["seed"] for config, _, _ in task.calls] == [1, -2, 3, -4]
    err = capfd.readouterr().err
    assert "seed must not be negative, got -2" in err
    assert "2 of 4 jobs failed: 1, 3" in err


def test_nothing_starts_before_everything_is_checked(conf: Path) -> None:
    task = Recorder()
    with pytest.raises(UsageError, match=r"model\.stacks must be int, got 'x'"):
        run_sweep(Composer(), ["model.stacks=1,2,x"], task)
    assert task.calls == []
    assert not Path("runs").exists()


def test_jobs_at_hand_run_in_order(conf: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    task, jobs = Recorder(), Composer().jobs(["seed=0,-1,2"])
    assert run_each(jobs, task, claim(tmp_path / "all")) == 1
    assert [folder.name for _, folder, _ in task.calls] == ["0", "1", "2"]
    assert run_each(jobs[:1], task, claim(tmp_path / "one")) == 0
    assert task.calls[-1][1] == tmp_path / "one"


def test_a_configuration_is_shown_as_written_or_resolved(conf: Path) -> None:
    job = Composer().job(["name=a"])
    assert yaml.safe_load(show(job, "job", resolve=False))["data"]["source"]["file"] == "${name}.json"
    assert yaml.safe_load(show(job, "job", resolve=True)) == job.config
    assert yaml.safe_load(show(job, "all", resolve=True))["hydra"]["output_subdir"] is None
