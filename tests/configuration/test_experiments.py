"""The experiments that ship: what a file says of itself is the paper's, and what it makes of a run is what it says."""

from typing import Any

import pytest
import torch

from posepyr.cli import completion, listing
from posepyr.configuration import catalogue
from posepyr.configuration.compose import Composer
from posepyr.measurement.complexity import build_on_meta
from posepyr.nodes import build

FOLDER = catalogue.configuration_folder()
EXPERIMENTS = catalogue.choices([FOLDER], "experiment")

TABLE_3 = {
    "cifar10/wrn_28_10": ("WRN-28-10", 36.5, 4.17),
    "cifar10/wrn_28_9_prm": ("Ours-28-9", 36.4, 3.82),
    "cifar10/wrn_28_10_prm": ("Ours-28-10", 42.3, 3.67),
    "cifar10/resnext_29_8x64d": ("ResNeXt-29, 8x64d", 34.4, 3.65),
    "cifar10/resnext_29_16x64d": ("ResNeXt-29, 16x64d", 68.2, 3.58),
    "cifar10/resnext_29_8x64d_prm": ("Ours-29, 8x64d", 45.6, 3.39),
    "cifar10/resnext_29_16x64d_prm": ("Ours-29, 16x64d", 79.3, 3.30),
}
"""PyraNet's: the row, millions of parameters, and the error in percent."""

IMAGENET = {
    "imagenet/hrnet_w32": ("22.7%, top-5 error of 6.5%: val/top1 0.773, val/top5 0.935", "posepyr.models.hrnet"),
    "imagenet/hrnet_w48": ("22.1%, top-5 error of 6.1%: val/top1 0.779, val/top5 0.939", "posepyr.models.hrnet"),
    "imagenet/ppnet_m2_d2_w32": ("72.1 AP at 256x192 and 73.8 at 384x288", "posepyr.models.ppnet"),
    "imagenet/ppnet_m4_d2_w32": ("73.8 AP at 256x192 and 75.7 at 384x288", "posepyr.models.ppnet"),
    "imagenet/resnet_50": ("23.9%", "posepyr.models.resnet"),
    "imagenet/resnet_101": ("22.6%", "posepyr.models.resnet"),
    "imagenet/resnet_152": ("21.7%", "posepyr.models.resnet"),
}


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer()


def settings(config: dict[str, Any]) -> dict[str, Any]:
    """How a run trains: the rate at the start of each stretch of epochs, and what else there is to say."""
    schedule, epochs = build(config["scheduler"]), config["trainer"]["max_epochs"]
    optimizer = build(config["optimizer"])([torch.zeros(1, requires_grad=True)])
    rates = {epoch: optimizer.defaults["lr"] * schedule(10 * epoch, 10 * epochs, 10) for epoch in range(epochs)}
    return {
        "rates": {epoch: rate for epoch, rate in rates.items() if rate != rates.get(epoch - 1)},
        "epochs": epochs,
        "optimizer": type(optimizer).__name__,
        **{key: optimizer.defaults[key] for key in ("momentum", "nesterov", "weight_decay")},
        "batch": build(config["data"], seed=0).batch_size,
        "monitor": (config["checkpoint"]["monitor"], config["checkpoint"]["mode"]),
        "init": type(build(config["init"])).__name__,
        "name": config["name"],
    }


SHARED = {"optimizer": "SGD", "momentum": 0.9, "nesterov": True, "monitor": ("val/top1", "max"), "init": "MSR"}


@pytest.mark.parametrize("name", TABLE_3)
def test_classifiers_of_table_3(composer: Composer, name: str) -> None:
    row, millions, error = TABLE_3[name]
    notes = catalogue.header(EXPERIMENTS[name]).notes
    assert f"table 3, row {row};" in notes["paper"]
    assert f"top-1 error of {error:.2f}%, val/top1 {(100 - error) / 100:.4f} " in notes["expected"]
    config = composer.job([f"experiment={name}"]).config
    network = build_on_meta(config["classifier"], classes=10)
    assert sum(parameter.numel() for parameter in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.051)
    wide = "wrn" in name
    rates = {0: 0.1, 60: 0.02, 120: 0.004, 160: 0.0008} if wide else {0: 0.1, 150: 0.01, 225: 0.001}
    assert settings(config) == {
        **SHARED, "rates": pytest.approx(rates), "epochs": 200 if wide else 300, "weight_decay": 5e-4, "batch": 128,
        "name": name.replace("/", "_"),
    }  # fmt: skip
    cut = build(config["data"]["cut"])
    assert (cut.fill, cut.padding, cut.flip_probability) == ("reflection" if wide else "mean", 4, 0.5)


@pytest.mark.parametrize("name", IMAGENET)
def test_classifiers_on_imagenet(composer: Composer, name: str) -> None:
    expected, module = IMAGENET[name]
    assert expected in catalogue.header(EXPERIMENTS[name]).notes["expected"]
    config = composer.job([f"experiment={name}"]).config
    assert config["classifier"]["_target_"].startswith(module)
    network = build_on_meta(config["classifier"], classes=1000)
    assert network(torch.empty(2, 3, 224, 224, device="meta")).shape == (2, 1000)
    assert settings(config) == {
        **SHARED, "rates": pytest.approx({0: 0.1, 30: 0.01, 60: 0.001, 90: 0.0001}), "epochs": 100,
        "weight_decay": 1e-4, "batch": 256, "name": name.replace("/", "_"),
    }  # fmt: skip
    assert build(config["data"]["cut"]).size == (224, 224)


def test_every_classifier_has_an_experiment(composer: Composer) -> None:
    chosen = {composer.job([f"experiment={name}"]).composed.hydra.runtime.choices.classifier for name in TABLE_3}
    chosen |= {name.partition("/")[2] for name in IMAGENET}
    assert chosen == set(catalogue.choices([FOLDER], "classifier"))


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if "/" in name])
def test_files_in_folders_say_where_they_are_from_and_how_they_are_run(name: str) -> None:
    notes = catalogue.header(EXPERIMENTS[name]).notes
    assert {"paper", "expected"} <= notes.keys()
    assert notes["command"] == f"posepyr train experiment={name}"


def test_experiments_in_folders_are_listed_and_completed() -> None:
    rows = {row["name"]: row for row in listing.rows_of([FOLDER], "experiments")}
    assert rows["cifar10/wrn_28_10"]["command"] == "posepyr train experiment=cifar10/wrn_28_10"
    assert {*TABLE_3, *IMAGENET} <= rows.keys()
    wide = [f"experiment={name}" for name in sorted(TABLE_3) if "wrn" in name]
    assert completion.candidates([FOLDER], "train", "experiment=cifar10/w") == wide
