"""Ranks: which of a run's processes this one is, and who started it."""

import os

from posepyr import slurm


def is_first() -> bool:
    """Return whether this process writes what a run writes once: rank 0, or the only process."""
    return rank() == 0


def rank() -> int:
    """Return the rank of this process among all of the run's."""
    if os.environ.get("RANK"):
        return int(os.environ["RANK"])
    if slurm.is_task():
        return slurm.task_rank()
    return int(os.environ.get("LOCAL_RANK") or 0)


def world_size() -> int:
    """Return how many processes the run has."""
    return int(os.environ.get("WORLD_SIZE") or 0) or slurm.task_count()


def in_torchrun() -> bool:
    """Return whether Torch's elastic launcher started this process: ``torchrun``, or posepyr itself."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def launched() -> bool:
    """Return whether a launcher has already started all of the run's processes, this one among them."""
    return in_torchrun() or slurm.is_task() or int(os.environ.get("WORLD_SIZE") or 1) > 1
