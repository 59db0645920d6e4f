"""Trials in processes of their own: of what fits, what does not, what takes too long and what fails."""

import os
import signal
from functools import partial
from pathlib import Path

import pytest
import torch

from posepyr.measurement.timing import Call
from posepyr.training.memory.trials import Trial, try_apart

SIZE = 200 * 2**20
SLACK = 24 * 2**20
"""For what libraries load on their first use."""


def holding(size: int, temporary: int = 0) -> Call:
    """What is built holds so many bytes, and every run takes more for a moment."""
    held = torch.ones(size, dtype=torch.uint8)
    return Call(lambda: (held, torch.ones(temporary, dtype=torch.uint8)), lambda: None)


def failing() -> Call:
    raise ValueError("no such network\nand more")


def killed() -> Call:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.fixture(autouse=True)
def _found_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)


def test_what_fits_is_measured_at_its_highest() -> None:
    found = try_apart(partial(holding, SIZE, SIZE), "cpu", 1, 60)
    assert found.fits
    assert found.peak is not None
    assert 2 * SIZE <= found.peak <= 2 * SIZE + SLACK


def test_what_does_not_fit_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    found = try_apart(partial(holding, 1 << 50), "cpu", 1, 60)
    assert found.fits is False
    assert found.peak is None
    assert "allocate" in found.reason
    assert capfd.readouterr() == ("", "")


def test_what_the_system_ends_did_not_fit() -> None:
    assert try_apart(killed, "cpu", 1, 60).fits is False


def test_nobody_takes_more_than_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        pytest.skip("the address space is limited already")
    free = next(
        int(line.split()[1]) * 1024 for line in Path("/proc/meminfo").read_text().splitlines() if "MemAvailable" in line
    )
    # Linux would grant it, as nothing of it is used at first, and end some process later.
    found = try_apart(partial(untouched, free + 2**30), "cpu", 1, 60)
    assert found.fits is False


def untouched(size: int) -> Call:
    """Memory that nobody writes to."""
    held = torch.empty(size, dtype=torch.uint8)
    return Call(held.numel, lambda: None)


def test_what_takes_too_long_or_fails_is_not_known() -> None:
    slow = try_apart(partial(holding, 1), "cpu", 1, 0.05)
    assert slow == Trial(None, reason="it took longer than 0 s")
    assert try_apart(failing, "cpu", 1, 60) == Trial(None, reason="no such network")
