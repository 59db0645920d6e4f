"""From labelled pictures on disk to a classifier, and from its checkpoint to a pose network, by the commands alone."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from posepyr.checkpoints.storage import read_checkpoint
from posepyr.cli.main import main
from posepyr.models.hrnet import HRNet

SHORT = [
    "trainer=cpu", "trainer.max_epochs=1", "trainer.log_every_n_steps=1", "data.workers=0", "progress=false",
    "logger=csv",
]  # fmt: skip
NARROW = ["width=8", "modules=[1,1,1]", "blocks=1"]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = read_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"]
    return state


@pytest.fixture(scope="module")
def classified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of an HRNet on two classes of pictures."""
    root = tmp_path_factory.mktemp("classified")
    generator = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 1)):
        for label in ("cat", "dog"):
            (root / "pictures" / split / label).mkdir(parents=True)
            for number in range(count):
                picture = generator.integers(0, 256, (48, 40, 3), np.uint8)
                cv2.imwrite(str(root / "pictures" / split / label / f"{number}.png"), picture)
    settings = [f"classifier.{setting}" for setting in NARROW] + [
        "data.batch_size=4",
        "data.cut.size=[32,32]",
        "optimizer.lr=1e-3",
    ]
    source = f"data.source.folder={root / 'pictures'}"
    experiment = ["experiment=imagenet", *SHORT, *settings, source]
    assert main(["train", *experiment, f"hydra.run.dir={root / 'run'}"]) == 0
    return root / "run"


def test_a_classifier_learns_from_cifar10s_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSEPYR_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        records = generator.integers(0, 256, (8, 1 + 3 * 32 * 32), np.uint8)
        records[:, 0] %= 10
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    small = ["classifier.depth=10", "classifier.widen=1", "data.batch_size=20"]
    run = tmp_path / "run"
    assert main(["train", "experiment=cifar10/wide_resnet", *SHORT, *small, f"hydra.run.dir={run}"]) == 0
    content = read_checkpoint(run / "checkpoints" / "best.ckpt")
    assert content["global_step"] == 2
    assert content["posepyr_classifier"]["classes"][3] == "cat"
    assert content["posepyr_classifier"]["input_size"] == [32, 32]
    scores = json.loads((run / "metrics.json").read_text())
    # Eight pictures to validate on, which are those to test on.
    assert (scores["best/val/top1"] * 8) % 1 == 0
    assert scores["best/val/top1"] == scores["test/top1"] <= scores["test/top5"]


def begin(classifier: Path, folder: Path, *overrides: str) -> list[str]:
    """A command that trains a pose network from a classifier, at a rate of nothing, so that its weights stay."""
    tiny = [
        "data.input_size=[32,32]", "data.batch_size=2", "data.source.size=64", "data.source.train=4",
        "data.source.val=2", "data.source.test=2", "optimizer.lr=0",
    ]  # fmt: skip
    settings = [f"model.{setting}" for setting in NARROW]
    file = classifier / "checkpoints" / "last.ckpt"
    start = ["init=pretrained", f"init.file={file}", f"hydra.run.dir={folder}"]
    return ["train", "model=hrnet_w32", *SHORT, *settings, *tiny, *start, *overrides]


def test_a_pose_network_begins_where_the_classifier_ended(
    classified: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_checkpoint(classified / "checkpoints" / "last.ckpt")["global_step"] == 2
    assert main(begin(classified, tmp_path / "pose")) == 0
    said = capsys.readouterr().out
    classifier, pose = weights(classified), weights(tmp_path / "pose")
    network = HRNet(16, width=8, modules=(1, 1, 1), blocks=1)
    body = [f"model.body.{name}" for name, _ in network.body.named_parameters()]
    assert len(body) > 100
    for key in body:
        assert torch.equal(pose[key], classifier[key]), key
    # What the classifier lacks begins by HRNet's scheme: a deviation of 0.001 and no bias.
    assert pose["model.heads.0.weight"].abs().max() < 0.006
    assert not pose["model.heads.0.bias"].any()
    assert (
        f"init: {classified / 'checkpoints' / 'last.ckpt'}: {len(network.body.state_dict())} matched, 2 missing" in said
    )
    record = json.loads((tmp_path / "pose" / "run.json").read_text())
    assert record["init"] in said
    assert record["init"].endswith("what is not matched begins as Normal(std=0.001)")


def test_a_resumed_run_asks_for_no_other_file(classified: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "copy"
    (elsewhere / "checkpoints").mkdir(parents=True)
    file = elsewhere / "checkpoints" / "last.ckpt"
    file.write_bytes((classified / "checkpoints" / "last.ckpt").read_bytes())
    assert main(begin(elsewhere, tmp_path / "pose")) == 0
    file.unlink()
    assert main(["train", "--resume", str(tmp_path / "pose"), "trainer.max_epochs=2"]) == 0
    content = read_checkpoint(tmp_path / "pose" / "checkpoints" / "last.ckpt")
    assert content["global_step"] == 4
    body = "model.body.stem.0.0.weight"
    assert torch.equal(content["state_dict"][body], weights(classified)[body])


def test_a_network_of_another_width_is_refused(
    classified: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(begin(classified, tmp_path / "pose", "model.width=4")) == 1
    error = capsys.readouterr().err
    assert "init.file must hold all weights of body of HRNet" in error
    assert "is 8 x 256 x 3 x 3, not 4 x 256 x 3 x 3" in error
