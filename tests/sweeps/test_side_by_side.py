"""Sweeps as they are started from a command line: jobs in processes, in slots, stopped, killed and gone on with."""

import csv
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from posepyr.cli.main import main
from posepyr.training.record import read_record, read_state
from support.sweeping import (
    LONG,
    TINY,
    command,
    end,
    finish,
    have_trained,
    notes,
    processes_below,
    sweep,
    wait_until,
    witness,
)

Post = Callable[..., tuple[int, str]]


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Post:
    """Runs a command line here, in a new folder; returns its exit code and all that it prints."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        return code, "".join(capfd.readouterr())

    return run


def states(folder: Path, count: int) -> list[str]:
    return [read_state(folder / "all" / str(number)) for number in range(count)]


def test_jobs_never_share_a_slot_and_each_has_its_own_log(
    tmp_path: Path, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    where = tmp_path / "notes"
    settings = ["hydra.launcher.slots=[3,7]", "logger=wandb", witness(where, pause=0.2)]
    code, said = post(*sweep("seed=1,2,3,4", *settings))
    assert code == 0, said
    seen = notes(where)
    assert [note["seed"] for note in seen] == [1, 2, 3, 4]
    assert [Path(note["folder"]) for note in seen] == [tmp_path / "all" / str(number) for number in range(4)]
    assert len({note["pid"] for note in seen}) == 4
    for device in ("3", "7"):
        one, other = sorted((note for note in seen if note["devices"] == device), key=lambda note: note["begun"])
        assert one["ended"] < other["begun"]
    assert "job 2: seed=3: finished in 0:00:" in said
    assert states(tmp_path, 4) == ["finished"] * 4
    assert json.loads((tmp_path / "all/sweep.json").read_text())["jobs"][3]["config"]["seed"] == 4
    for number in range(4):
        folder = tmp_path / "all" / str(number)
        runs = [path.name.rpartition("-")[2] for path in folder.glob("wandb/offline-run-*")]
        assert runs == [read_record(folder)["id"]]


def test_a_rank_that_fails_ends_its_job_alone_and_the_sweep_goes_on_from_there(tmp_path: Path, post: Post) -> None:
    where = tmp_path / "notes"
    settings = ["trainer.devices=2,1,2", "trainer.strategy=ddp", "seed=${hydra:job.num}", witness(where, fail="'0/1'")]
    code, said = post(*sweep(*settings))
    assert code == 1, said
    assert states(tmp_path, 3) == ["failed", "finished", "finished"]
    assert "rank 1 of seed 0 was told to fail" in said
    assert "2 of 3 jobs are complete; go on with posepyr sweep resume all" in said
    assert [(note["seed"], note["rank"], note["world"]) for note in notes(where)] == [(1, 0, 1), (2, 0, 2), (2, 1, 2)]
    wait_until(lambda: not processes_below(tmp_path))
    (where / "mended").touch()
    code, said = post("sweep", "resume", "all")
    assert code == 0, said
    assert [note["seed"] for note in notes(where)] == [0, 0, 1, 2, 2]
    with (tmp_path / "all/0/metrics.csv").open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file) if row["val/pck"]] == ["0"], "of the second start alone"
    code, said = post("train", "--resume", "all")
    assert (code, "go on with posepyr sweep resume all" in said) == (2, True), said


def test_a_killed_sweep_leaves_nothing_behind_and_resumes_the_rest(tmp_path: Path, post: Post) -> None:
    where = tmp_path / "notes"
    settings = ["trainer.max_epochs=1,40,41", "hydra.launcher.slots=2", witness(where)]
    process = command(*sweep(*settings), folder=tmp_path)
    wait_until(lambda: read_state(tmp_path / "all/0") == "finished" and have_trained(tmp_path, 1, 2), process)
    end(process, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not processes_below(tmp_path))
    assert states(tmp_path, 3) == ["finished", "stopped", "stopped"]
    before = (tmp_path / "all/0/run.json").read_bytes()
    code, said = post("sweep", "resume", "all")
    assert code == 0, said
    assert states(tmp_path, 3) == ["finished"] * 3
    assert (tmp_path / "all/0/run.json").read_bytes() == before
    assert [len(read_record(tmp_path / "all" / number)["resumes"]) for number in "12"] == [1, 1]
    code, said = post("sweep", "resume", "all")
    assert (code, "all 3 jobs in " in said) == (0, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_sweep_that_is_told_to_end_saves_its_jobs(tmp_path: Path, number: int) -> None:
    process = command(*sweep("seed=1,2,3", "hydra.launcher.slots=2", LONG), folder=tmp_path)
    wait_until(lambda: have_trained(tmp_path, 0, 1), process)
    end(process, number)
    code, said = finish(process)
    assert code == 128 + number, said
    assert states(tmp_path, 3) == ["stopped", "stopped", "waiting"]
    assert "0 of 3 jobs are complete; go on with posepyr sweep resume all" in said
    assert "Traceback" not in said
    assert not processes_below(tmp_path)


def test_fail_fast_ends_the_others_and_retries_start_again(tmp_path: Path, post: Post) -> None:
    where = tmp_path / "notes"
    settings = ["hydra.launcher.fail_fast=true", "hydra.launcher.retries=1", "hydra.launcher.slots=2"]
    code, said = post(*sweep("seed=1,2,3", *settings, LONG, witness(where, fail="2/0")))
    assert code == 1, said
    assert states(tmp_path, 3) == ["stopped", "failed", "waiting"]
    assert said.count("job 1: seed=2: FAILED") == 2
    assert said.count("it is started again") == 1
    assert said.count("  | RuntimeError: rank 0 of seed 2 was told to fail") == 2


def test_a_sweep_grows_and_tells_how_far_it_is(tmp_path: Path, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    assert post(*sweep("seed=1,2"))[0] == 0
    # From any folder: the sweep knows where it was started.
    monkeypatch.chdir("/")
    everything = str(tmp_path / "all")
    code, said = post("sweep", "add", everything, "seed=2,5")
    assert (code, "job 2: seed=5: finished" in said, "seed=2" in said) == (0, True, False), said
    code, said = post("sweep", "status", everything)
    lines = [line.split()[:3] for line in said.splitlines()]
    assert lines[1:4] == [["0", "seed=1", "finished"], ["1", "seed=2", "finished"], ["2", "seed=5", "finished"]]
    assert json.loads(post("sweep", "status", everything, "--json")[1])[2]["state"] == "finished"
    code, said = post("sweep", "add", everything, "seed=5")
    assert (code, "seed=5 must bring jobs that" in said) == (2, True), said
    (tmp_path / "all/1/run.json").unlink()
    code, said = post("sweep", "resume", everything, "seed=7")
    assert (code, "seed=7 must not change a sweep that goes on" in said) == (2, True), said


def test_a_stored_run_is_swept_over(tmp_path: Path, post: Post) -> None:
    assert post("train", *TINY, "hydra.run.dir=first", "optimizer.lr=3e-4")[0] == 0
    code, said = post("train", "--rerun", "first", "-m", "seed=1,2", "hydra.sweep.dir=all")
    assert code == 0, said
    for number, seed in ((0, 1), (1, 2)):
        record = read_record(tmp_path / "all" / str(number))
        assert record["seed"] == seed
        assert record["rerun_of"] == str(tmp_path / "first")
        assert record["overrides"][-1] == f"seed={seed}"
        assert "optimizer.lr=3e-4" in record["overrides"]
    code, said = post("sweep", "add", "all", "seed=3")
    assert (code, "job 2: seed=3: finished" in said) == (0, True), said
