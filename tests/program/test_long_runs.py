"""What long runs need: averages, compiled networks, half precision, and stops that lose nothing."""

import errno
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from posepyr import draw
from posepyr.checkpoints import storage
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.cli.main import main

TINY = [
    "model.stacks=1", "model.width=16", "model.block.width=4", "model.depth=2", "data.input_size=[32,32]",
    "data.batch_size=4", "data.workers=0", "data.source.train=16", "data.source.val=6", "data.source.size=64",
    "trainer.max_epochs=2", "trainer=cpu", "trainer.log_every_n_steps=1", "progress=false", "test=false",
    "callbacks.augmentation_sheet=null", "callbacks.prediction_sheet=null",
]  # fmt: skip


def train(folder: Path, *overrides: str) -> int:
    return main(["train", *TINY, *overrides, f"hydra.run.dir={folder}"])


def weights(folder: Path, key: str = "state_dict") -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = read_checkpoint(folder / "checkpoints" / "last.ckpt")[key]
    return found


def test_averaged_weights_are_what_is_saved_and_resumed(tmp_path: Path) -> None:
    assert train(tmp_path / "whole", "callbacks=ema", "callbacks.ema.decay=0.5") == 0
    averaged, current = weights(tmp_path / "whole"), weights(tmp_path / "whole", "current_model_state")
    name = next(key for key in averaged if key.endswith("weight"))
    assert not torch.equal(averaged[name], current[name])
    assert read_checkpoint(tmp_path / "whole" / "checkpoints" / "last.ckpt")["posepyr"]["weights"] == "averaged"
    assert train(tmp_path / "part", "callbacks=ema", "callbacks.ema.decay=0.5", "trainer.max_epochs=1") == 0
    assert main(["train", "--resume", str(tmp_path / "part"), "trainer.max_epochs=2"]) == 0
    resumed, its_current = weights(tmp_path / "part"), weights(tmp_path / "part", "current_model_state")
    for key, value in averaged.items():
        assert torch.equal(value, resumed[key]), key
    for key, value in current.items():
        assert torch.equal(value, its_current[key]), key


def test_plain_weights_say_so(tmp_path: Path) -> None:
    assert train(tmp_path / "run", "trainer.max_epochs=1") == 0
    assert read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")["posepyr"]["weights"] == "raw"


def test_recomputed_blocks_train_alike(tmp_path: Path) -> None:
    assert train(tmp_path / "plain") == 0
    assert train(tmp_path / "saving", "recompute=true") == 0
    plain, saving = weights(tmp_path / "plain"), weights(tmp_path / "saving")
    assert list(plain) == list(saving)
    for key, value in plain.items():
        torch.testing.assert_close(value, saving[key])


def test_half_precision_trains(tmp_path: Path) -> None:
    assert train(tmp_path / "run", "trainer.precision=bf16-mixed", "trainer.max_epochs=1") == 0
    assert all(value.isfinite().all() for value in weights(tmp_path / "run").values())
    assert "best/val/pck" in json.loads((tmp_path / "run" / "metrics.json").read_text())


# Torch's compiler uses what Torch says not to use.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.long
def test_a_compiled_networks_checkpoint_is_any_networks(tmp_path: Path) -> None:
    # RMSProp makes whole steps of gradients that are nothing but rounding, and batches of four on maps of a pixel
    # have norms that magnify it: a run in double precision is no nearer to one in single than a compiled one.
    short = ["trainer.max_epochs=1", "optimizer=sgd", "optimizer.lr=0.1", "callbacks=frozen_norms"]
    assert train(tmp_path / "compiled", "compile=true", *short) == 0
    assert train(tmp_path / "plain", *short) == 0
    compiled, plain = weights(tmp_path / "compiled"), weights(tmp_path / "plain")
    assert list(compiled) == list(plain)
    for key, value in plain.items():
        torch.testing.assert_close(value, compiled[key], rtol=1e-3, atol=1e-4)
    assert main(["train", "--resume", str(tmp_path / "compiled"), "trainer.max_epochs=2", "compile=false"]) == 0


def test_an_exploding_loss_stops_the_run_and_keeps_the_batch(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert train(tmp_path / "run", "optimizer=sgd", "optimizer.lr=1e12") == 1
    said = capsys.readouterr().err
    assert "train/loss must stay finite and below 1000 times its first value" in said
    assert "lower optimizer.lr" in said
    kept = torch.load(tmp_path / "run" / "diverged.pt", weights_only=True)
    assert kept["image"].shape == (4, 3, 32, 32)
    assert str(kept["sample"].tolist()) in said
    assert kept["step"] >= 1


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_full_disk_is_seen_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert train(tmp_path / "run", "trainer.max_epochs=1") == 0
    before = weights(tmp_path / "run")
    # It is filled while the run goes on.
    free = iter([10**9])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, next(free, 1000)))
    assert main(["train", "--resume", str(tmp_path / "run"), "trainer.max_epochs=2"]) == 1
    said = capsys.readouterr().err
    assert "must have room for a checkpoint of" in said
    assert "got 1000 bytes; what was saved before is untouched" in said
    after = weights(tmp_path / "run")
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_a_run_that_will_not_fit_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, 1000))
    assert train(tmp_path / "run") == 1
    said = capsys.readouterr().err
    assert "must have room for 2 checkpoints of" in said
    assert "Traceback" not in said
    assert not (tmp_path / "run" / "metrics.csv").exists()
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_disk_that_refuses_leaves_what_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert train(tmp_path / "run", "trainer.max_epochs=1") == 0
    before = weights(tmp_path / "run")

    def refuse(_content: Any, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.EDQUOT, "Disk quota exceeded", str(path))

    monkeypatch.setattr(storage.torch, "save", refuse)
    assert main(["train", "--resume", str(tmp_path / "run"), "trainer.max_epochs=2"]) == 1
    said = capsys.readouterr().err
    assert "must be written whole, but the disk does not take it ([Errno 122] Disk quota exceeded" in said
    assert "go on with --resume" in said
    after = weights(tmp_path / "run")
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not list((tmp_path / "run").rglob("*.part*"))


def test_pictures_that_cannot_be_written_stop_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def refuse(_pixels: Any, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(draw, "save", refuse)
    sheet = "callbacks.prediction_sheet={_target_: posepyr.training.callbacks.sheets.PredictionSheet}"
    assert train(tmp_path / "run", sheet, "trainer.max_epochs=1") == 0
    assert "val_epoch_000.png cannot be written: [Errno 28] No space left on device" in capsys.readouterr().out
