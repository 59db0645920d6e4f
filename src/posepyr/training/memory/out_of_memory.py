"""Running out of memory: recognised, where a training was, how much a device has, and trials of what fits."""

import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

from posepyr.measurement.peak_memory import PASSES, STATUS, peak_bytes, restart_peak
from posepyr.measurement.timing import Workload, torch_settings

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


KILLED = -9
"""The exit code of a process that Linux ended for want of memory."""

COMMAND = [sys.executable, "-c", f"from {__name__} import run_from_stdin; run_from_stdin()"]
"""Unlike a spawned process of multiprocessing, this one does not run the caller's main program once more."""


class Trial(NamedTuple):
    """The outcome of a trial."""

    fits: bool | None
    """None where it could not be found out."""
    peak: int | None = None
    """The most bytes held, beyond what was held before anything was built."""
    reason: str = ""
    """Why it does not fit, or could not be found out."""


def try_in_new_process(make: Callable[[], Workload], device: str, threads: int, seconds: float) -> Trial:
    """Build a call and run it a few times in a new process, on a device such as ``cuda:1``.

    ``make`` must survive pickling. On the CPU the process may allocate what is free and no more, so that the system
    does not end other processes for want of memory.
    """
    task = pickle.dumps((make, device, threads))
    try:
        done = subprocess.run(COMMAND, input=task, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return Trial(None, reason=f"it took longer than {seconds:.0f} s")
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        return Trial(**json.loads(lines[-1]))
    fits = False if done.returncode == KILLED else None
    return Trial(fits, reason=f"its process ended with exit code {done.returncode}")


def run_from_stdin() -> None:
    """Run the trial that is pickled on standard input, and print its outcome as the last line."""
    make, device, threads = pickle.load(sys.stdin.buffer)
    try:
        trial = _run(make, torch.device(device), threads)
    except Exception as error:
        fits = False if is_out_of_memory(error) else None
        trial = Trial(fits, reason=str(error).partition("\n")[0] or type(error).__name__)
    print(json.dumps(trial._asdict()))


def _run(make: Callable[[], Workload], device: torch.device, threads: int) -> Trial:
    if device.type == "cuda":
        torch.cuda.set_device(device)
    else:
        _limit_to_free_memory()
    restart_peak(device.type)
    before = peak_bytes(device.type)
    with torch_settings(device.type, threads):
        call = make()
        call.prepare()
        for _ in range(PASSES):
            call.run()
    return Trial(True, peak_bytes(device.type) - before)


def _limit_to_free_memory() -> None:
    """Refuse this process allocations beyond the free memory, which Linux would grant and regret later."""
    used, free = process_memory("VmData"), device_memory(torch.device("cpu")).free
    if used is None or free is None or os.name != "posix":
        return
    import resource  # Windows has none.

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = used + free if most == resource.RLIM_INFINITY else min(used + free, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, most))
