"""The papers' trainings by name, two steps of each: small networks, on drawn people in every archive's own layout."""

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from posepyr.checkpoints.storage import read_checkpoint, write_checkpoint
from posepyr.cli.main import main
from posepyr.configuration import catalogue
from posepyr.configuration.compose import Composer
from posepyr.nodes import build
from posepyr.ranks import local_process_count
from posepyr.training.memory.remedies import device_batch
from support.archives import TRAIN, VAL, write_mpii_archive, write_picture_archives, write_pose_archives
from support.recipes import ROWS, TRAININGS

EXPERIMENTS = catalogue.choices([catalogue.configuration_folder()], "experiment")
STUDIES = [name for name in EXPERIMENTS if name.startswith("figures/") or name.endswith("_mpii")]
LINES = {**TRAININGS, **{name: [f"experiment={name}"] for name in STUDIES}}

SHORT = [
    "trainer=cpu", "trainer.max_epochs=1", "trainer.log_every_n_steps=1", "data.workers=0", "progress=false",
    "trainer.limit_train_batches=2", "logger=csv", "callbacks=none", "data.batch_size=2",
]  # fmt: skip

SMALL = {
    "StackedHourglass": ["model.stacks=2", "model.width=32", "model.depth=2"],
    "HRNet": ["model.width=8", "model.modules=[1,1,1]", "model.blocks=1"],
    "CPN": ["model.width=8", "model.channels=16"],
    "SimpleBaseline": ["model.width=8", "model.upsampling=[16,16,16]"],
    "PPNet": ["model.width=8"],
    "MSSH": ["model.stages=3", "model.width=16", "model.depth=2"],
    "WideResNet": ["classifier.depth=10", "classifier.widen=1"],
    "ResNeXt": ["classifier.cardinality=1"],
    "HRNetClassifier": ["classifier.width=8", "classifier.modules=[1,1,1]", "classifier.blocks=1"],
    "PPNetClassifier": ["classifier.width=8"],
    "ResNetClassifier": ["classifier.width=8"],
}
"""What makes a network small, by its class."""

PEOPLE = f"{{train: [0, {TRAIN}], val: [{TRAIN}, {TRAIN + VAL}], test: [{TRAIN}, {TRAIN + VAL}]}}"

FAST = {
    "pyranet/mpii": {"test/pckh", "test/pckh@0.1", "best/val/pckh"},
    "pyranet/lsp": {"test/pck", "test/pcp", "test/pcp/torso"},
    "hrnet/coco": {"test/ap", "best/val/ar"},
    "hrnet/mpii": {"test/pckh", "test/pckh_weighted"},
    "hrnet/posetrack": {"last/val/map", "test/map/head"},
    "simple_baseline/coco": {"test/ap"},
    "cpn/coco loss=hard_joints loss.mined=last": {"test/ap"},
    "simple_baseline/mpii": {"test/pckh"},
    "ppnet/coco model=ppnet_m4_d2_w32": {"test/ap"},
    "ppnet/mpii": {"test/pckh_weighted"},
    "mssh/mpii": {"test/pckh", "best/val/occlusion", "test/occlusion/wrist"},
    "mssh/lsp": {"test/pck", "test/pcp", "test/occlusion"},
}
"""One for each family and data set, and scores that its run has to give."""


@pytest.fixture(scope="module", autouse=True)
def _archives(tmp_path_factory: pytest.TempPathFactory) -> object:
    root = tmp_path_factory.mktemp("archives")
    write_pose_archives(root / "data")
    write_picture_archives(root / "data")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("POSEPYR_DATA", str(root / "data"))
        environment.setenv("POSEPYR_WEIGHTS", str(root / "weights"))
        yield


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer()


def overrides(composer: Composer, name: str) -> list[str]:
    """A recipe made small: its network, its pictures and how long it takes."""
    config = composer.job(LINES[name]).config
    node = config.get("classifier") or config["model"]
    lines = [*LINES[name], *SHORT, *SMALL[node["_target_"].rpartition(".")[2]]]
    if config.get("classifier"):
        # Two steps do not settle the norms' statistics: large weights would make NaN of deep networks in validation.
        size = ["data.cut.size=[32,32]"] if name.startswith("imagenet") else []
        lines += ["init=normal", "optimizer.lr=1e-3", *size]
    else:
        lines.append("data.input_size=[96,96]")
    if "lsp" in config["data"]["source"].get("sources", ()):
        lines.append(f"data.source.sources.lsp.splits={PEOPLE}")
    return lines


def write_weights(composer: Composer, lines: list[str]) -> None:
    """What a recipe that begins with trained weights begins with: a network of its family, with COCO's joints."""
    config = composer.job(lines).config
    if "file" in config["init"]:
        network = build(config["model"], joints=17)
        state = {f"model.{key}": value for key, value in network.state_dict().items()}
        write_checkpoint(Path(config["init"]["file"]), {"posepyr": {}, "state_dict": state})


def trained(composer: Composer, name: str, folder: Path, *more: str) -> dict[str, float]:
    """The scores after two steps of a recipe, whose losses must be numbers."""
    lines = [*overrides(composer, name), *more]
    write_weights(composer, lines)
    assert main(["train", *lines, f"hydra.run.dir={folder}"]) == 0
    assert read_checkpoint(folder / "checkpoints" / "last.ckpt")["global_step"] == 2
    scores: dict[str, float] = json.loads((folder / "metrics.json").read_text())
    assert all(math.isfinite(score) for score in scores.values())
    header, *rows = (folder / "metrics.csv").read_text().splitlines()
    losses = [row.split(",")[header.split(",").index("train/loss")] for row in rows]
    assert [math.isfinite(float(loss)) for loss in losses if loss][:2] == [True, True]
    return scores


@pytest.mark.parametrize("name", FAST)
def test_one_of_each_family_and_data_set_trains(composer: Composer, name: str, tmp_path: Path) -> None:
    scores = trained(composer, name, tmp_path / "run")
    assert scores.keys() >= FAST[name]


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in LINES if name not in FAST])
def test_every_other_trains(composer: Composer, name: str, tmp_path: Path) -> None:
    scores = trained(composer, name, tmp_path / "run")
    assert any(score.startswith("best/val/") for score in scores)


def test_a_network_is_validated_at_one_scale_and_tested_at_six(composer: Composer, tmp_path: Path) -> None:
    # So wide that even two steps find something.
    scores = trained(
        composer, "pyranet/mpii_ablation model=hourglass init=torch", tmp_path / "run", "metrics.pckh.thresholds=[4,2]"
    )
    assert 0 < scores["last/val/pckh"] != scores["test/pckh"] > 0
    checkpoint = str(tmp_path / "run" / "checkpoints" / "last.ckpt")
    for split, protocol in (("val", ["protocol=flip"]), ("test", [])):
        out = tmp_path / split
        assert main(["evaluate", checkpoint, "--split", "val", *protocol, "--output", str(out)]) == 0
        [report] = json.loads((out / "val_scores.json").read_text())
        assert len(report["protocol"]["scales"]) == (1 if split == "val" else 6)
        name = "last/val/" if split == "val" else "test/"
        found = {key.replace("val/", name): score for key, score in report["scores"].items()}
        assert found == {key: score for key, score in scores.items() if key.startswith(name)}


@pytest.mark.parametrize("without", [(), ("metrics.occlusion=null",), ("visibility=masked",)])
def test_files_that_tell_no_occluded_joints_are_refused_where_the_training_needs_them(
    composer: Composer, tmp_path: Path, capsys: pytest.CaptureFixture[str], without: tuple[str, ...]
) -> None:
    lines = [*overrides(composer, "mssh/mpii"), "data.source.annotations='annot/{split}.json'", *without]
    assert main(["train", *lines, f"hydra.run.dir={tmp_path / 'run'}"]) == 1
    message = capsys.readouterr().err
    assert "source must tell occluded joints from visible ones" in message
    assert "mpii_human_pose_v1_u12_1.mat" in message
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_the_command_that_scores_gives_the_score_that_is_expected(composer: Composer, tmp_path: Path) -> None:
    trained(composer, "ppnet/coco", tmp_path / "run")
    row = next(row for row in ROWS if row.choices == ["experiment=ppnet/coco"])
    words = row.score.replace("RUN", str(tmp_path / "run")).split()
    assert main([*words[1:], "--output", str(tmp_path / "scores")]) == 0
    annotated, detected = json.loads((tmp_path / "scores" / "val_scores.json").read_text())
    assert (annotated["people"], detected["people"]) == (VAL, 2 * VAL)
    assert "val_detbox/ap" in detected["scores"]
    assert row.scores.keys() == {"val_detbox/ap"}


def test_four_processes_take_four_people_each(composer: Composer, tmp_path: Path) -> None:
    # PyraNet trains on 4 GPUs with a mini-batch of 16, RMSProp beginning at 7e-4 (section 5.1.1).
    write_mpii_archive(tmp_path / "data", train=48, val=5)
    four = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=4", "data.batch_size=16", "test=false"]
    small = [line for line in overrides(composer, "pyranet/mpii_ablation") if line != "data.batch_size=2"]
    lines = ["train", *small, *four, "trainer.limit_train_batches=3", "logger=csv", "data.train_scored=0"]
    done = subprocess.run(
        [sys.executable, "-m", "posepyr", *lines, f"hydra.run.dir={tmp_path / 'run'}"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "POSEPYR_DATA": str(tmp_path / "data")}, capture_output=True,
        text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("batch of 16 samples: 4 samples in each of 4 processes") == 1
    with (tmp_path / "run" / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    losses = [float(row["train/loss"]) for row in rows if row["train/loss"]]
    assert len(losses) == 3
    assert all(math.isfinite(loss) for loss in losses)
    assert {row["lr-RMSprop"] for row in rows} == {"", "0.0007"}


@pytest.mark.parametrize("name", ["pyranet/mpii_ablation", "pyranet/mpii"])
def test_the_rate_drops_at_the_150th_and_the_170th_epoch(composer: Composer, name: str) -> None:
    config = composer.job([f"experiment={name}"]).config
    # 22,246 people are trained on, and whole batches alone count.
    per_epoch = 22_246 // config["data"]["batch_size"]
    assert per_epoch == 1390
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer, schedule = build(config["optimizer"])([weight]), build(config["scheduler"])
    assert isinstance(optimizer, torch.optim.RMSprop)
    epochs = config["trainer"]["max_epochs"]
    assert epochs == 200

    def rate(epoch: int, step: int) -> float:
        share: float = schedule(epoch * per_epoch + step, epochs * per_epoch, per_epoch)
        return optimizer.param_groups[0]["lr"] * share

    # Epochs counted from 0, as Lightning does: 150 are over when the rate drops first.
    last = per_epoch - 1
    places = [(0, 0), (149, last), (150, 0), (169, last), (170, 0), (199, last)]
    assert [rate(*place) for place in places] == pytest.approx([7e-4, 7e-4, 7e-5, 7e-5, 7e-6, 7e-6])


def test_the_papers_own_machine_is_a_command(composer: Composer) -> None:
    config = composer.job(["experiment=pyranet/mpii", "trainer=ddp", "trainer.devices=4"]).config
    assert local_process_count(config["trainer"]) == 4
    assert config["trainer"]["strategy"] == "ddp"
    assert (config["data"]["batch_size"], device_batch(config)) == (16, 4)
