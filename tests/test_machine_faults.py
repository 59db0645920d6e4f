"""Errors that the machine makes, as the libraries report them, and what a user reads."""

import errno
import os
import signal

import pytest
from torch.utils.data import DataLoader, Dataset

from posepyr import errors
from posepyr.errors import remedy


class Deadly(Dataset[int]):
    """Its worker is ended from outside."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        os.kill(os.getpid(), self.number)
        return index


@pytest.mark.parametrize(
    ("number", "words", "helps"),
    [
        (signal.SIGKILL, "killed by signal: Killed", "lower data.workers"),
        (signal.SIGBUS, "killed by signal: Bus error", "docker run --shm-size"),
    ],
)
def test_a_worker_that_is_ended(number: int, words: str, helps: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError) as caught:
        next(iter(DataLoader(Deadly(number), num_workers=1)))
    errors.report(caught.value)
    said = capsys.readouterr().err
    assert said.startswith("posepyr: error: DataLoader worker")
    assert words in said
    assert helps in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        # Torch 2.13, in a process whose /dev/shm has 1 MB, from a worker.
        (
            RuntimeError(
                "Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
                '  File "torch/storage.py", line 414, in _new_shared\n'
                "RuntimeError: unable to allocate shared memory(shm) for file </torch_24512_359168179_0>: "
                "No space left on device (28)\n"
            ),
            "RuntimeError: unable to allocate shared memory(shm) for file </torch_24512_359168179_0>: No space left on "
            "device (28)\n  the loaders' workers hand",
        ),
        # Torch 2.13 under `ulimit -n 50`.
        (
            RuntimeError("Too many open files. Communication with the workers is no longer possible."),
            "Too many open files. Communication with the workers is no longer possible.\n  raise the limit by",
        ),
        (RuntimeError("received 0 items of ancdata"), "received 0 items of ancdata\n  raise the limit"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/runs/a/run.json"),
            "/runs/a/run.json cannot be written (No space left on device): make room",
        ),
        (RuntimeError("CUDA error: unknown error"), "CUDA error: unknown error\n  the GPU or its driver failed"),
    ],
)
def test_what_is_said_and_what_helps(error: Exception, expected: str) -> None:
    assert str(remedy(error)).startswith(expected)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shapes do not fit"),
        RuntimeError("CUDA error: device-side assert triggered"),
        OSError(errno.EACCES, "Permission denied", "/runs"),
    ],
)
def test_other_errors_keep_their_traceback(error: Exception) -> None:
    assert remedy(error) is None
