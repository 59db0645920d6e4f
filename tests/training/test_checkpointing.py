from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader

from posepyr.checkpoints import storage
from posepyr.training.checkpointing import RoomForCheckpoints, checkpoint_size
from posepyr.training.process_state import quiet

WIDTH = 300


class Line(pl.LightningModule):
    """A layer, a batch norm's buffers beside it, and whatever optimizer there is."""

    def __init__(self, optimizer: Any) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH))
        self.optimizer = optimizer

    def training_step(self, batch: torch.Tensor, _index: int) -> torch.Tensor:
        loss: torch.Tensor = self.layers(batch).square().mean()
        return loss

    def configure_optimizers(self) -> Any:
        return self.optimizer(self.parameters())


OPTIMIZERS = [
    partial(torch.optim.SGD, lr=0.1), partial(torch.optim.SGD, lr=0.1, momentum=0.9),
    partial(torch.optim.RMSprop, lr=0.1), partial(torch.optim.Adam, lr=0.1),
]  # fmt: skip


def trained(module: Line, *callbacks: pl.Callback) -> pl.Trainer:
    trainer = pl.Trainer(
        max_steps=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[*callbacks],
    )  # fmt: skip
    with quiet():
        trainer.fit(module, DataLoader(torch.randn(8, WIDTH), batch_size=4))
    return trainer


@pytest.mark.parametrize("averaged", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_size_is_known_before_there_is_a_file(optimizer: Any, averaged: bool, tmp_path: Path) -> None:
    module = Line(optimizer)
    expected = checkpoint_size(module, optimizer, averaged)
    trainer = trained(module, *([pl.callbacks.EMAWeightAveraging()] if averaged else []))
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    # What is around the tensors takes a few kilobytes.
    assert expected <= (tmp_path / "a.ckpt").stat().st_size <= expected + 20_000


def test_nothing_begins_without_room_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    optimizer = partial(torch.optim.Adam, lr=0.1)
    each = checkpoint_size(Line(optimizer), optimizer, averaged=False)
    callback = RoomForCheckpoints(tmp_path / "checkpoints", 2, optimizer)

    def with_free(count: int) -> None:
        usage = storage.shutil._ntuple_diskusage(10 * each, 0, count)  # type: ignore[attr-defined]
        monkeypatch.setattr(storage.shutil, "disk_usage", lambda _: usage)
        trained(Line(optimizer), callback)

    with_free(3 * each)
    with pytest.raises(ValueError, match=r"checkpoints must have room for 2 checkpoints of 1\.\d+ MiB and one that is"):
        with_free(3 * each - 1)
    # Those of an earlier start are replaced.
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").write_bytes(bytes(each))
    with_free(2 * each)
    with pytest.raises(ValueError, match=r"another disk by hydra\.run\.dir"):
        with_free(2 * each - 1)
