"""Out of memory recognised, and the memory of a device as the system reports it."""

from pathlib import Path

import pytest
import torch

from posepyr.training.memory import out_of_memory
from posepyr.training.memory.out_of_memory import device_memory, is_out_of_memory

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
