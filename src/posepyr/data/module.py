"""A data set as Lightning wants it: loaders for training, validation and testing."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from posepyr.data.classification.cuts import Cut
from posepyr.data.classification.labelled import LabelledPictures, LabelledSource
from posepyr.data.formats.archive import data_folder
from posepyr.data.formats.people import matched, truth_of
from posepyr.data.formats.pictures import Decode
from posepyr.data.loading.augment import Augment
from posepyr.data.loading.cache import CropCache
from posepyr.data.loading.dataset import Crops
from posepyr.data.loading.loader import (
    EvaluationOrder,
    GlobalBatch,
    SampleIndex,
    TrainingOrder,
    WatchedLoader,
    join,
    spread,
)
from posepyr.data.loading.worker import start_worker
from posepyr.geometry import CropRule, Grid, fit
from posepyr.ranks import cores
from posepyr.records import Source, Truth
from posepyr.skeleton import Skeleton

log = logging.getLogger("posepyr")


class OrderedData(pl.LightningDataModule, ABC):
    """The base of all data modules: samples in an order that an interrupted run takes up where it stopped.

    ``batch_size`` is the global batch, shared among all processes. A process whose share is larger than
    ``device_batch`` takes it in several passes and adds their gradients up: so fewer devices than a recipe was made
    for still train its batch, batch norm's included. ``workers`` are per process; by default one for every core that
    it may use but one, eight at most. ``test_split`` is the split that testing takes.
    """

    def __init__(
        self, *, batch_size: int, device_batch: int | None, workers: int | None, seed: int, test_split: str
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"batch_size must be positive, got {batch_size}")
        if device_batch is not None and device_batch < 1:
            raise ValueError(f"device_batch must be positive, got {device_batch}")
        if workers is not None and workers < 0:
            raise ValueError(f"workers must not be negative, got {workers}")
        self.batch_size, self.device_batch, self.seed = batch_size, device_batch, seed
        self.workers = min(8, cores() - 1) if workers is None else workers
        self.test_split = test_split
        self._resume_at = (0, 0)

    def setup(self, stage: str) -> None:
        """Have the trainer add up the gradients of as many passes as the batch takes."""
        if stage != "fit" or self.trainer is None:
            return
        passes = self.batch.passes
        if self.trainer.accumulate_grad_batches not in (1, passes):
            raise ValueError(
                "trainer.accumulate_grad_batches must be left at 1: it follows from batch_size, the whole batch, "
                f"and device_batch, what a device takes at a time; got {self.trainer.accumulate_grad_batches}"
            )
        self.trainer.accumulate_grad_batches = passes
        if self.trainer.is_global_zero:
            log.info("%s", self.batch.describe())

    @property
    def batch(self) -> GlobalBatch:
        """Return the global batch, as it is divided among the trainer's processes."""
        _, world = self._rank_and_world()
        return GlobalBatch(self.batch_size, world, self.device_batch)

    @abstractmethod
    def samples(self, name: str, augment: bool = False) -> Crops | LabelledPictures:
        """Return a split as a data set of samples, as they are or augmented as in training."""

    def train_dataloader(self) -> DataLoader[Any]:
        """Load augmented samples in global batches, reshuffled every epoch."""
        rank, world = self._rank_and_world()
        samples = self.samples("train", augment=True)
        order = TrainingOrder(len(samples), self.batch_size, seed=self.seed, rank=rank, world=world)
        order.resume(*self._resume_at)
        return self.loader(samples, order, self.batch.share // self.batch.passes)

    def val_dataloader(self) -> DataLoader[Any] | list[DataLoader[Any]]:
        """Load the validation split, everything once."""
        return self.evaluation_loader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        """Load the split that is tested on, everything once."""
        return self.evaluation_loader(self.test_split)

    def evaluation_loader(
        self, name: str, scales: Sequence[float] = (1.0,), chosen: Sequence[int] | None = None
    ) -> DataLoader[Any]:
        """Load any split, or the ``chosen`` of it by number, everything once and unaugmented.

        ``scales`` are those of people's boxes: each is shown once at each of them.
        """
        samples = self.samples(name)
        rank, world = self._rank_and_world()
        # The crops of one person stay together.
        count = max(1, self.batch.most_at_once // len(scales)) * len(scales)
        people = range(len(samples)) if chosen is None else chosen
        if 0 < len(people) < world:
            raise ValueError(
                f"the {name} split must have a sample for each of the {world} processes, got {len(people)}; "
                "lower trainer.devices"
            )
        return self.loader(samples, EvaluationOrder(people, rank=rank, world=world, scales=scales), count)

    def loader(self, samples: Dataset[Any], order: Sampler[SampleIndex], count: int) -> DataLoader[Any]:
        """Load samples in an order, ``count`` at a time."""
        return WatchedLoader(
            samples,
            batch_size=count,
            sampler=order,
            collate_fn=join,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            worker_init_fn=start_worker,
            pin_memory=torch.cuda.is_available(),
            # The loader draws a base seed from here; the global generator must not move with the number of loaders.
            generator=torch.Generator().manual_seed(self.seed),
        )

    def _rank_and_world(self) -> tuple[int, int]:
        trainer = self.trainer
        return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)

    def state_dict(self) -> dict[str, Any]:
        """Return where in which epoch the training stands."""
        if self.trainer is None:
            return {}
        progress = self.trainer.fit_loop.epoch_loop.batch_progress
        return {"epoch": self.trainer.current_epoch, "batches": progress.current.ready // self.batch.passes}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there: the next training loader begins at the first batch not yet seen."""
        self._resume_at = (state_dict.get("epoch", 0), state_dict.get("batches", 0))


class CropPlan(NamedTuple):
    """The parts of a run that decide how its people are cropped, beside what the data's own settings say."""

    skeleton: Skeleton
    augment: Augment | None = None
    grid: Grid = "plain"
    """The codec's: where the crop's outermost pixels lie."""
    val_scales: Sequence[float] = (1.0,)
    """Scales of people's boxes that the protocol of validation takes."""
    test_scales: Sequence[float] = (1.0,)
    """The same of testing."""


class PoseDataModule(OrderedData):
    """Crops of a source's people.

    ``decode`` is how large the pictures of training are decoded (:data:`~posepyr.data.formats.pictures.Decode`);
    those that are scored always are as they are. ``cache`` names a folder to keep in what training can show of them
    (:class:`~posepyr.data.loading.cache.CropCache`), under the folder of all data sets unless absolute; what lies in
    there may be deleted whenever nothing trains. So many people of the training split as ``train_scored`` says, always
    the same and spread evenly over it, are scored at every validation: as they are, cut as those who validate.
    """

    def __init__(
        self,
        *,
        source: Source,
        crops: CropPlan,
        input_size: tuple[int, int] = (256, 256),
        padding: float = 1.25,
        batch_size: int = 16,
        device_batch: int | None = None,
        workers: int | None = None,
        decode: Decode = "fitting",
        cache: str | None = None,
        train_scored: int = 0,
        seed: int = 0,
        test_split: str = "test",
    ) -> None:
        super().__init__(
            batch_size=batch_size, device_batch=device_batch, workers=workers, seed=seed, test_split=test_split
        )
        if not isinstance(source, Source):
            raise ValueError(
                f"source must derive from posepyr.records.Source, which asks for the method split alone, got {source!r}"
            )
        if train_scored < 0:
            raise ValueError(f"train_scored must not be negative, got {train_scored}")
        if decode not in ("fitting", "full"):
            raise ValueError(f"decode must be fitting or full, got {decode}")
        height, width = input_size
        if min(height, width) < 1:
            raise ValueError(f"input_size must be (height, width) in pixels, got {list(input_size)}")
        self.source, self.skeleton, self.plan = source, crops.skeleton, crops
        self.decode, self.cache, self.train_scored = decode, cache, train_scored
        self._cached: dict[str, CropCache] = {}
        self._truths: dict[str, Truth] = {}
        self.rule = CropRule((height, width), padding, crops.grid)

    def samples(self, name: str, augment: bool = False) -> Crops:
        """Return the people of a split, one crop each, as they are or augmented as in training."""
        split = matched(self.source.split(name), self.skeleton.joints)
        if not augment:
            return Crops(split, self.skeleton, self.rule, seed=self.seed)
        augmentation = self.plan.augment
        if self.cache is not None and len(split):
            if name not in self._cached:
                folder = data_folder(self.cache)
                self._cached[name] = CropCache(
                    split, self.skeleton, self.rule, augmentation, folder=folder, decode=self.decode
                )
            split = self._cached[name]
        return Crops(split, self.skeleton, self.rule, augmentation, seed=self.seed, decode=self.decode)

    def val_dataloader(self) -> DataLoader[Any] | list[DataLoader[Any]]:
        """Load the validation split and, where some of them are scored, people of the training split."""
        everybody = self.evaluation_loader("val", self.plan.val_scales)
        if not self.train_scored:
            return everybody
        chosen = spread(self.truth("train").images, self.train_scored)
        _, world = self._rank_and_world()
        if len(chosen) < world:
            raise ValueError(
                f"train_scored must be 0, or at least one for each of {world} processes, got {self.train_scored}"
            )
        return [everybody, self.evaluation_loader("train", self.plan.val_scales, chosen)]

    def test_dataloader(self) -> DataLoader[Any]:
        """Load the split that is tested on, everybody once at each of the protocol's scales."""
        return self.evaluation_loader(self.test_split, self.plan.test_scales)

    def truth(self, name: str) -> Truth:
        """Return what predictions of a split are scored against, gathered once."""
        if name not in self._truths:
            truth = truth_of(matched(self.source.split(name), self.skeleton.joints))
            areas = np.array([np.prod(fit(box, self.rule)[1]) for box in truth.boxes])
            truth = truth._replace(measures={**truth.measures, "crop_area": areas})
            self._truths[name] = self.source.complete(name, truth)
        return self._truths[name]


class ClassificationDataModule(OrderedData):
    """Pictures of a source, each of one class, cut to one size."""

    def __init__(
        self,
        *,
        source: LabelledSource,
        cut: Cut,
        batch_size: int = 128,
        device_batch: int | None = None,
        workers: int | None = None,
        seed: int = 0,
        test_split: str = "test",
    ) -> None:
        super().__init__(
            batch_size=batch_size, device_batch=device_batch, workers=workers, seed=seed, test_split=test_split
        )
        self.source, self.cut = source, cut

    def samples(self, name: str, augment: bool = False) -> LabelledPictures:
        """Return the pictures of a split, cut at random in training and in the middle otherwise."""
        return LabelledPictures(self.source.split(name), self.cut, augment, self.seed)
