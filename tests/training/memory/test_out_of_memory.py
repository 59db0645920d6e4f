"""Out of memory recognised, and the memory of a device as the system reports it."""

import os
from functools import partial
from pathlib import Path

import pytest
import torch

from posepyr.training.memory import out_of_memory
from posepyr.training.memory.out_of_memory import Trial, device_memory, is_out_of_memory, try_in_new_process
from support.places import ROOT
from support.trial_calls import failing, holding, killed, untouched

CPU = torch.device("cpu")


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 8 GiB of which 6 are free, and a process without a limit of its own."""
    (tmp_path / "meminfo").write_text("MemTotal:  8388608 kB\nMemFree: 12 kB\nMemAvailable:  6291456 kB\n")
    monkeypatch.setattr(out_of_memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(out_of_memory, "CGROUP", tmp_path)
    monkeypatch.setattr(out_of_memory, "STATUS", tmp_path / "status")
    return tmp_path


def test_a_machine_says_what_it_has(system: Path) -> None:
    found = device_memory(CPU)
    assert found[:2] == (8 * 2**30, 6 * 2**30)
    assert found.peak > 2**20


def test_a_container_may_have_less(system: Path) -> None:
    (system / "memory.max").write_text(f"{4 * 2**30}\n")
    (system / "memory.current").write_text(f"{3 * 2**30}\n")
    assert device_memory(CPU)[:2] == (4 * 2**30, 2**30)
    (system / "memory.max").write_text("max\n")
    assert device_memory(CPU)[:2] == (8 * 2**30, 6 * 2**30)


def test_a_limit_on_the_process_counts(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    (system / "status").write_text("VmPeak:\t9 kB\nVmSize:\t1048576 kB\n")
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (3 * 2**30, 3 * 2**30))
    assert device_memory(CPU)[:2] == (3 * 2**30, 2 * 2**30)


def test_a_system_that_says_nothing(system: Path) -> None:
    (system / "meminfo").unlink()
    assert device_memory(CPU)[:2] == (None, None)


def test_running_out_of_memory_is_recognised_by_its_words() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))


SIZE = 200 * 2**20
SLACK = 24 * 2**20
"""For what libraries load on their first use."""


@pytest.fixture(autouse=True)
def _found_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"), prepend=os.pathsep)


def test_what_fits_is_measured_at_its_highest() -> None:
    found = try_in_new_process(partial(holding, SIZE, SIZE), "cpu", 1, 300)
    assert found.fits
    assert found.peak is not None
    assert 2 * SIZE <= found.peak <= 2 * SIZE + SLACK


def test_what_does_not_fit_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    found = try_in_new_process(partial(holding, 1 << 50), "cpu", 1, 300)
    assert found.fits is False
    assert found.peak is None
    assert "allocate" in found.reason
    assert capfd.readouterr() == ("", "")


def test_what_the_system_ends_did_not_fit() -> None:
    assert try_in_new_process(killed, "cpu", 1, 300).fits is False


def test_nobody_takes_more_than_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        pytest.skip("the address space is limited already")
    free = next(
        int(line.split()[1]) * 1024 for line in Path("/proc/meminfo").read_text().splitlines() if "MemAvailable" in line
    )
    # Linux would grant it, as nothing of it is used at first, and end some process later.
    found = try_in_new_process(partial(untouched, free + 2**30), "cpu", 1, 300)
    assert found.fits is False


def test_what_takes_too_long_or_fails_is_not_known() -> None:
    slow = try_in_new_process(partial(holding, 1), "cpu", 1, 0.05)
    assert slow == Trial(None, reason="it took longer than 0 s")
    assert try_in_new_process(failing, "cpu", 1, 300) == Trial(None, reason="no such network")
