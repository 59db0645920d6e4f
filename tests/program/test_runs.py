"""Whole runs: the same twice, the same after a kill, the same from their folder."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from posepyr import Estimator
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.cli.main import main

TINY = [
    "model.stacks=1", "model.width=32", "model.depth=2", "data.input_size=[32,32]", "data.batch_size=4",
    "data.workers=0", "data.source.train=48", "data.source.val=6", "data.source.test=6", "data.source.size=64",
    "trainer.max_epochs=2", "trainer=cpu", "trainer.log_every_n_steps=1", "progress=false", "data.train_scored=5",
]  # fmt: skip


def train(folder: Path, *overrides: str) -> Path:
    assert main(["train", *TINY, *overrides, f"hydra.run.dir={folder}"]) == 0
    return folder


def weights(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = read_checkpoint(folder / "checkpoints" / f"{name}.ckpt")["state_dict"]
    return state


def rows(folder: Path) -> list[dict[str, str]]:
    """What a run has logged, but for how long things took."""
    with (folder / "metrics.csv").open(newline="") as file:
        found = [{k: v for k, v in row.items() if not k.startswith("time/")} for row in csv.DictReader(file)]
    return [row for row in found if any(value for name, value in row.items() if name not in ("epoch", "step"))]


def assert_same_run(one: Path, other: Path) -> None:
    assert rows(one) == rows(other)
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for key in first:
        assert torch.equal(first[key], second[key]), key
    assert json.loads((one / "metrics.json").read_text()) == json.loads((other / "metrics.json").read_text())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("runs") / "finished")


def test_a_run_leaves_all_that_is_needed_to_know_it(finished: Path) -> None:
    config = yaml.safe_load((finished / "config.yaml").read_text())
    assert config["model"]["width"] == 32
    record = json.loads((finished / "run.json").read_text())
    assert "model.width=32" in record["overrides"]
    assert record["packages"]["torch"] == torch.__version__
    assert {"commit", "dirty"} <= record["git"].keys()
    assert record["seed"] == 0
    assert record["machine"]["cores"] == os.cpu_count()
    scores = json.loads((finished / "metrics.json").read_text())
    assert {"best/val/pck", "test/pck", "test/pck/ankle", "last/val/pck"} <= scores.keys()
    assert (finished / "pictures" / "augmentation.png").stat().st_size > 1000
    assert (finished / "pictures" / "predictions" / "test.png").stat().st_size > 1000
    assert len(list((finished / "pictures" / "predictions").glob("val_epoch_*.png"))) == 2
    epochs = [row for row in rows(finished) if row["val/pck"]]
    assert [0 <= float(row["train/pck"]) <= 1 for row in epochs] == [True, True]
    assert not list(finished.rglob("*.part*"))


def test_the_same_seed_gives_the_same_run_to_the_last_bit(finished: Path, tmp_path: Path) -> None:
    assert_same_run(finished, train(tmp_path / "again"))


def test_another_seed_gives_another_run(finished: Path, tmp_path: Path) -> None:
    other = train(tmp_path / "other", "seed=1")
    assert rows(finished) != rows(other)


def test_a_rerun_repeats_the_run(finished: Path, tmp_path: Path) -> None:
    assert main(["train", "--rerun", str(finished), f"hydra.run.dir={tmp_path / 'rerun'}"]) == 0
    assert_same_run(finished, tmp_path / "rerun")


def test_the_checkpoint_predicts_and_evaluates_as_in_training(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = finished / "checkpoints" / "best.ckpt"
    estimator = Estimator.from_checkpoint(checkpoint)
    pixels = np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8)
    poses = estimator.predict(pixels)
    assert poses.keypoints.shape == (1, 16, 2)
    assert np.array_equal(poses.keypoints, estimator.predict(pixels).keypoints)
    assert main(["evaluate", str(checkpoint), "--output", str(finished / "scores")]) == 0
    [report] = json.loads((finished / "scores" / "test_scores.json").read_text())
    expected = json.loads((finished / "metrics.json").read_text())
    assert report["scores"] == {name: score for name, score in expected.items() if name.startswith("test/")}
    assert report["protocol"] == {
        "_target_": "posepyr.inference.protocol.Protocol",
        "flip": True,
        "scales": [1.0],
        "stages": False,
    }


def test_validation_in_training_and_evaluation_agree_exactly(finished: Path, tmp_path: Path) -> None:
    arguments = ["--split", "val", "--output", str(tmp_path / "val")]
    assert main(["evaluate", str(finished / "checkpoints" / "last.ckpt"), *arguments]) == 0
    [report] = json.loads((tmp_path / "val" / "val_scores.json").read_text())
    expected = json.loads((finished / "metrics.json").read_text())
    found = {f"last/{name}": score for name, score in report["scores"].items()}
    assert found == {name: score for name, score in expected.items() if name.startswith("last/val/")}


@pytest.mark.parametrize("override", ["model=hourglass", "init=xavier"])
def test_another_model_or_initialisation_gives_another_number(finished: Path, tmp_path: Path, override: str) -> None:
    other = train(tmp_path / "other", override)
    assert rows(finished) != rows(other)
