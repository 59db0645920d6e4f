"""The memory of networks that take what can be reckoned."""

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


@pytest.mark.skipif(not peak_memory.FORGET.exists(), reason="only Linux forgets a peak")
def test_a_restart_forgets_what_was_freed() -> None:
    restart_peak("cpu")
    before = peak_bytes("cpu")
    torch.ones(MAP)
    assert peak_bytes("cpu") - before >= 4 * MAP - UNCOUNTED
    restart_peak("cpu")
    assert peak_bytes("cpu") - before < MAP


def test_other_systems_are_asked_in_their_own_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now = peak_bytes("cpu")
    monkeypatch.setattr(peak_memory, "STATUS", tmp_path / "status")
    monkeypatch.setattr(peak_memory, "FORGET", tmp_path)
    restart_peak("cpu")
    assert now / 1.5 < peak_bytes("cpu"), "kilobytes taken for bytes, or the other way round"
    assert peak_bytes("cpu") < 2**40
    (tmp_path / "status").write_text("Name:\tpython\n")
    assert peak_bytes("cpu") < 2**40
