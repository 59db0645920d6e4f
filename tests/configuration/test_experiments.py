"""The experiments that ship: their headers, and the trainings of classifiers as the papers have them."""

from typing import Any

import pytest
import torch

from posepyr.cli import completion, listing
from posepyr.configuration import catalogue
from posepyr.configuration.compose import Composer
from posepyr.configuration.papers import PaperRow, papers
from posepyr.measurement.complexity import build_on_meta
from posepyr.nodes import build
from support.recipes import ROWS, TRAININGS

FOLDER = catalogue.configuration_folder()
EXPERIMENTS = catalogue.choices([FOLDER], "experiment")

TABLE_3 = [row for row in ROWS if row.place.paper == "PyraNet" and row.place.table == "3" and row.scores]
"""PyraNet's."""

IMAGENET = [line for line in TRAININGS if line.startswith("imagenet")]


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


@pytest.mark.parametrize("row", TABLE_3, ids=lambda row: row.what)
def test_classifiers_of_table_3(composer: Composer, row: PaperRow) -> None:
    config = composer.job(row.choices).config
    network = build_on_meta(config["classifier"], classes=10)
    millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    assert millions == pytest.approx(float(row.size.parameters), abs=0.051)
    wide = "28-" in row.what
    rates = {0: 0.1, 60: 0.02, 120: 0.004, 160: 0.0008} if wide else {0: 0.1, 150: 0.01, 225: 0.001}
    assert settings(config) == {
        **SHARED, "rates": pytest.approx(rates), "epochs": 200 if wide else 300, "weight_decay": 5e-4, "batch": 128,
        "name": "cifar10_wide_resnet" if wide else "cifar10_resnext",
    }  # fmt: skip
    cut = build(config["data"]["cut"])
    assert (cut.fill, cut.padding, cut.flip_probability) == ("reflection" if wide else "mean", 4, 0.5)


@pytest.mark.parametrize("line", IMAGENET)
def test_classifiers_on_imagenet(composer: Composer, line: str) -> None:
    config = composer.job(TRAININGS[line]).config
    network = build_on_meta(config["classifier"], classes=1000)
    assert network(torch.empty(2, 3, 224, 224, device="meta")).shape == (2, 1000)
    assert settings(config) == {
        **SHARED, "rates": pytest.approx({0: 0.1, 30: 0.01, 60: 0.001, 90: 0.0001}), "epochs": 100,
        "weight_decay": 1e-4, "batch": 256, "name": "imagenet",
    }  # fmt: skip
    assert build(config["data"]["cut"]).size == (224, 224)


def test_every_classifier_is_a_rows() -> None:
    default = {
        "cifar10/wide_resnet": "wide_resnet_28_10",
        "cifar10/resnext": "resnext_29_8x64d",
        "imagenet": "hrnet_w32",
    }
    chosen = set()
    for line in TRAININGS:
        experiment, *overrides = line.split()
        named = [one.partition("=")[2] for one in overrides if one.startswith("classifier=")]
        chosen |= set(named) or ({default[experiment]} if experiment in default else set())
    assert chosen == set(catalogue.choices([FOLDER], "classifier"))


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if "/" in name])
def test_files_in_folders_say_where_they_are_from(name: str) -> None:
    notes = catalogue.header(EXPERIMENTS[name]).notes
    assert "paper" in notes
    # Numbers stand in the papers' tables alone, apart from those of our own studies.
    assert ("rows" in notes) != ("expected" in notes)
    if "rows" in notes:
        paper = notes["rows"].removeprefix("posepyr list ")
        assert any(row.experiment == name for row in papers()[paper].rows)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_names_and_commands_follow_from_the_path(composer: Composer, name: str) -> None:
    assert "name" not in catalogue.read_yaml(EXPERIMENTS[name])
    assert "command" not in catalogue.header(EXPERIMENTS[name]).notes
    if "/" not in name:
        assert composer.job([f"experiment={name}"]).config["name"] == name
        assert composer.job([f"experiment={name}", "name=own"]).config["name"] == "own"


def test_a_run_without_an_experiment_is_called_train(composer: Composer) -> None:
    for line in ([], ["~experiment"]):
        job = composer.job(line)
        assert job.config["name"] == "train"
        assert str(job.composed.hydra.run.dir).startswith("runs/train/")


def test_experiments_in_folders_are_listed_and_completed() -> None:
    lines = {line["name"]: line for line in listing.lines_of([FOLDER], "experiments")}
    assert lines["cifar10/wide_resnet"]["command"] == "posepyr train experiment=cifar10/wide_resnet"
    assert lines.keys() == EXPERIMENTS.keys()
    assert completion.candidates([FOLDER], ["train", "experiment=cifar10/w"]) == ["experiment=cifar10/wide_resnet"]
