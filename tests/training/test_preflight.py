"""What is found wrong with a run before anything of it is made."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import torch
import wandb
from torch import nn

from posepyr.cli import train
from posepyr.configuration.compose import Composer
from posepyr.errors import UsageError
from posepyr.metrics.scorer import Scorer
from posepyr.records import Predictions, Truth
from posepyr.running import launch
from posepyr.skeleton import Skeleton
from posepyr.training.preflight import check_run
from support.archives import write_pose_archives

TINY = [
    "model.stacks=1", "model.width=16", "model.block.width=4", "model.depth=2", "data.input_size=[32,32]",
    "data.batch_size=4", "data.workers=0", "trainer.max_epochs=1", "trainer=cpu", "progress=false",
    "callbacks=none",
]  # fmt: skip
FIGURES = [*TINY, "data.source.train=4", "data.source.val=4", "data.source.test=4", "data.source.size=64"]


class Own(Scorer):
    """A score of somebody's own, of which nothing is known beforehand."""

    def __init__(self, skeleton: Skeleton) -> None:
        pass

    def __call__(self, predictions: Predictions, truth: Truth, mask: object = None) -> dict[str, float]:
        return {"own": 1.0}


class AsksForNumbers(nn.Module):
    """A network that cannot be built without weights that hold numbers."""

    def __init__(self, joints: int, stacks: int, width: int, depth: int) -> None:
        super().__init__()
        self.strides = (int(torch.ones(1).item()),)


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer()


def complaint(composer: Composer, *overrides: str) -> str:
    with pytest.raises(ValueError) as caught:
        check_run(composer.job([*FIGURES, *overrides]).config)
    return str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["checkpoint.monitor=val/pk"], r"^checkpoint\.monitor must be .*, got 'val/pk'; did you mean val/pck or"),
        (["checkpoint.monitor=val/loss"], r"^checkpoint\.monitor must be .*'val/loss'; did you mean train/loss\?"),
        (["checkpoint.monitor=val_stage_1/pck"], r"^checkpoint\.monitor must"),
        (["checkpoint.monitor=train/pck"], r"^checkpoint\.monitor must"),
        (["trainer.accelerator=gp"], r"^trainer\.accelerator must be .*'gp'; did you mean gpu\?"),
        (["trainer.strategy=dpp"], r"^trainer\.strategy must be .*'dpp'; did you mean ddp"),
        (["trainer.devices=0"], r"^trainer\.devices must be .*got 0: on the CPU, 1 or more"),
        (["trainer.strategy=fsdp"], r"^trainer must be settings that Lightning accepts: .*fsdp"),
        (["model.width=0"], r"^model\.width must be"),
        (
            ["init=pretrained", "init.file=gone.ckpt"],
            r"^init\.file must be a checkpoint that is there, got .*gone\.ckpt",
        ),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_the_key_at_fault_is_named(composer: Composer, overrides: list[str], expected: str) -> None:
    assert re.search(expected, complaint(composer, *overrides))


def test_devices_are_those_of_this_machine(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert complaint(composer, "trainer=gpu").startswith("trainer.accelerator must be one that this machine has")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for devices in ("3", "[0,2]", "'2,3'"):
        text = complaint(composer, "trainer=gpu", f"trainer.devices={devices}")
        assert text.startswith("trainer.devices must be devices that are there, got ")
        assert text.endswith("this machine has 2 GPUs, numbered from 0")


@pytest.mark.parametrize(
    "overrides",
    [
        ["protocol.stages=true", "checkpoint.monitor=val_stage_1/pck"],
        ["data.train_scored=2", "checkpoint.monitor=train/pck/wrist"],
        ["checkpoint.monitor=train/loss", "checkpoint.mode=min"],
        ["checkpoint.monitor=train/loss/stage_2"],
        ["checkpoint.monitor=val/own", f"+metrics.own={{_target_: {__name__}.Own}}"],
        ["checkpoint.monitor=val/own", "+callbacks.own={_target_: support.exhausting.ExhaustsMemoryInValidation}"],
        [f"model._target_={__name__}.AsksForNumbers", "~model.block"],
        ["trainer.accelerator=cpu", "trainer.devices=2", "trainer.strategy=ddp"],
    ],
    ids=lambda overrides: overrides[-1],
)
def test_what_may_be_right_is_let_through(composer: Composer, overrides: list[str]) -> None:
    check_run(composer.job([*FIGURES, *overrides]).config)


def test_a_notebook_may_have_several_processes(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning refuses them in an interactive session; posepyr starts them outside of it."""
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    monkeypatch.setattr("pytorch_lightning.trainer.connectors.accelerator_connector._IS_INTERACTIVE", True)
    check_run(composer.job([*FIGURES, "trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]).config)


def test_classifiers_have_scores_of_their_own(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = ["data=cifar10", "classifier=resnet_50", "trainer=cpu", "callbacks=none"]
    for monitor, expected in (("val/top1", "CIFAR-10 must lie complete in"), ("val/pck", "checkpoint.monitor must")):
        with pytest.raises(ValueError, match=expected):
            check_run(composer.job([*classifier, f"checkpoint.monitor={monitor}"]).config)


def test_data_that_is_missing_is_found_before_there_is_a_folder_or_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POSEPYR_DATA", raising=False)
    monkeypatch.setattr(wandb, "init", lambda **_: pytest.fail("a W&B run was started"))
    with pytest.raises(ValueError, match="COCO must lie complete in"):
        train.run([*TINY, "data=coco", "metrics=coco", "logger=wandb"])
    with pytest.raises(ValueError, match="COCO must lie complete in"):
        launch.train(Composer().job([*TINY, "data=coco", "metrics=coco", "logger=wandb"]).config)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives")
    write_pose_archives(folder)
    return folder


@pytest.mark.parametrize(
    "data", ["coco", "coco_detections", "mpii", "lsp", "lspet", "lsp_mpii", "posetrack", "coco_ai"]
)
def test_files_are_looked_for_without_being_read(
    composer: Composer, archives: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str
) -> None:
    monkeypatch.setenv("POSEPYR_DATA", str(archives))
    extra = {
        "lspet": ["data.source.splits={val: [0, 2], test: [0, 2]}"],
        "posetrack": ["data.source.folder=posetrack17"],
    }
    job = composer.job([*TINY, f"data={data}", *extra.get(data, []), "checkpoint.monitor=val/pck", "metrics=pck"])
    check_run(job.config)
    monkeypatch.setenv("POSEPYR_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=str(tmp_path)):
        check_run(job.config)


def test_annotations_that_cannot_be_read_leave_no_run_folder(
    archives: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(archives / "coco", tmp_path / "data" / "coco")
    file = tmp_path / "data" / "coco" / "annotations" / "person_keypoints_val2017.json"
    file.write_text(json.dumps({"images": []}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POSEPYR_DATA", raising=False)
    with pytest.raises(ValueError, match="categories must be given"):
        train.run([*TINY, "data=coco", "metrics=coco", "hydra.run.dir=runs/one"])
    assert list(tmp_path.glob("runs/*")) == []


def test_scores_that_the_data_has_nothing_for_are_refused_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="PCKh must have data that knows the size of heads"):
        train.run([*FIGURES, "metrics=pckh", "hydra.run.dir=runs/one"])
    assert list(tmp_path.glob("runs/*")) == []
    folder = tmp_path / "named"
    folder.mkdir()
    with pytest.raises(ValueError, match="PCKh must have data"):
        launch.train(Composer().job([*FIGURES, "metrics=pckh"]).config, folder=folder)
    assert folder.is_dir(), "a folder that the caller has made stays"


def test_a_monitor_is_refused_with_a_usage_error(composer: Composer) -> None:
    with pytest.raises(UsageError):
        check_run(composer.job([*FIGURES, "checkpoint.monitor=val/pk"]).config)
