from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from posepyr.configuration import hydra_loader
from posepyr.configuration.compose import Composer
from posepyr.configuration.hydra_runtime import run_through_launcher
from posepyr.errors import UsageError
from posepyr.running.launch import claim
from posepyr.sweeps import jobs as module
from posepyr.sweeps import plan
from posepyr.sweeps.jobs import Sweep, run_each, run_sweep
from posepyr.sweeps.manifest import Manifest

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


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """In place of a training, under Hydra's own launcher, which the small configuration has."""
    recorder = Recorder()
    monkeypatch.setattr(module, "launch", recorder)
    monkeypatch.setattr(plan, "check_run", lambda _: None)
    return recorder


def test_a_sweep_has_one_folder_with_numbered_jobs(
    conf: Path, task: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_sweep(Composer(), ["model=plain,pyramid", "seed=${hydra:job.num}", "name=s"]) == 0
    assert [(config["seed"], folder.name) for config, folder, _ in task.calls] == [(0, "0"), (1, "1")]
    assert {folder.parent for _, folder, _ in task.calls} == {Path("runs/s/sweep").absolute()}
    assert [config["model"]["block"]["_target_"] for config, _, _ in task.calls] == [
        "support.cli_parts.Plain",
        "support.cli_parts.Block",
    ]
    assert "job 1: model=pyramid" in capsys.readouterr().out
    run_sweep(Composer(), ["name=s"])
    assert task.calls[-1][1] == Path("runs/s/sweep-1/0").absolute()


def test_a_sweep_over_the_name_has_the_usual_one(conf: Path, task: Recorder) -> None:
    run_sweep(Composer(), ["name=a,b"])
    assert [folder.relative_to(Path.cwd()).as_posix() for _, folder, _ in task.calls] == [
        "runs/train/sweep/0", "runs/train/sweep/1"
    ]  # fmt: skip


def test_a_failing_job_leaves_the_others(conf: Path, task: Recorder, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_sweep(Composer(), ["seed=1,-2,3,-4"]) == 1
    assert [config["seed"] for config, _, _ in task.calls] == [1, -2, 3, -4]
    err = capfd.readouterr().err
    assert "seed must not be negative, got -2" in err
    assert "2 jobs failed" in err


def test_nothing_starts_before_everything_is_checked(
    conf: Path, task: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"model\.stacks must be int, got 'x'"):
        run_sweep(Composer(), ["model.stacks=1,2,x"])

    def check(config: dict[str, Any]) -> None:
        if config["model"]["stacks"] > 1:
            raise ValueError("trainer.devices must be devices that are there")

    monkeypatch.setattr(plan, "check_run", check)
    with pytest.raises(UsageError, match=r"job 1 \(model\.stacks=2\): trainer\.devices must be devices that are there"):
        run_sweep(Composer(), ["model.stacks=1,2"])
    assert task.calls == []
    assert not Path("runs").exists()


def test_jobs_at_hand_run_in_order(conf: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    task, jobs = Recorder(), Composer().jobs(["seed=0,-1,2"])
    assert run_each(jobs, task, claim(tmp_path / "all")) == 1
    assert [folder.name for _, folder, _ in task.calls] == ["0", "1", "2"]
    assert run_each(jobs[:1], task, claim(tmp_path / "one")) == 0
    assert task.calls[-1][1] == tmp_path / "one"


def test_each_job_is_composed_and_checked_once(conf: Path, task: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the sweep itself three times: for its values, its folder, and by Hydra."""
    composed: list[dict[str, Any]] = []
    complete = hydra_loader.complete
    monkeypatch.setattr(hydra_loader, "complete", lambda config: composed.append(config) or complete(config))
    assert run_sweep(Composer(), ["seed=1,2,3,4,5", "hydra.job.name=j"]) == 0
    assert len(composed) == 5 + 3
    assert [config["seed"] for config, _, _ in task.calls] == [1, 2, 3, 4, 5]


def test_a_job_that_only_the_sweeper_knows_is_checked_when_it_starts(
    conf: Path, task: Recorder, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As one of a sweeper that decides by the scores of earlier jobs."""
    monkeypatch.setattr(Composer, "jobs", lambda *_: [])
    assert run_sweep(Composer(), ["model.stacks=1,x"]) == 1
    assert [config["model"]["stacks"] for config, _, _ in task.calls] == [1]
    assert "model.stacks must be int, got 'x'" in capfd.readouterr().err


class Copied(Sweep):
    """Hands a copy of itself to each job, as launchers do that start processes."""

    def run_one(self, *job: Any) -> float | None:
        return Sweep.run_one(deepcopy(self), *job)


def test_a_job_knows_its_number_where_each_has_a_copy_of_the_task(
    conf: Path, task: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = Copied(Path("all"), Manifest([], ".", None, "config"))
    run_through_launcher(Composer(), ["seed=1,2"], claim(Path("all")), sweep)
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("job")] == [
        "job 0: seed=1", "job 1: seed=2"
    ]  # fmt: skip


def test_a_failure_is_told_where_each_job_has_a_copy_of_the_task(
    conf: Path, task: Recorder, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "Sweep", Copied)
    assert run_sweep(Composer(), ["seed=1,-2,3"]) == 1
    assert "seed must not be negative, got -2" in capfd.readouterr().err
