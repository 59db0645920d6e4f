"""Sheets of pictures: augmented crops at the start of a run, predictions after every validation."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
from pytorch_lightning.loggers import WandbLogger

from posepyr import draw, geometry
from posepyr.data.loading.dataset import Crops
from posepyr.data.loading.loader import SampleIndex
from posepyr.data.module import PoseDataModule
from posepyr.metrics.functional import distances, unit_length
from posepyr.records import Pixels, PoseBatch
from posepyr.training.task import BatchPredictions, PoseTask

log = logging.getLogger("posepyr")


class AugmentationSheet(pl.Callback):
    """Draws, at the start of a run, augmented training crops with joints and limbs, and the targets beside them."""

    def __init__(self, count: int = 8, side: int = 256) -> None:
        self.count, self.side = count, side

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        data: Any = getattr(trainer, "datamodule", None)
        if not trainer.is_global_zero or not isinstance(data, PoseDataModule) or not isinstance(pl_module, PoseTask):
            return
        crops = data.samples("train", augment=True)
        tiles: list[Pixels] = []
        captions: list[str] = []
        for index in range(min(self.count, len(crops))):
            sample = crops[SampleIndex(0, index)]
            tiles += _sample_tiles(sample, pl_module, self.side)
            captions += [f"train {index}", "target"]
        save_picture(trainer, draw.sheet(tiles, captions), "augmentation")


def _sample_tiles(sample: PoseBatch, task: PoseTask, side: int) -> list[Pixels]:
    pixels = sample.image.permute(1, 2, 0).numpy()
    height, width = pixels.shape[:2]
    size = (max(1, height // 4), max(1, width // 4))
    targets = task.codec.encode(sample.keypoints[None], (height, width), size)[0]
    [drawn] = task.drawn_states(PoseBatch(*(field[None] for field in sample)), [size]) > 0
    shown = ((sample.visibility > 0) & sample.inside).numpy()
    large, factor = draw.enlarge(pixels, side)
    pose = draw.draw_pose(large, draw.place(sample.keypoints.numpy(), factor), task.skeleton, shown)
    return [pose, draw.overlay(large, targets[drawn].numpy()) if drawn.any() else large]


class PredictionSheet(pl.Callback):
    """Draws, after every validation, the worst, the middling and the best predictions over the truth."""

    def __init__(self, count: int = 12, side: int = 256) -> None:
        self.count, self.side = count, side
        self._people: list[tuple[float, int, npt.NDArray[np.float64]]] = []

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        # The second loader has people of the training split.
        if dataloader_idx == 0:
            self._collect(pl_module, outputs)

    def on_test_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        self._collect(pl_module, outputs)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._draw(trainer, pl_module, "val", f"predictions/val_epoch_{trainer.current_epoch:03d}")

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        split: str = getattr(getattr(trainer, "datamodule", None), "test_split", "test")
        self._draw(trainer, pl_module, split, f"predictions/{split}")

    def _collect(self, task: pl.LightningModule, outputs: Any) -> None:
        if not isinstance(task, PoseTask):
            return
        errors = _person_errors(task, outputs)
        keypoints = outputs["keypoints"].double().cpu().numpy()
        self._people += zip(errors.tolist(), outputs["sample"].tolist(), keypoints, strict=True)

    def _draw(self, trainer: pl.Trainer, task: pl.LightningModule, split: str, name: str) -> None:
        data: Any = getattr(trainer, "datamodule", None)
        ranked = sorted((person for person in self._people if np.isfinite(person[0])), key=lambda person: -person[0])
        self._people = []
        if not trainer.is_global_zero or not ranked or not isinstance(data, PoseDataModule):
            return
        if not isinstance(task, PoseTask):
            return
        chosen = _spread(ranked, self.count)
        crops = data.samples(split)
        tiles = [_person_tile(crops, sample, keypoints, task, self.side) for _, sample, keypoints in chosen]
        captions = [f"{split} {sample}  error {error:.2f}" for error, sample, _ in chosen]
        save_picture(trainer, draw.sheet(tiles, captions), name)


def _spread(ranked: list[Any], count: int) -> list[Any]:
    """Return the worst third, then people evenly spread over the rest down to the best."""
    worst = max(1, count // 3)
    rest = ranked[worst:]
    wanted = min(count - worst, len(rest))
    return ranked[:worst] + [rest[number * (len(rest) - 1) // max(1, wanted - 1)] for number in range(wanted)]


def _person_errors(task: PoseTask, predictions: BatchPredictions) -> npt.NDArray[np.float64]:
    """Return the mean distance of people's labelled joints from the truth, in PCK's unit where the skeleton has one."""
    pair = task.skeleton.unit_indices
    truth, visibility = predictions["truth"].cpu().numpy(), predictions["labelled"].cpu().numpy()
    labelled = visibility > 0
    distance = distances(predictions["keypoints"].double().cpu().numpy(), truth)
    with np.errstate(invalid="ignore"):
        errors: npt.NDArray[np.float64] = (distance * labelled).sum(axis=1) / labelled.sum(axis=1)
    return errors / unit_length(truth, visibility, pair, 5.0) if pair else errors


def _person_tile(crops: Crops, sample: int, keypoints: npt.NDArray[np.float64], task: PoseTask, side: int) -> Pixels:
    person = crops[SampleIndex(0, sample)]
    to_crop = geometry.invert(person.to_image.numpy())
    large, factor = draw.enlarge(person.image.permute(1, 2, 0).numpy(), side)
    truth = draw.place(geometry.apply(to_crop, person.truth.numpy()), factor)
    labelled = (person.labelled > 0).numpy()
    picture = draw.draw_pose(large, truth, task.skeleton, labelled, draw.TRUTH, thickness=1)
    predicted = draw.place(geometry.apply(to_crop, keypoints), factor)
    return draw.draw_pose(picture, predicted, task.skeleton)


def save_picture(trainer: pl.Trainer, pixels: Pixels, name: str) -> None:
    """Save a picture in the run folder, and send it to W&B where the run logs there."""
    path = picture_path(trainer, name)
    try:
        draw.save(pixels, path)
    except OSError as error:
        # A picture that cannot be written must not end a training.
        log.warning("%s cannot be written: %s", path, error)
        return
    log_picture(trainer, path, name)


def picture_path(trainer: pl.Trainer, name: str) -> Path:
    """Return the path of a picture in the run folder."""
    return Path(trainer.default_root_dir) / "pictures" / f"{name}.png"


def log_picture(trainer: pl.Trainer, path: Path, name: str) -> None:
    """Send a picture of the run folder to W&B where the run logs there."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(key=name.split("_epoch_")[0], images=[str(path)])
