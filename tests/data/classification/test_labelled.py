"""Labelled pictures as samples and batches: what is shown depends on seed, epoch and number alone."""

import numpy as np
import pytest
import torch

from posepyr.data.classification.cuts import PaddedCut
from posepyr.data.classification.labelled import LabelledBatch, LabelledPictures, LabelledSource
from posepyr.data.loading.loader import SampleIndex, TrainingOrder
from posepyr.data.module import ClassificationDataModule


class Colours(LabelledSource):
    """Noise, twelve pictures a split; the class is the number's remainder."""

    classes = ("a", "b", "c")

    def split(self, name: str) -> "ColourSplit":
        return ColourSplit({"train": 0, "val": 1, "test": 2}[name])


class ColourSplit:
    def __init__(self, number: int) -> None:
        self.number = number

    def __len__(self) -> int:
        return 12

    def picture(self, index: int) -> np.ndarray:
        return np.random.default_rng([self.number, index]).integers(0, 256, (16, 16, 3), np.uint8)

    def label(self, index: int) -> int:
        return index % 3


CUT = PaddedCut((16, 16), padding=4)


def module(workers: int = 0, **changes: object) -> ClassificationDataModule:
    return ClassificationDataModule(
        source=Colours(), cut=CUT, **{"batch_size": 4, "workers": workers, "seed": 7, **changes}
    )


def epochs(workers: int, count: int = 2) -> list[list[LabelledBatch]]:
    loader = module(workers).train_dataloader()
    assert isinstance(loader.sampler, TrainingOrder)
    seen = []
    for epoch in range(count):
        loader.sampler.set_epoch(epoch)
        seen.append(list(loader))
    return seen


def test_samples_depend_on_neither_workers_nor_repetition() -> None:
    for first, second in zip(epochs(0), epochs(1), strict=True):
        for one, other in zip(first, second, strict=True):
            for left, right in zip(one, other, strict=True):
                assert torch.equal(left, right)


def test_an_epoch_shows_everything_once_and_another_shows_it_otherwise() -> None:
    first, second = epochs(0)
    for epoch in (first, second):
        assert sorted(torch.cat([batch.sample for batch in epoch]).tolist()) == list(range(12))
        for batch in epoch:
            assert batch.label.tolist() == [number % 3 for number in batch.sample.tolist()]
    pictures = LabelledPictures(ColourSplit(0), CUT, augment=True)
    shown = torch.stack([pictures[SampleIndex(epoch, 5)].image for epoch in range(8)])
    assert len(shown.flatten(1).unique(dim=0)) >= 7


def test_evaluation_shows_the_pictures_as_they_are() -> None:
    batches = list(module().val_dataloader())
    assert torch.cat([batch.sample for batch in batches]).tolist() == list(range(12))
    images = torch.cat([batch.image for batch in batches])
    assert images.dtype == torch.uint8
    expected = np.stack([ColourSplit(1).picture(index) for index in range(12)]).transpose(0, 3, 1, 2)
    assert np.array_equal(images.numpy(), expected)


@pytest.mark.parametrize(("argument", "value"), [("batch_size", 0), ("workers", -1)])
def test_impossible_loading_is_refused(argument, value) -> None:
    with pytest.raises(ValueError, match=rf"{argument} must .* got {value}"):
        module(**{argument: value})
