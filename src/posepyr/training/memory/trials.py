"""Trials of what fits into memory: a call run in a new process, which may fail without harm to this one."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import torch

from posepyr.measurement.peak_memory import PASSES, peak_bytes, restart_peak
from posepyr.measurement.timing import Workload, torch_settings
from posepyr.training.memory.out_of_memory import device_memory, is_out_of_memory, process_memory

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
