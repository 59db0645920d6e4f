"""Ranks by the environment that a launcher leaves."""

import pytest
import torch

from posepyr import ranks, slurm
from posepyr.ranks import local_process_count, needs_local_processes

NAMES = (
    "RANK", "LOCAL_RANK", "WORLD_SIZE", "TORCHELASTIC_RUN_ID", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_JOB_NAME",
)  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "rank", "size", "launched"),
    [
        ({}, 0, 1, False),
        ({"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "TORCHELASTIC_RUN_ID": "a"}, 3, 4, True),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "8", "SLURM_JOB_NAME": "train"}, 2, 8, True),
        # A shell on a node is no task of a job.
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_JOB_NAME": "bash"}, 0, 8, False),
        ({"LOCAL_RANK": "1"}, 1, 1, False),
    ],
)
def test_the_launchers(
    environment: dict[str, str], rank: int, size: int, launched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (ranks.rank(), ranks.world_size(), ranks.launched()) == (rank, size, launched)
    assert ranks.is_first() == (rank == 0)
    assert slurm.is_task() == (rank == 2)


@pytest.mark.parametrize(
    ("trainer", "count"),
    [
        ({"devices": 3, "accelerator": "cpu"}, 3),
        ({"devices": "2", "accelerator": "cpu"}, 2),
        ({"devices": [0, 2], "accelerator": "gpu"}, 2),
        ({"devices": "0,1,3", "accelerator": "gpu"}, 3),
        ({"devices": "auto", "accelerator": "cpu"}, 1),
        ({}, max(1, torch.cuda.device_count())),
    ],
)
def test_each_device_has_a_process(trainer: dict, count: int) -> None:
    assert local_process_count(trainer) == count


def test_nothing_is_started_where_a_launcher_has(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = {"devices": 2, "accelerator": "cpu"}
    assert needs_local_processes(trainer)
    assert not needs_local_processes({"devices": 1})
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "a run")
    assert not needs_local_processes(trainer)
