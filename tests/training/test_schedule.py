import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from posepyr.training.schedule import Constant, OneCycle, Schedule, Step


def rates(schedule: Schedule, steps: int, steps_per_epoch: int) -> list[float]:
    """The learning rate of every step, as the training loop applies it."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=7e-4)
    scheduler = LambdaLR(optimizer, lambda step: schedule(step, steps, steps_per_epoch))
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_pyranets_schedule_drops_by_ten_at_epochs_150_and_170() -> None:
    found = rates(Step(), steps=200 * 3, steps_per_epoch=3)
    expected = [7e-4] * 450 + [7e-5] * 60 + [7e-6] * 90
    assert found == pytest.approx(expected)


def test_one_cycle_climbs_and_comes_down() -> None:
    found = rates(OneCycle(warmup=0.1, start=0.04), steps=100, steps_per_epoch=10)
    peak = found.index(max(found))
    assert found[0] == pytest.approx(0.04 * 7e-4)
    assert max(found) == pytest.approx(7e-4, rel=1e-3)
    assert peak == pytest.approx(10, abs=1)
    assert found[:peak] == sorted(found[:peak])
    assert found[peak:] == sorted(found[peak:], reverse=True)
    assert found[-1] < 7e-4 * 1e-3
    assert OneCycle()(200, 100, 10) == 0  # a step too many does no harm


def test_constant_is_constant() -> None:
    assert rates(Constant(), 20, 5) == [7e-4] * 20
