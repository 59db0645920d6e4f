"""Ranks by the environment that a launcher leaves."""

import pytest

from posepyr import ranks, slurm

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
