"""The memory that a network's passes take at their highest, measured in a process that does nothing else."""

import re
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch

from posepyr.measurement.timing import NetworkWork, set_up

PASSES = 2
"""From the second on, a pass finds gradients and what kernels keep as any later one does."""

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
"""Where Linux says what a process takes, and where it is told to forget the peak so far."""

METHODS = {
    "cpu": "by how much a process of its own grows from before the network is built, what libraries keep for "
    "themselves (and a compiler, where one runs) counted in",
    "cuda": "what Torch's allocator hands out at most (torch.cuda.max_memory_allocated), in a process of its own",
}
"""How :func:`peak_memory` measures on each device."""


class Peak(NamedTuple):
    """Bytes at the highest, over what there was before the network was built."""

    evaluation: int
    training: int


def in_new_process(make: Callable[[], NetworkWork], device: str, threads: int | None) -> Peak:
    """:func:`peak_memory` in a process that has done nothing yet; ``make`` must survive pickling."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(peak_memory, make, device, threads).result()


def peak_memory(make: Callable[[], NetworkWork], device: str, threads: int | None) -> Peak:
    """The memory of a network and its passes, right where this is the first thing that a process does."""
    restart(device)
    before = highest(device)
    peaks = []
    with set_up(device, threads):
        work = make()
        for call in (work.evaluation, work.training):
            restart(device)
            call.prepare()
            for _ in range(PASSES):
                call.run()
            peaks.append(highest(device) - before)
    return Peak(*peaks)


def restart(device: str) -> None:
    """Lets the peak begin anew at what is taken now."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return
    # Where this cannot be, the peak of the imports stays, and a small network may seem to take nothing.
    with suppress(OSError):
        FORGET.write_text("5", encoding="ascii")


def highest(device: str) -> int:
    """Bytes at the peak since the last restart."""
    if device == "cuda":
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated()
    found = re.search(r"VmHWM:\s*(\d+) kB", STATUS.read_text(encoding="utf-8")) if STATUS.exists() else None
    if found:
        # Rather than getrusage, which on Linux begins at the peak of the process that started this one.
        return int(found[1]) * 1024
    import resource  # Windows has none.

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
