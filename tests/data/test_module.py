"""Global batches, and what of them a device gets at a time."""

import logging
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from posepyr.data.loading.augment import Augment
from posepyr.data.loading.loader import SampleIndex
from posepyr.data.module import CropPlan, PoseDataModule
from support.dots import SKELETON, Dots

QUIET: dict[str, Any] = {
    "logger": False, "enable_progress_bar": False, "enable_checkpointing": False, "enable_model_summary": False,
    "accelerator": "cpu", "use_distributed_sampler": False, "num_sanity_val_steps": 0, "limit_val_batches": 0,
}  # fmt: skip


class Regression(pl.LightningModule):
    """A network without batch norm, whose step is therefore the sum of its parts."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 3))
        self.seen: list[tuple[int, int]] = []

    def training_step(self, batch: Any, _index: int) -> torch.Tensor:
        self.seen.append((self.trainer.global_step, len(batch.image)))
        found = self.net(batch.image.double() / 255)
        return (found - batch.keypoints[..., 0].double() / 100).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trained(**settings: Any) -> Regression:
    data = PoseDataModule(source=Dots(24), crops=CropPlan(SKELETON), input_size=(32, 32), workers=0, **settings)
    model = Regression().double()
    pl.Trainer(max_epochs=2, **QUIET).fit(model, datamodule=data)
    return model


@pytest.fixture(autouse=True)
def quiet(recwarn: pytest.WarningsRecorder) -> None:
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


def test_a_batch_in_parts_is_the_same_step(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "posepyr"):
        whole, parts = trained(batch_size=8), trained(batch_size=8, device_batch=2)
    assert "batch of 8 samples: 2 samples at a time, gradients added up over 4 passes" in caplog.text
    assert [size for _, size in parts.seen] == [2] * 24
    assert parts.seen[-1][0] == whole.seen[-1][0] == 5  # six steps, counted from 0
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


def test_a_device_that_takes_the_whole_share_does_so() -> None:
    assert PoseDataModule(source=Dots(), crops=CropPlan(SKELETON), batch_size=4, device_batch=16).batch.passes == 1


def test_validation_keeps_to_what_a_device_takes() -> None:
    data = PoseDataModule(source=Dots(), crops=CropPlan(SKELETON), batch_size=8, device_batch=3, workers=0)
    assert [len(batch.image) for batch in data.val_dataloader()] == [3, 3, 3, 3]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device_batch": 0}, r"device_batch must be positive, got 0"),
        ({"device_batch": 3}, r"must divide a process's share of 8 of batch_size=8, got 3"),
    ],
)
def test_impossible_parts_are_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PoseDataModule(source=Dots(), crops=CropPlan(SKELETON), batch_size=8, workers=0, **settings).train_dataloader()


def test_processes_must_share_the_batch_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    data = PoseDataModule(source=Dots(), crops=CropPlan(SKELETON), batch_size=8, workers=0)
    monkeypatch.setattr(data, "_rank_and_world", lambda: (0, 3))
    with pytest.raises(ValueError, match="must be divisible by the 3 processes, got 8"):
        data.train_dataloader()
    assert [len(batch.image) for batch in data.val_dataloader()] == [2, 2]


def test_accumulation_is_asked_for_in_one_place() -> None:
    data = PoseDataModule(source=Dots(), crops=CropPlan(SKELETON), batch_size=8, workers=0)
    with pytest.raises(ValueError, match=r"trainer\.accumulate_grad_batches must be left at 1"):
        pl.Trainer(accumulate_grad_batches=2, max_epochs=1, **QUIET).fit(Regression(), datamodule=data)


def seen(loader: Any) -> dict[int, torch.Tensor]:
    """The crops of a loader by their people's numbers."""
    return {int(number): image for batch in loader for number, image in zip(batch.sample, batch.image, strict=True)}


def test_people_of_the_training_split_are_validated_as_they_are() -> None:
    data = PoseDataModule(
        source=Dots(12),
        crops=CropPlan(SKELETON, Augment()),
        input_size=(32, 32),
        batch_size=8,
        workers=0,
        train_scored=4,
    )
    everybody, some = data.val_dataloader()
    assert seen(everybody).keys() == set(range(12))
    shown = seen(some)
    assert list(shown) == [0, 3, 6, 9]
    for number, image in shown.items():
        assert torch.equal(image, data.samples("train")[SampleIndex(0, number)].image)
    assert seen(data.val_dataloader()[1]).keys() == shown.keys()


def test_all_of_a_small_training_split_is_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    data = PoseDataModule(source=Dots(12), crops=CropPlan(SKELETON), batch_size=8, workers=0, train_scored=100)
    numbers: list[int] = []
    for rank in range(5):
        monkeypatch.setattr(data, "_rank_and_world", lambda rank=rank: (rank, 5))
        numbers += seen(data.val_dataloader()[1])
    assert sorted(numbers) == list(range(12))


def test_every_process_must_have_somebody_to_score(monkeypatch: pytest.MonkeyPatch) -> None:
    data = PoseDataModule(source=Dots(12), crops=CropPlan(SKELETON), batch_size=8, workers=0, train_scored=3)
    monkeypatch.setattr(data, "_rank_and_world", lambda: (0, 4))
    with pytest.raises(ValueError, match=r"train_scored must be 0, or at least .* each of 4 processes, got 3"):
        data.val_dataloader()
    with pytest.raises(ValueError, match=r"train_scored must not be negative, got -1"):
        PoseDataModule(source=Dots(), crops=CropPlan(SKELETON), train_scored=-1)


@pytest.mark.parametrize(("allowed", "workers"), [({3}, 0), ({0, 1, 5}, 2), (set(range(12)), 8)])
def test_workers_are_counted_by_the_cores_that_the_process_may_use(
    monkeypatch: pytest.MonkeyPatch, allowed: set[int], workers: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: allowed, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert PoseDataModule(source=Dots(), crops=CropPlan(SKELETON)).workers == workers


def test_a_source_that_is_not_derived_is_refused() -> None:
    class Undeclared:
        def split(self, name: str) -> None: ...

    with pytest.raises(ValueError, match=r"source must derive from posepyr\.records\.Source"):
        PoseDataModule(source=Undeclared(), crops=CropPlan(SKELETON), workers=0)  # type: ignore[arg-type]  # what is tested
