"""Ranks: which of a run's processes this one is, who started it, how many a run needs here, and on which cores."""

import os
from collections.abc import Mapping
from typing import Any

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


def local_process_count(trainer: Mapping[str, Any]) -> int:
    """Return how many processes of this machine a trainer's settings need: one for each device."""
    accelerator, devices = trainer.get("accelerator", "auto"), trainer.get("devices", "auto")
    if isinstance(devices, list):
        return len(devices)
    if isinstance(devices, str) and devices.strip("-").isdigit():
        devices = int(devices)
    if isinstance(devices, int) and devices >= 0:
        return devices
    if isinstance(devices, str) and devices != "auto":
        return len([one for one in devices.split(",") if one])
    if accelerator not in ("auto", "gpu", "cuda"):
        return 1
    import torch

    return torch.cuda.device_count() or 1


def needs_local_processes(trainer: Mapping[str, Any]) -> bool:
    """Return whether this process has to start others of the run: unless a launcher has started them all."""
    return not launched() and local_process_count(trainer) > 1


CORES = "POSEPYR_CORES"
"""The environment variable by which jobs side by side, or a user, say how many cores each process may use."""


def cores() -> int:
    """Return the number of CPU cores that this process may use: fewer than the machine has where it is shared."""
    given = os.environ.get(CORES, "")
    if given.isdigit() and int(given):
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
