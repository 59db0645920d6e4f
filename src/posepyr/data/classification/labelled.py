"""Pictures of one class each, which classifiers are trained on."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from posepyr.data.classification.cuts import Cut
from posepyr.data.loading.loader import SampleIndex
from posepyr.records import Pixels, PublishedCount


class LabelledSplit(Protocol):
    """A sequence of pictures and the numbers of their classes."""

    def __len__(self) -> int: ...

    def picture(self, index: int) -> Pixels:
        """Read the picture, ``H W 3`` in RGB."""
        ...

    def label(self, index: int) -> int: ...


class LabelledSource(ABC):
    """A data set of pictures: the names of its classes, and its splits by name."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Return the names of the classes, in the order of their numbers."""

    @abstractmethod
    def split(self, name: str) -> LabelledSplit:
        """Return ``train``, ``val`` or ``test``."""

    def require_files(self, name: str) -> None:
        """Raise unless a split's files are there; by default by reading what is kept of it in memory."""
        self.split(name)

    def published(self, name: str) -> Sequence[PublishedCount]:
        """Return the counts that others report of a split, any one of which is right."""
        return ()


class LabelledBatch(NamedTuple):
    """Pictures ready for the device. A single sample is the same record without the batch axis."""

    image: Tensor
    """``B 3 H W`` uint8."""
    label: Tensor
    """``B`` numbers of classes."""
    sample: Tensor
    """``B`` numbers of the pictures in their split."""


class LabelledPictures(Dataset[LabelledBatch]):
    """A split's pictures, cut to one size: by chance for training, always the same otherwise.

    Every random number comes from a generator made of (seed, epoch, index), as for people's crops.
    """

    def __init__(self, split: LabelledSplit, cut: Cut, augment: bool = False, seed: int = 0) -> None:
        self.split, self.cut, self.augment, self.seed = split, cut, augment, seed

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: SampleIndex) -> LabelledBatch:
        """Return one sample: a record without the batch axis."""
        picture = self.split.picture(index.person)
        if self.augment:
            generator = np.random.Generator(
                np.random.PCG64(np.random.SeedSequence([self.seed, index.epoch, index.person]))
            )
            picture = self.cut.random(picture, generator)
        else:
            picture = self.cut.central(picture)
        return LabelledBatch(
            image=torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1),
            label=torch.tensor(self.split.label(index.person)),
            sample=torch.tensor(index.person),
        )
