"""People of the training split, scored beside those who validate."""

from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import DummyLogger
from torch import nn

from posepyr.checkpoints.recipe import Recipe
from posepyr.codec import Codec
from posepyr.data.loading.augment import Augment
from posepyr.data.loading.loader import SampleIndex
from posepyr.data.module import CropPlan, PoseDataModule
from posepyr.data.sources.figures import Figures
from posepyr.inference.protocol import Protocol
from posepyr.losses import StagedMSE
from posepyr.metrics.pck import PCK
from posepyr.records import Predictions
from posepyr.skeleton import Skeleton
from posepyr.training.callbacks.sheets import PredictionSheet
from posepyr.training.process_state import quiet
from posepyr.training.schedule import Constant
from posepyr.training.task import PoseTask

JOINTS = ("left_hip", "right_shoulder", "head_top")
SKELETON = Skeleton("three", JOINTS, unit=("left_hip", "right_shoulder"))
CODEC = Codec(sigma=1.0)
SIZE = (32, 32)


class Net(nn.Module):
    """Two outputs of one layer each."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList([nn.Conv2d(3, len(JOINTS), 4, stride=4) for _ in range(2)])

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(layer(image.float() / 255) for layer in self.layers)


class Table(DummyLogger):
    """Keeps what is logged, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, list[float]] = {}

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        for name, value in metrics.items():
            self.values.setdefault(name, []).append(value)


class Numbers(PredictionSheet):
    """Whom the sheet would choose from."""

    def _draw(self, *_: Any) -> None:
        self.numbers = sorted(sample for _, sample, _ in self._people)
        self._people = []


class Run:
    """Two epochs on drawn people."""

    def __init__(self, train_scored: int) -> None:
        source = Figures(size=64, train=12, val=5)
        self.data = PoseDataModule(
            source=source,
            crops=CropPlan(SKELETON, Augment()),
            input_size=SIZE,
            batch_size=4,
            workers=0,
            train_scored=train_scored,
        )
        self.scorer, protocol = PCK(SKELETON, threshold=2.0), Protocol(stages=True)
        self.task = PoseTask(
            Net(), codec=CODEC, skeleton=SKELETON, loss=StagedMSE(), scorers=[self.scorer], protocol=protocol,
            recipe=Recipe({}, {}, {}, SIZE, 1.25), optimizer=lambda weights: torch.optim.SGD(weights, lr=1e-2),
            schedule=Constant(),
        )  # fmt: skip
        self.table, self.sheet = Table(), Numbers()
        with quiet():
            trainer = pl.Trainer(
                logger=self.table, callbacks=[self.sheet], accelerator="cpu", max_epochs=2, log_every_n_steps=1,
                enable_progress_bar=False, enable_checkpointing=False, enable_model_summary=False,
                num_sanity_val_steps=0,
            )  # fmt: skip
            trainer.fit(self.task, datamodule=self.data)

    @torch.no_grad()
    def scores(self, numbers: list[int], stage: int) -> dict[str, float]:
        """Of some training people, found one by one."""
        crops = [self.data.samples("train")[SampleIndex(0, number)] for number in numbers]
        found = [
            Protocol(stages=True).find(
                self.task.model.eval(), CODEC, crop.image[None], crop.to_image[None], SKELETON.flip_order
            )[stage]
            for crop in crops
        ]
        places, heights = (np.concatenate([one[field].numpy() for one in found]) for field in (0, 1))
        return self.scorer(Predictions(np.array(numbers), places, heights), self.data.truth("train"))


@pytest.fixture(scope="module")
def plain() -> Run:
    return Run(train_scored=0)


@pytest.fixture(scope="module")
def both() -> Run:
    return Run(train_scored=5)


def test_the_score_is_that_of_the_last_weights_on_people_spread_over_the_split(both: Run) -> None:
    for stage, name in enumerate(("train_stage_1", "train")):
        expected = both.scores([0, 2, 4, 7, 9], stage)
        logged = {key: values[-1] for key, values in both.table.values.items() if key.startswith(f"{name}/pck")}
        assert logged == pytest.approx({f"{name}/{quantity}": value for quantity, value in expected.items()})
    assert 0 < expected["pck"] < 1
    assert len(both.table.values["train/pck"]) == 2


def test_nothing_else_changes(plain: Run, both: Run) -> None:
    for ours, theirs in zip(both.task.model.parameters(), plain.task.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    added = {name for name in both.table.values if name.startswith(("train/pck", "train_stage_1/"))}
    assert {"train/pck", "train/pck/hip"} <= added
    assert {name: values for name, values in both.table.values.items() if name not in added} == plain.table.values
    for ours, theirs in zip(both.task.latest, plain.task.latest, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert both.sheet.numbers == plain.sheet.numbers == [0, 1, 2, 3, 4]
