"""The loader: batches as they are laid out, and what waiting for them takes."""

import time
from typing import Any

import cv2
import pytest
import torch
from torch.utils.data import default_collate

from posepyr.data.loading import loader
from posepyr.data.loading.augment import Augment
from posepyr.data.loading.dataset import Crops
from posepyr.data.loading.loader import SampleIndex, WatchedLoader, join, prepare_worker
from posepyr.data.module import CropPlan, PoseDataModule
from posepyr.geometry import CropRule
from support.dots import SKELETON, Dots


class Slow:
    """Samples that take their time."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        time.sleep(0.01)
        return torch.tensor(index)


@pytest.mark.parametrize("workers", [0, 1])
def test_what_is_waited_for_is_counted_and_nothing_else(workers: int) -> None:
    batches = WatchedLoader(Slow(), batch_size=2, num_workers=workers)
    begun = time.perf_counter()
    for epochs in (1, 2):
        for _ in batches:
            time.sleep(0.02)  # the training
        passed = time.perf_counter() - begun
        assert 0 < batches.waited <= passed - 2 * 0.02 * epochs
        if not workers:
            assert batches.waited >= 4 * 0.01 * epochs
    seconds = batches.waited
    time.sleep(0.01)
    assert batches.waited == seconds


def test_a_batch_is_the_usual_one_with_channels_last() -> None:
    crops = Crops(Dots().split("train"), SKELETON, CropRule((64, 48)), Augment())
    samples = [crops[SampleIndex(0, person)] for person in range(5)]
    batch, usual = join(samples), default_collate(samples)
    assert type(batch) is type(usual)
    for left, right in zip(batch, usual, strict=True):
        assert torch.equal(left, right)
    assert batch.image.shape == (5, 3, 64, 48)
    assert batch.image.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("workers", [0, 2])
def test_channels_stay_last_on_the_way_from_the_workers(workers: int) -> None:
    data = PoseDataModule(source=Dots(), crops=CropPlan(SKELETON), input_size=(64, 48), batch_size=4, workers=workers)
    for batches in (data.train_dataloader(), data.val_dataloader()):
        assert isinstance(batches, WatchedLoader)
        assert all(batch.image.is_contiguous(memory_format=torch.channels_last) for batch in batches)


def test_a_worker_has_one_thread() -> None:
    before = cv2.getNumThreads()
    try:
        prepare_worker()
        assert cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(before)


class NoLibrary:
    def __init__(self, error: type[Exception]) -> None:
        self.error = error

    def __call__(self, _name: Any) -> Any:
        raise self.error


@pytest.mark.parametrize("error", [OSError, TypeError, AttributeError])
def test_a_system_without_the_setting_does_without(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    monkeypatch.setattr(loader.ctypes, "CDLL", NoLibrary(error))
    before = cv2.getNumThreads()
    prepare_worker()
    cv2.setNumThreads(before)
