"""Runs in several processes: real ones, which must do what one does, and end together."""

import csv
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from posepyr.checkpoints.storage import read_checkpoint
from posepyr.cli.main import main
from posepyr.training.record import read_record

TINY = [
    "model.width=16", "model.depth=2", "data.input_size=[32,32]", "data.batch_size=4", "data.workers=0",
    "data.source.train=24", "data.source.val=17", "data.source.size=64", "trainer.max_epochs=2", "trainer=ddp",
    "trainer.accelerator=cpu", "trainer.log_every_n_steps=1", "progress=false", "callbacks=frozen_norms",
    "callbacks.augmentation_sheet=null", "callbacks.prediction_sheet=null", "data.train_scored=7",
]  # fmt: skip
PRM = ["model.stacks=1", "model.block.width=4"]

BOMB = """
import os, signal
import pytorch_lightning as pl

class Bomb(pl.Callback):
    def __init__(self, how: str) -> None:
        self.how = how

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_rank == 1 and trainer.global_step == 7:
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("boom in the second process")
"""


def run(folder: Path, *overrides: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "posepyr", "train", *TINY, *overrides, f"hydra.run.dir={folder}"]
    if "PYTHONPATH" in environment and "PYTHONPATH" in os.environ:
        environment["PYTHONPATH"] += os.pathsep + os.environ["PYTHONPATH"]
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    # Far above what it takes; a collective that nobody answers would wait for half an hour.
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=240, check=False)


def logged(folder: Path, name: str) -> list[float]:
    with (folder / "metrics.csv").open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row[name]]


def assert_alike(one: Path, two: Path) -> None:
    losses = logged(one, "train/loss")
    assert losses == pytest.approx(logged(two, "train/loss"), rel=1e-5)
    assert len(losses) == 12
    for name in ("train/pck", "train/pck_people_not_scored"):
        assert logged(one, name) == pytest.approx(logged(two, name))
        assert len(logged(one, name)) == 2
    ours, theirs = (read_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"] for folder in (one, two))
    for key, value in ours.items():
        torch.testing.assert_close(value, theirs[key], rtol=1e-3, atol=1e-5)
    scores = [json.loads((folder / "metrics.json").read_text()) for folder in (one, two)]
    assert scores[0] == pytest.approx(scores[1])
    assert any(name == "best/val/pck" for name in scores[0])


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("bomb")
    (folder / "bomb.py").write_text(BOMB)
    return str(folder)


def test_two_processes_follow_one(tmp_path: Path) -> None:
    # A gentle rate: RMSProp would make large steps of small differences.
    common = [*PRM, "optimizer.lr=1e-5", "data.source.test=5"]
    single = run(tmp_path / "one", *common, "trainer.devices=1")
    assert single.returncode == 0, single.stderr
    double = run(tmp_path / "two", *common, "trainer.devices=2")
    assert double.returncode == 0, double.stderr
    assert_alike(tmp_path / "one", tmp_path / "two")
    assert "batch of 4 samples: 2 samples in each of 2 processes" in double.stdout
    assert double.stdout.count("epoch 2/2") == 1
    assert not [*(tmp_path / "two").glob(".job*")]


@pytest.mark.long
@pytest.mark.parametrize(
    "model",
    [
        ["model=hrnet_w32", "~model.depth", "model.width=8", "model.modules=[1,1,1]", "model.blocks=1"],
        ["model=ppnet_m2_d2_w32", "~model.depth", "model.width=8"],
        [
            "model=mssh",
            "model.stages=2",
            "model.depth=1",
            "data.input_size=[64,64]",
            "codec=signed",
            "visibility=signed",
            "metrics.occlusion._target_=posepyr.metrics.occlusion.Occlusion",
        ],
    ],
)
def test_two_processes_follow_one_in_every_family(model: list[str], tmp_path: Path) -> None:
    model = [line for line in model if not line.startswith("~")]
    common = [line for line in TINY if not (line.startswith("model.depth") and "mssh" not in model[0])]
    for count in (1, 2):
        command = [sys.executable, "-m", "posepyr", "train", *common, *model, "optimizer.lr=1e-5", "test=false"]
        done = subprocess.run(
            [*command, f"trainer.devices={count}", f"hydra.run.dir={tmp_path / str(count)}"],
            env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert_alike(tmp_path / "1", tmp_path / "2")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        pytest.param("raise", "RuntimeError: boom in the second process", marks=pytest.mark.long),
        (
            "kill",
            "process 1 of 2 was killed by signal 9 (the system does that when the machine's memory runs out), "
            "and the others were ended; go on with posepyr train --resume",
        ),
    ],
)
def test_when_one_dies_all_end(how: str, message: str, tmp_path: Path, bomb: str) -> None:
    node = "{_target_: bomb.Bomb, how: " + how + "}"
    done = run(tmp_path / "run", *PRM, "trainer.devices=2", "test=false", f"+callbacks.bomb={node}", PYTHONPATH=bomb)
    assert done.returncode == 1
    assert message in done.stderr
    assert "process 1 of 2" in done.stderr
    assert not [*(tmp_path / "run").glob(".job*")]
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").is_file()
    end = read_record(tmp_path / "run")["end"]
    assert end["state"] == "failed"
    assert message in end["error"].replace(str(tmp_path / "run"), "")


@pytest.mark.long
def test_a_divergence_in_several_processes_is_kept(tmp_path: Path) -> None:
    done = run(tmp_path / "run", *PRM, "trainer.devices=2", "test=false", "optimizer=sgd", "optimizer.lr=1e12")
    assert done.returncode == 1
    assert "train/loss must stay finite and below 1000 times its first value" in done.stderr
    assert "Traceback" not in done.stderr
    said = re.search(r"process (\d) of 2 failed:.*its batch \(people (\[.*\])\) is in (\S+);", done.stderr, re.DOTALL)
    assert said, done.stderr
    kept = torch.load(said[3], weights_only=True)
    assert kept["image"].shape == (2, 3, 32, 32), "a process's share"
    assert kept["sample"].tolist() == json.loads(said[2])
    assert Path(said[3]).name == ("diverged.pt" if said[1] == "0" else "diverged.1.pt")


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell a process that its parent is gone")
def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    lines = [*TINY, *PRM, "trainer.devices=2", "trainer.max_epochs=1000", "test=false", "checkpoint.every_n_steps=5"]
    starter = subprocess.Popen(
        [sys.executable, "-m", "posepyr", "train", *lines, f"hydra.run.dir={folder}"],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    table, deadline = folder / "metrics.csv", time.monotonic() + 120
    while not (table.exists() and len(table.read_text().splitlines()) > 10) and time.monotonic() < deadline:
        time.sleep(0.1)
    workers = [int(number) for number in Path(f"/proc/{starter.pid}/task/{starter.pid}/children").read_text().split()]
    assert len(workers) == 2
    starter.kill()
    starter.wait()
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
    assert read_checkpoint(folder / "checkpoints" / "last.ckpt")["global_step"] % 10 == 0, "saved where they agreed"


def together(commands: list[list[str]], environments: list[dict[str, str]]) -> list[str]:
    """Runs processes that somebody else starts at once; what each printed."""
    processes = [
        subprocess.Popen(
            command, env={**os.environ, "OMP_NUM_THREADS": "1", **environment}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )
        for command, environment in zip(commands, environments, strict=True)
    ]  # fmt: skip
    said = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), "\n".join(said)
    return said


def assert_one_run(folder: Path, said: list[str], batch: str) -> None:
    assert sum(text.count(batch) for text in said) == 1
    assert sum(text.count("run folder:") for text in said) == 1
    [made] = folder.iterdir()
    assert "best/val/pck" in json.loads((made / "metrics.json").read_text())


def test_slurm_starts_the_processes(tmp_path: Path) -> None:
    dated = f"hydra.run.dir={tmp_path}/" + "${now:%H-%M-%S-%f}"  # another folder in each process, if they let it
    command = [sys.executable, "-m", "posepyr", "train", *TINY, *PRM, "test=false", "trainer.devices=2", dated]
    shared = {
        "SLURM_NTASKS": "2", "SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NAME": "train", "SLURM_NODELIST": "localhost",
        "SLURM_NTASKS_PER_NODE": "2", "SLURM_NNODES": "1", "SLURM_NODEID": "0",
    }  # fmt: skip
    environments = [shared | {"SLURM_PROCID": str(number), "SLURM_LOCALID": str(number)} for number in range(2)]
    said = together([command] * 2, environments)
    assert_one_run(tmp_path, said, "batch of 4 samples: 2 samples in each of 2 processes")


@pytest.mark.long
def test_torchrun_starts_the_processes_of_two_nodes(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    dated = f"hydra.run.dir={tmp_path}/" + "${now:%H-%M-%S-%f}"
    run = ["-m", "posepyr", "train", *TINY, *PRM, "test=false", "trainer.devices=2", "trainer.num_nodes=2", dated]
    nodes = [
        [
            sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=2", f"--node-rank={node}",
            "--master-addr=localhost", f"--master-port={port}", *run,
        ]
        for node in range(2)
    ]  # fmt: skip
    said = together(nodes, [{}, {}])
    assert_one_run(tmp_path, said, "batch of 4 samples: 1 sample in each of 4 processes")


def test_a_sweep_starts_its_processes_itself(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "somebody")
    assert main(["train", "-m", "seed=0,1"]) == 2
    assert "-m must be left out under torchrun or srun" in capsys.readouterr().err
