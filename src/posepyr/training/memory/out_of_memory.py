"""Running out of memory: recognising it, where a training was, and how much memory its device has."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

from posepyr.measurement.peak_memory import STATUS, peak_bytes

MESSAGES = ("can't allocate memory", "CUDA error: out of memory", "std::bad_alloc", "_STATUS_ALLOC_FAILED")
"""Torch's allocator on the CPU; pinned memory and contexts on the GPU; C++; cuBLAS and cuDNN."""

MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
"""Linux's report on the machine's memory, and the folder with a container's limits."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out, on a GPU or on the machine."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in str(error) for words in MESSAGES)


class DeviceMemory(NamedTuple):
    """Bytes of a device's memory; None where the system does not report them."""

    total: int | None
    free: int | None
    peak: int
    """The most that this process has held."""


class OutOfMemoryEvent(NamedTuple):
    """The circumstances under which a training ran out of memory; plain data, passed between processes as JSON."""

    activity: str
    """As ``training step 3`` or ``the test``."""
    device: str
    """As Torch writes it, ``cuda:0``; the machine's own memory is ``cpu``."""
    memory: DeviceMemory
    beside_gpu: bool
    """True where the machine's memory ran out while a GPU does the computing."""

    @classmethod
    def from_plain(cls, fields: dict[str, Any]) -> "OutOfMemoryEvent":
        """Build the event from its ``_asdict()``, also after a round trip through JSON."""
        return cls(**{**fields, "memory": DeviceMemory(*fields["memory"])})


def locate(error: BaseException, activity: str, device: torch.device) -> OutOfMemoryEvent:
    """Return where memory ran out, right after the error, in a training on ``device``."""
    # Torch raises errors of its own for its device; a MemoryError is of the machine.
    exhausted = torch.device("cpu") if isinstance(error, MemoryError) else device
    return OutOfMemoryEvent(activity, str(exhausted), device_memory(exhausted), beside_gpu=exhausted != device)


def device_memory(device: torch.device) -> DeviceMemory:
    """Return the memory of a GPU, or of the machine as far as this process may use it."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return DeviceMemory(total, free, torch.cuda.max_memory_allocated(device))
    limits = [limit for limit in (_machine_memory(), _container_memory(), _address_space()) if limit is not None]
    total_bytes = min((total for total, _ in limits), default=None)
    return DeviceMemory(total_bytes, min((free for _, free in limits), default=None), peak_bytes("cpu"))


def process_memory(entry: str) -> int | None:
    """Return the bytes of an entry of this process's status, such as ``VmSize``; only Linux has them."""
    return _kilobytes(STATUS, entry)


def _machine_memory() -> tuple[int, int] | None:
    total, free = _kilobytes(MEMINFO, "MemTotal"), _kilobytes(MEMINFO, "MemAvailable")
    return None if total is None or free is None else (total, free)


def _container_memory() -> tuple[int, int] | None:
    with suppress(OSError, ValueError):  # the file holds `max` where there is no limit
        limit, used = (int((CGROUP / f"memory.{name}").read_text(encoding="ascii")) for name in ("max", "current"))
        return limit, max(0, limit - used)
    return None


def _address_space() -> tuple[int, int] | None:
    """Return the total and the free bytes of what ``ulimit -v`` allows."""
    used = process_memory("VmSize")
    if used is None or os.name != "posix":
        return None
    import resource  # Windows has none.

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else (limit, max(0, limit - used))


def _kilobytes(file: Path, entry: str) -> int | None:
    with suppress(OSError):
        found = re.search(rf"^{entry}:\s*(\d+) kB", file.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    return None
