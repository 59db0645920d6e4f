"""How much memory a device has, and how much of it is taken."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import torch

from posepyr.measurement.peak_memory import STATUS, highest

MACHINE, GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
"""Where Linux says what the machine has, and what a container may take of it."""


class Room(NamedTuple):
    """Bytes of a device; None for what the system does not say."""

    total: int | None
    free: int | None
    taken: int
    """By this process, at its highest."""


def room(device: torch.device) -> Room:
    """The memory of a GPU, or of the machine as far as this process may have it."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return Room(total, free, torch.cuda.max_memory_allocated(device))
    limits = [bound for bound in (_machine(), _container(), _process()) if bound is not None]
    return Room(
        min((total for total, _ in limits), default=None), min((free for _, free in limits), default=None),
        highest("cpu"),
    )  # fmt: skip


def taken_now(what: str) -> int | None:
    """Bytes of one of the entries of the process's status, such as ``VmSize``; only Linux has them."""
    return _kilobytes(STATUS, what)


def _machine() -> tuple[int, int] | None:
    total, free = _kilobytes(MACHINE, "MemTotal"), _kilobytes(MACHINE, "MemAvailable")
    return None if total is None or free is None else (total, free)


def _container() -> tuple[int, int] | None:
    with suppress(OSError, ValueError):  # `max` where there is no limit
        most, now = (int((GROUP / f"memory.{name}").read_text(encoding="ascii")) for name in ("max", "current"))
        return most, max(0, most - now)
    return None


def _process() -> tuple[int, int] | None:
    """What ``ulimit -v`` allows."""
    taken = taken_now("VmSize")
    if taken is None or os.name != "posix":
        return None
    import resource  # Windows has none.

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if most == resource.RLIM_INFINITY else (most, max(0, most - taken))


def _kilobytes(file: Path, what: str) -> int | None:
    with suppress(OSError):
        found = re.search(rf"^{what}:\s*(\d+) kB", file.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    return None
