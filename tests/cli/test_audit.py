"""``posepyr audit``: which networks it compares, that they are those of training, what it says and writes."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from posepyr.cli import audit
from posepyr.cli.audit import audited, labels, measure
from posepyr.cli.main import main
from posepyr.configuration.compose import Composer
from posepyr.initialisation.schemes import NORMS
from posepyr.studies import variance_audit
from posepyr.studies.variance_audit import make_material, make_trial, training_material
from posepyr.training.build import make_run
from posepyr.variance.curves import audit as studied

TINY = ["model.stacks=1", "model.depth=1", "model.width=32", "data.source.size=64"]
SMALL = ["model=hourglass", *TINY, "--input", "32x32"]
OUTPUTS = (1 + 4 + 3 + 4) + 4 * 3 + 2 + (3 + 4 + 1)
"""Convolutions of the stem, of the hourglass's four residuals, and behind them; residuals and the hourglass."""


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer()


def test_help_is_at_once() -> None:
    code = (
        "import sys; from posepyr.cli.main import main\n"
        "try: main(['audit', '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'hydra', 'omegaconf', 'numpy', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--no-norms" in done.stdout


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


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--batch", "1"], 2, "--batch must be at least 2, got 1"),
        (["--steps", "-1"], 2, "--steps must be at least 0, got -1"),
        (["--seeds", "0"], 2, "--seeds must be at least 1, got 0"),
        (["--input", "64"], 2, "--input must be HEIGHTxWIDTH, as 256x192, got 64"),
        (["model=hourglas"], 2, "did you mean hourglass"),
        (["init=xavier,msl"], 2, "did you mean msr"),
        ([*SMALL[:-1], "33x32"], 1, "image must"),
    ],
)
def test_what_it_refuses(arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *arguments]) == code
    assert message in capsys.readouterr().err


def test_from_the_command_to_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["audit", *SMALL, "init=msr,xavier", "--steps", "1", "--seeds", "2", "--batch", "3", "--at", "all"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    for words in (f"msr: {OUTPUTS} outputs", "at 3 pictures of its training data, 32x32, 2 times", "xavier, 1 steps"):
        assert words in said
    with (tmp_path / "out" / "variances.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    runs = {(row["network"], row["seed"], row["step"]) for row in rows}
    assert runs == {(network, seed, step) for network in ("msr", "xavier") for seed in "01" for step in "01"}
    assert len(rows) == 8 * OUTPUTS
    assert {"block", "convolution"} == {row["place"] for row in rows}
    # The stem's convolution reads the picture alone: its responses go by the variance of its weights.
    first = {
        (row["network"], row["seed"]): float(row["response_variance"])
        for row in rows
        if (row["name"], row["step"]) == ("stem.0", "0")
    }
    ratios = [first["msr", seed] / first["xavier", seed] for seed in "01"]
    # 2 / n_i over 2 / (n_i + n_o), of weights that are drawn from the same numbers.
    assert ratios == pytest.approx([(3 + 8) / 3] * 2, rel=1e-3)
    report = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert {key: report[key] for key in ("at", "steps", "seeds", "batch", "norms")} == {
        "at": "all", "steps": 1, "seeds": 2, "batch": 3, "norms": True,
    }  # fmt: skip
    assert report["command"] == f"posepyr {' '.join(command)} --output {tmp_path / 'out'}"
    assert [network["label"] for network in report["networks"]] == ["msr", "xavier"]
    assert report["networks"][0]["config"]["data"]["input_size"] == [32, 32]
    assert (tmp_path / "out" / "variances.png").stat().st_size > 10_000


@pytest.mark.parametrize("init", ["torch", "msr", "multibranch"])
def test_the_weights_are_those_that_training_begins_with(composer: Composer, init: str) -> None:
    config = composer.job(["model=hourglass_prm", *TINY, f"init={init}", "seed=5"]).config
    torch.manual_seed(config["seed"])
    run = make_run(config)
    trial = make_trial(config, 5, (32, 32), training_material(config, 2), norms=True, device="cpu")
    expected = run.task.model.state_dict()
    assert trial.model.state_dict().keys() == expected.keys()
    for name, value in trial.model.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert type(trial.optimizer) is torch.optim.RMSprop
    assert trial.optimizer.defaults["lr"] == config["optimizer"]["lr"]


def test_the_batches_are_those_that_training_begins_with(composer: Composer) -> None:
    config = composer.job([*TINY, "data.source.train=5", "data.batch_size=2", "data.workers=0", "seed=1"]).config
    material = training_material(config, 2)
    data = make_run(config).data
    for step, batch in enumerate(data.train_dataloader()):
        assert torch.equal(material.batch(step).image, batch.image)
        assert torch.equal(material.batch(step).keypoints, batch.keypoints)
    assert step == 1, "of five people two batches"
    assert torch.equal(material.batch(2).sample, material.batch(0).sample)


def test_the_loss_is_the_tasks(composer: Composer) -> None:
    config = composer.job([*TINY, "visibility=signed", "loss=hard_joints"]).config
    batch = training_material(config, 2).batch(0)
    losses = []
    for seed in (0, 1):
        trial = make_trial(config, seed, (256, 256), training_material(config, 2), norms=True, device="cpu")
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
def test_without_the_data_pictures_are_made_up(
    overrides: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSEPYR_DATA", str(tmp_path))
    options = audit._parser().parse_args([*overrides, "--input", "64x32", "--no-norms", "--steps", "1"])
    networks = audited(options)
    (network,) = networks
    assert network.size == (64, 32)
    material = make_material(network.config, network.size, 3)
    assert material.what.startswith("made-up pictures")
    assert reason in material.what
    assert material.batch(0).image.shape == (3, 3, 64, 32)
    assert not torch.equal(material.batch(0).image, material.batch(1).image)
    measured, _ = measure(networks, options)
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
        make_trial(config, 0, (32, 32), training_material(config, 2), norms=norms, device="cpu")
    assert seen == [True, False]


def test_training_logs_what_is_audited(tmp_path: Path) -> None:
    sizes = ["model.stacks=1", "model.width=32", "data.input_size=[32,32]", "data.batch_size=4", "data.source.size=64"]
    numbers = ["data.source.train=8", "data.source.val=2", "data.source.test=2", "trainer.max_epochs=1"]
    quiet = ["trainer=cpu", "progress=false", "test=false", f"hydra.run.dir={tmp_path / 'run'}"]
    assert main(["train", "experiment=pyranet/variance_figures", "recompute=true", *sizes, *numbers, *quiet]) == 0
    with (tmp_path / "run" / "metrics.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    config = Composer().job(["experiment=pyranet/variance_figures", *sizes, *numbers]).config
    material = training_material(config, 4)
    trial = make_trial(config, 0, (32, 32), material, norms=True, device="cpu")
    (audited,) = studied("", trial, "blocks", 0, 0)
    assert first["step"] == "0"
    for row in audited.rows:
        assert row.gradient is not None
        for what, moments in (("response", row.response), ("gradient", row.gradient)):
            assert float(first[f"train/{what}_variance/{row.name}"]) == pytest.approx(moments.variance, rel=1e-3)
    assert (tmp_path / "run" / "pictures" / "variances.png").is_file()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_eight_stacks_on_one_thread_take_less_than_a_minute() -> None:
    command = ["audit", "model=hourglass", "model.stacks=8", "model.shortcut=identity,convolution"]
    threads, begun = torch.get_num_threads(), time.process_time()
    torch.set_num_threads(1)
    try:
        assert main(command) == 0
    finally:
        torch.set_num_threads(threads)
    # Of the processor: others may be at work.
    assert time.process_time() - begun < 60
