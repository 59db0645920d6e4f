"""Errors in one line, faults of the machine with what helps, and exit codes."""

import errno
import math
import os
import signal

import pytest
from torch.utils.data import DataLoader, Dataset

from posepyr import errors
from posepyr.errors import UsageError, machine_fault, suggestion
from posepyr.skeleton import Skeleton


def caught(function: object, *arguments: object) -> Exception:
    assert callable(function)
    try:
        function(*arguments)
    except Exception as error:
        return error
    raise AssertionError("it should have failed")


def test_exit_codes() -> None:
    assert errors.exit_code(UsageError("x")) == 2
    assert errors.exit_code(ValueError("x")) == 1
    assert errors.exit_code(KeyboardInterrupt()) == 130


def test_our_own_errors_are_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(errors.TRACEBACK, raising=False)
    error = caught(Skeleton, "hand", ("a", "a"))
    errors.report(error)
    assert capsys.readouterr().err == f"posepyr: error: {error}\n"
    monkeypatch.setenv(errors.TRACEBACK, "1")
    errors.report(error)
    assert "Traceback" in capsys.readouterr().err


def test_other_peoples_errors_show_where_they_came_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(errors.TRACEBACK, raising=False)
    errors.report(caught(math.sqrt, -1))
    assert "Traceback" in capsys.readouterr().err


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
def test_a_worker_that_is_ended(
    number: int, words: str, helps: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A training that this process did before has put back the handlers from before Torch's, which is set only once.
    monkeypatch.setattr("torch.utils.data._utils.signal_handling._SIGCHLD_handler_set", False)
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
    assert str(machine_fault(error)).startswith(expected)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shapes do not fit"),
        RuntimeError("CUDA error: device-side assert triggered"),
        OSError(errno.EACCES, "Permission denied", "/runs"),
    ],
)
def test_other_errors_keep_their_traceback(error: Exception) -> None:
    assert machine_fault(error) is None


def test_near_names_come_with_their_full_key() -> None:
    assert suggestion("stcks", ["stacks", "width"], "model.") == "did you mean model.stacks?"


def test_where_nothing_is_near_all_are_named() -> None:
    assert suggestion("zzz", ["b", "a"]) == "there is a, b"
    assert suggestion("zzz", []) == "there is none"


def test_a_long_list_is_cut() -> None:
    names = [f"key{number:02d}" for number in range(20)]
    assert suggestion("zzz", names) == f"there is {', '.join(names[:12])} and 8 more"
    assert suggestion("lr", [*names, "learning_rate"], "x.").startswith("did you mean x.") is False
    assert suggestion("rate", [*names, "learning_rate"], "x.") == "did you mean x.learning_rate?"
