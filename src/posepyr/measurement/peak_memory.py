"""Peak memory of a network's passes, measured in a process that does nothing else."""

import re
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch

from posepyr.measurement.timing import NetworkWork, torch_settings

PASSES = 2
"""Of each kind. From the second on, a pass finds gradients and kernels' buffers allocated, as any later one does."""

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
"""Files of Linux: one tells the memory of this process, the other resets its peak."""

METHODS = {
    "cpu": "growth of a separate process from before the network is built, with the buffers of libraries (and of a "
    "compiler, where one runs)",
    "cuda": "highest sum of Torch's allocations (torch.cuda.max_memory_allocated), in a separate process",
}
"""The measure of :func:`peak_memory` on each device, for readers of a report."""


class Peak(NamedTuple):
    """Peak bytes of each pass, above those in use before the network was built."""

    evaluation: int
    training: int


def peak_in_new_process(make: Callable[[], NetworkWork], device: str, threads: int | None) -> Peak:
    """Run :func:`peak_memory` in a fresh process; ``make`` must survive pickling."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(peak_memory, make, device, threads).result()


def peak_memory(make: Callable[[], NetworkWork], device: str, threads: int | None) -> Peak:
    """Return the peak memory of a network's passes; exact only as the first thing that a process does."""
    restart_peak(device)
    before = peak_bytes(device)
    peaks = []
    with torch_settings(device, threads):
        work = make()
        for workload in (work.evaluation, work.training):
            restart_peak(device)
            workload.prepare()
            for _ in range(PASSES):
                workload.run()
            peaks.append(peak_bytes(device) - before)
    return Peak(*peaks)


def restart_peak(device: str) -> None:
    """Reset the peak to the memory in use now."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return
    # Where a system refuses, the peak of the imports stays, and a small network seems to take no memory.
    with suppress(OSError):
        FORGET.write_text("5", encoding="ascii")


def peak_bytes(device: str) -> int:
    """Return the bytes in use at the peak since the last restart."""
    if device == "cuda":
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated()
    match = re.search(r"VmHWM:\s*(\d+) kB", STATUS.read_text(encoding="utf-8")) if STATUS.exists() else None
    if match:
        # Rather than getrusage, which on Linux begins at the peak of the process that started this one.
        return int(match[1]) * 1024
    import resource  # Windows has none.

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
