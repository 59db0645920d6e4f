"""Workers outlive a signal to their whole group, and not their parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import os, signal, sys
from torch.utils.data import DataLoader
from posepyr.data.loading.worker import start_worker

class Numbers:
    def __len__(self):
        return 10**6
    def __getitem__(self, index):
        return index

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
    signal.signal(number, lambda *_: None)
batches = iter(DataLoader(Numbers(), num_workers=2, worker_init_fn=start_worker))
next(batches)
print(*(worker.pid for worker in batches._workers), flush=True)
sys.stdin.readline()
for _ in range(50):
    next(batches)
assert all(worker.is_alive() for worker in batches._workers)
if sys.argv[1] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
print("done", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "sigwaitinfo"), reason="the system does not tell who sent a signal")
@pytest.mark.parametrize("end", ["exit", "kill"])
def test_workers_leave_signals_to_their_parent_and_end_with_it(end: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, end], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    workers = [int(number) for number in process.stdout.readline().split()]
    assert len(workers) == 2
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        time.sleep(0.3)  # for the workers to begin, and to have died of the one before
        os.killpg(process.pid, number)
    process.stdin.write("go on\n")
    process.stdin.flush()
    process.wait(timeout=60)
    deadline = time.monotonic() + 20
    while any(alive(worker) for worker in workers):
        assert time.monotonic() < deadline, "workers are left"
        time.sleep(0.05)
    out, error = process.communicate(timeout=10)
    assert (process.returncode, out) == ((0, "done\n") if end == "exit" else (-signal.SIGKILL, "")), error
    assert error == ""


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
