"""The audit: names of networks, that they and their batches are those of training, synthetic pictures without data."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from posepyr.cli.main import main
from posepyr.configuration.compose import Composer
from posepyr.initialisation.schemes import NORMS
from posepyr.studies import variance_audit
from posepyr.studies.variance_audit import (
    AuditSettings,
    choose_networks,
    labels,
    make_batches,
    make_trainable,
    measure,
    training_batches,
)
from posepyr.training.build import make_run
from posepyr.variance.curves import audit

TINY = ["model.stacks=1", "model.depth=1", "model.width=32", "data.source.size=64"]


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer()


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["model=hourglass"], ["hourglass"]),
        (["classifier=wide_resnet_28_10"], ["wide_resnet_28_10"]),
        (["init=xavier,msr", "seed=3"], ["xavier", "msr"]),
        (["model=hourglass", "model.shortcut=identity,convolution"], ["shortcut=identity", "shortcut=convolution"]),
        (
            ["init=xavier,msr", "model.stacks=1,2"],
            ["xavier, stacks=1", "xavier, stacks=2", "msr, stacks=1", "msr, stacks=2"],
        ),
        (["seed=0,1"], ["seed=0", "seed=1"]),
        (["sweep=init"], ["torch", "xavier", "msr", "multibranch"]),
        (["sweep=pyranet/ladder"], ["hourglass", "hourglass_control", "hourglass_prm"]),
    ],
)
def test_networks_are_called_by_what_they_differ_in(
    composer: Composer, overrides: list[str], expected: list[str]
) -> None:
    assert labels(composer.jobs(overrides)) == expected


@pytest.mark.parametrize("init", ["torch", "msr", "multibranch"])
def test_the_weights_are_those_that_training_begins_with(composer: Composer, init: str) -> None:
    config = composer.job(["model=hourglass_prm", *TINY, f"init={init}", "seed=5"]).config
    torch.manual_seed(config["seed"])
    run = make_run(config)
    trial = make_trainable(config, seed=5, size=(32, 32), batches=training_batches(config, 2), norms=True, device="cpu")
    expected = run.task.model.state_dict()
    assert trial.model.state_dict().keys() == expected.keys()
    for name, value in trial.model.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert type(trial.optimizer) is torch.optim.RMSprop
    assert trial.optimizer.defaults["lr"] == config["optimizer"]["lr"]


def test_the_batches_are_those_that_training_begins_with(composer: Composer) -> None:
    config = composer.job([*TINY, "data.source.train=5", "data.batch_size=2", "data.workers=0", "seed=1"]).config
    batches = training_batches(config, 2)
    data = make_run(config).data
    for step, batch in enumerate(data.train_dataloader()):
        assert torch.equal(batches.batch(step).image, batch.image)
        assert torch.equal(batches.batch(step).keypoints, batch.keypoints)
    assert step == 1, "of five people two batches"
    assert torch.equal(batches.batch(2).sample, batches.batch(0).sample)


def test_the_loss_is_the_tasks(composer: Composer) -> None:
    config = composer.job([*TINY, "visibility=signed", "loss=hard_joints"]).config
    batch = training_batches(config, 2).batch(0)
    losses = []
    for seed in (0, 1):
        trial = make_trainable(
            config, seed=seed, size=(256, 256), batches=training_batches(config, 2), norms=True, device="cpu"
        )
        torch.manual_seed(seed)
        task = make_run(config).task
        assert trial.loss(batch).item() == task.losses(batch).sum().item()  # type: ignore[operator]
        losses.append(trial.loss(batch).item())
    assert losses[0] != losses[1]


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["data=coco", *TINY[:3]], "COCO must lie complete"),
        (["classifier=wide_resnet_28_10", "classifier.depth=10", "classifier.widen=1", "data=cifar10"], "must lie"),
        (["classifier=wide_resnet_28_10", "classifier.depth=10", "classifier.widen=1"], ""),
    ],
)
def test_without_the_data_pictures_are_synthetic(
    overrides: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSEPYR_DATA", str(tmp_path))
    (network,) = choose_networks(overrides, size=(64, 32))
    assert network.size == (64, 32)
    batches = make_batches(network.config, network.size, 3)
    assert batches.origin.startswith("synthetic pictures")
    assert reason in batches.origin
    assert batches.batch(0).image.shape == (3, 3, 64, 32)
    assert not torch.equal(batches.batch(0).image, batches.batch(1).image)
    measured, _ = measure([network], AuditSettings("blocks", 1, 1, 2, False), "cpu")
    for row in measured[1].rows:
        assert np.isfinite([*row.response, *(row.gradient or ())]).all()


def test_norms_are_left_out_before_the_weights_are_drawn(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Multi-branch weights hang on where norms are."""
    seen: list[bool] = []

    def initialise(model: nn.Module, _config: object) -> None:
        seen.append(any(isinstance(module, NORMS) for module in model.modules()))

    monkeypatch.setattr(variance_audit, "initialise", initialise)
    config = composer.job(["model=hourglass", *TINY]).config
    for norms in (True, False):
        make_trainable(config, seed=0, size=(32, 32), batches=training_batches(config, 2), norms=norms, device="cpu")
    assert seen == [True, False]


def test_training_logs_what_is_audited(tmp_path: Path) -> None:
    sizes = ["model.stacks=1", "model.width=32", "data.input_size=[32,32]", "data.batch_size=4", "data.source.size=64"]
    numbers = ["data.source.train=8", "data.source.val=2", "data.source.test=2", "trainer.max_epochs=1"]
    quiet = ["trainer=cpu", "progress=false", "test=false", f"hydra.run.dir={tmp_path / 'run'}"]
    assert main(["train", "experiment=pyranet/variance_figures", "recompute=true", *sizes, *numbers, *quiet]) == 0
    with (tmp_path / "run" / "metrics.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    config = Composer().job(["experiment=pyranet/variance_figures", *sizes, *numbers]).config
    batches = training_batches(config, 4)
    trial = make_trainable(config, seed=0, size=(32, 32), batches=batches, norms=True, device="cpu")
    (audited,) = audit("", trial, "blocks", 0, 0)
    assert first["step"] == "0"
    for row in audited.rows:
        assert row.gradient is not None
        for what, moments in (("response", row.response), ("gradient", row.gradient)):
            assert float(first[f"train/{what}_variance/{row.name}"]) == pytest.approx(moments.variance, rel=1e-3)
    assert (tmp_path / "run" / "pictures" / "variances.png").is_file()
