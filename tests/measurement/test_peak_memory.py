"""The memory of networks that take what can be reckoned."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from posepyr.measurement import peak_memory
from posepyr.measurement.peak_memory import peak_bytes, peak_in_new_process, restart_peak
from posepyr.measurement.timing import NetworkWork, Settings

SIDE = 2048
MAP = 2**20 * 4 * 4 * 3
"""Bytes of three channels of 2048 x 2048 in single precision: 48 MiB."""
WEIGHTS = 20 * 2**20
SLACK = 24 * 2**20
"""For what libraries load on their first use."""
UNCOUNTED = 2**20
"""Linux adds up what a process takes in portions."""


class Exponentials(nn.Module):
    """Each keeps its result for the backward pass, and needs nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(WEIGHTS // 4))

    def forward(self, image: Tensor) -> Tensor:
        assert self.training is torch.is_grad_enabled()
        x = image.float()
        x = x * self.weights[0]
        for _ in range(4):
            x = x.exp_() if not torch.is_grad_enabled() else x.exp()
        return x


HERE: list[str] = []


def exponentials() -> NetworkWork:
    """At module level, since it goes to another process, which must have nothing of this one."""
    assert not HERE
    model = Exponentials()
    image = torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8)
    return NetworkWork(model, image, lambda: model(image).sum(), Settings((SIDE, SIDE), 1))


def test_a_process_of_its_own_tells_evaluation_from_training() -> None:
    """Whatever this process takes, which is more than the network, must not count."""
    ballast = torch.ones(300 * 2**20 // 4)
    HERE.append("not there")
    found = peak_in_new_process(exponentials, "cpu", 1)
    kept = WEIGHTS + 3 * SIDE * SIDE
    # The picture in single precision and its product; the rest is done in place.
    evaluation = kept + 2 * MAP
    assert evaluation - UNCOUNTED <= found.evaluation <= evaluation + SLACK
    # The picture and four results are kept, and the backward pass begins with one gradient more.
    training = kept + 6 * MAP
    assert training - UNCOUNTED <= found.training <= training + SLACK
    assert ballast.numel()


def peaks_around_a_restart() -> tuple[int, int]:
    """By how much the peak rises with a large tensor, and what is left of that after a restart."""
    restart_peak("cpu")
    before = peak_bytes("cpu")
    torch.ones(MAP)
    highest = peak_bytes("cpu") - before
    restart_peak("cpu")
    return highest, peak_bytes("cpu") - before


def forgets() -> bool:
    try:
        peak_memory.FORGET.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


@pytest.mark.skipif(not forgets(), reason="only Linux forgets a peak, and not on every machine")
def test_a_restart_forgets_what_was_freed() -> None:
    # In a process that has freed nothing before: another would take the tensor's memory from what it has freed.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        highest, left = pool.submit(peaks_around_a_restart).result()
    assert highest >= 4 * MAP - UNCOUNTED
    assert left < MAP


def test_other_systems_are_asked_in_their_own_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now = peak_bytes("cpu")
    monkeypatch.setattr(peak_memory, "STATUS", tmp_path / "status")
    monkeypatch.setattr(peak_memory, "FORGET", tmp_path)
    restart_peak("cpu")
    assert now / 1.5 < peak_bytes("cpu"), "kilobytes taken for bytes, or the other way round"
    assert peak_bytes("cpu") < 2**40
    (tmp_path / "status").write_text("Name:\tpython\n")
    assert peak_bytes("cpu") < 2**40
