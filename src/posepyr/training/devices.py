"""Devices that a trainer's settings name: how many processes of this machine they need."""

from collections.abc import Mapping
from typing import Any

from posepyr.ranks import launched


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
