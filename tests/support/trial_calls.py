"""Calls for trials of what fits into memory: a new process reads them, which needs nothing of Lightning for it."""

import os
import signal

import torch

from posepyr.measurement.timing import Workload


def holding(size: int, temporary: int = 0) -> Workload:
    """What is built holds so many bytes, and every run takes more for a moment."""
    held = torch.ones(size, dtype=torch.uint8)
    return Workload(lambda: (held, torch.ones(temporary, dtype=torch.uint8)), lambda: None)


def untouched(size: int) -> Workload:
    """Memory that is allocated and never written to."""
    held = torch.empty(size, dtype=torch.uint8)
    return Workload(held.numel, lambda: None)


def failing() -> Workload:
    raise ValueError("no such network\nand more")


def killed() -> Workload:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
