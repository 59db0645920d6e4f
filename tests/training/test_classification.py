"""The classification task: its scores against counting by hand, and a whole short run that goes on where it stopped."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn

from posepyr.checkpoints.recipe import VERSION, ClassifierRecipe
from posepyr.data.classification.cuts import PaddedCut
from posepyr.data.classification.labelled import LabelledBatch, LabelledSource
from posepyr.data.module import ClassificationDataModule
from posepyr.nodes import build
from posepyr.training.classification import ClassificationTask
from posepyr.training.process_state import quiet
from posepyr.training.schedule import Step

NODE = {
    "_target_": "posepyr.models.wide_resnet.WideResNet",
    "classes": 6,
    "depth": 10,
    "widen": 1,
    "pyramid": {"_target_": "posepyr.layers.pyramid_path.PyramidPaths", "widths": [2, 2, 2]},
}
RECIPE = ClassifierRecipe(NODE, tuple("abcdef"), (16, 16))


class Given(nn.Module):
    """Says what it was told to, whatever it sees: the image carries the logits."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.flatten(1)[:, :6]


class Stripes(LabelledSource):
    """Six classes that one look tells apart: which channel is bright, in the upper or the lower half."""

    classes = RECIPE.classes

    def split(self, name: str) -> "Stripes":
        return self

    def __len__(self) -> int:
        return 24

    def label(self, index: int) -> int:
        return index % 6

    def picture(self, index: int) -> np.ndarray:
        picture = np.random.default_rng(index).integers(0, 60, (16, 16, 3), np.uint8)
        channel, half = divmod(index % 6, 2)
        picture[8 * half : 8 * half + 8, :, channel] += 190
        return picture


def data() -> ClassificationDataModule:
    cut = PaddedCut((16, 16), padding=1)
    return ClassificationDataModule(source=Stripes(), cut=cut, batch_size=12, workers=0, seed=1)


def task() -> ClassificationTask:
    torch.manual_seed(0)
    optimizer = partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    return ClassificationTask(
        build(NODE), recipe=RECIPE, optimizer=optimizer, schedule=Step(drops=(2,), factor=0.2), seed=5
    )


@pytest.fixture(autouse=True)
def silent():
    with quiet():
        yield


def trainer(folder: Path, epochs: int, *callbacks: pl.Callback) -> pl.Trainer:
    return pl.Trainer(
        accelerator="cpu", max_epochs=epochs, default_root_dir=folder, logger=False, callbacks=[*callbacks],
        enable_checkpointing=bool(callbacks), enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip


def test_scores_are_those_of_counting() -> None:
    generator = torch.Generator().manual_seed(2)
    logits, labels = torch.randn(50, 6, generator=generator), torch.randint(0, 6, (50,), generator=generator)
    evaluated = ClassificationTask(Given(), recipe=RECIPE)
    for start in range(0, 50, 20):  # the last batch is a smaller one
        part = slice(start, start + 20)
        evaluated.validation_step(
            LabelledBatch(logits[part, :, None, None], labels[part], torch.arange(len(labels[part]))), 0
        )
    ranks = (logits > logits.gather(1, labels[:, None])).sum(1)
    assert evaluated.top1.compute() == pytest.approx(float((ranks < 1).float().mean()))
    assert evaluated.top5.compute() == pytest.approx(float((ranks < 5).float().mean()))
    expected = -logits.log_softmax(1).gather(1, labels[:, None]).mean()
    assert evaluated.loss.compute() == pytest.approx(float(expected), rel=1e-5)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole, rest = task(), task()

    def keeper() -> ModelCheckpoint:
        return ModelCheckpoint(tmp_path, "{step}", save_top_k=-1, every_n_train_steps=3, enable_version_counter=False)

    trainer(tmp_path, 4, keeper()).fit(whole, datamodule=data())
    middle = tmp_path / "step=3.ckpt"  # inside the second epoch of two steps each
    content = torch.load(middle, weights_only=True)
    assert content["posepyr_classifier"] == {
        "model": NODE, "classes": list("abcdef"), "input_size": [16, 16], "version": VERSION,
    }  # fmt: skip
    second = trainer(tmp_path, 4, keeper())
    second.fit(rest, datamodule=data(), ckpt_path=middle, weights_only=True)
    assert second.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.1 * 0.2)
    assert not torch.equal(content["state_dict"]["model.stem.weight"], rest.model.stem.weight)
    for a, b in zip(whole.model.state_dict().values(), rest.model.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)


def test_what_can_be_learnt_is_learnt(tmp_path: Path) -> None:
    learnt, runner = task(), trainer(tmp_path, 12)
    runner.fit(learnt, datamodule=data())
    assert float(runner.callback_metrics["val/top1"]) > 0.8
    assert float(runner.callback_metrics["val/top5"]) >= float(runner.callback_metrics["val/top1"])
    assert float(runner.callback_metrics["val/loss"]) < float(torch.tensor(6.0).log())


def test_a_task_for_evaluation_does_not_train() -> None:
    with pytest.raises(ValueError, match="it only evaluates"):
        ClassificationTask(Given(), recipe=RECIPE).configure_optimizers()


def test_impossible_smoothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"label_smoothing must be from 0 to less than 1, got 1"):
        ClassificationTask(Given(), recipe=RECIPE, label_smoothing=1.0)
