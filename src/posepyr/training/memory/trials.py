"""Whether something fits into the memory, and what it takes: tried in a process of its own, which may fail."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import torch

from posepyr.measurement.peak_memory import PASSES, highest, restart
from posepyr.measurement.timing import Call, is_out_of_memory, set_up
from posepyr.training.memory.device_memory import room, taken_now

KILLED = -9
"""The exit code of a process that Linux ended for want of memory."""

START = [sys.executable, "-c", f"from {__name__} import answer; answer()"]
"""A process begun so knows nothing of this one's main program, which may not be made to be run twice."""


class Trial(NamedTuple):
    """What came out."""

    fits: bool | None
    """None where it could not be found out."""
    peak: int | None = None
    """Bytes at the highest, over what there was before anything was built."""
    reason: str = ""
    """Why it does not fit, or could not be found out."""


def try_apart(make: Callable[[], Call], device: str, threads: int, seconds: float) -> Trial:
    """A call built and run a few times in a new process, on a device such as ``cuda:1``.

    ``make`` must survive pickling. On the CPU the process may take what is free and no more, so that the system
    ends nobody else's for want of memory.
    """
    question = pickle.dumps((make, device, threads))
    try:
        done = subprocess.run(START, input=question, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return Trial(None, reason=f"it took longer than {seconds:.0f} s")
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        return Trial(**json.loads(lines[-1]))
    fits = False if done.returncode == KILLED else None
    return Trial(fits, reason=f"its process ended with exit code {done.returncode}")


def answer() -> None:
    """What the new process does: from the standard input to the last line of the standard output."""
    make, device, threads = pickle.load(sys.stdin.buffer)
    try:
        trial = _tried(make, torch.device(device), threads)
    except Exception as error:
        fits = False if is_out_of_memory(error) else None
        trial = Trial(fits, reason=str(error).partition("\n")[0] or type(error).__name__)
    print(json.dumps(trial._asdict()))


def _tried(make: Callable[[], Call], device: torch.device, threads: int) -> Trial:
    if device.type == "cuda":
        torch.cuda.set_device(device)
    else:
        _take_no_more_than_is_free()
    restart(device.type)
    before = highest(device.type)
    with set_up(device.type, threads):
        call = make()
        call.prepare()
        for _ in range(PASSES):
            call.run()
    return Trial(True, highest(device.type) - before)


def _take_no_more_than_is_free() -> None:
    taken, free = taken_now("VmData"), room(torch.device("cpu")).free
    if taken is None or free is None or os.name != "posix":
        return
    import resource  # Windows has none.

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = taken + free
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))
