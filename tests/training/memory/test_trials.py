"""Trials in processes of their own: of what fits, what does not, what takes too long and what fails."""

import os
from functools import partial
from pathlib import Path

import pytest

from posepyr.training.memory.trials import Trial, try_in_new_process
from support.exhausting import failing, holding, killed, untouched
from support.places import ROOT

SIZE = 200 * 2**20
SLACK = 24 * 2**20
"""For what libraries load on their first use."""


@pytest.fixture(autouse=True)
def _found_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"), prepend=os.pathsep)


def test_what_fits_is_measured_at_its_highest() -> None:
    found = try_in_new_process(partial(holding, SIZE, SIZE), "cpu", 1, 60)
    assert found.fits
    assert found.peak is not None
    assert 2 * SIZE <= found.peak <= 2 * SIZE + SLACK


def test_what_does_not_fit_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    found = try_in_new_process(partial(holding, 1 << 50), "cpu", 1, 60)
    assert found.fits is False
    assert found.peak is None
    assert "allocate" in found.reason
    assert capfd.readouterr() == ("", "")


def test_what_the_system_ends_did_not_fit() -> None:
    assert try_in_new_process(killed, "cpu", 1, 60).fits is False


def test_nobody_takes_more_than_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        pytest.skip("the address space is limited already")
    free = next(
        int(line.split()[1]) * 1024 for line in Path("/proc/meminfo").read_text().splitlines() if "MemAvailable" in line
    )
    # Linux would grant it, as nothing of it is used at first, and end some process later.
    found = try_in_new_process(partial(untouched, free + 2**30), "cpu", 1, 60)
    assert found.fits is False


def test_what_takes_too_long_or_fails_is_not_known() -> None:
    slow = try_in_new_process(partial(holding, 1), "cpu", 1, 0.05)
    assert slow == Trial(None, reason="it took longer than 0 s")
    assert try_in_new_process(failing, "cpu", 1, 60) == Trial(None, reason="no such network")
