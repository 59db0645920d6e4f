"""The files that ship: every choice of every group composes and passes the check."""

from pathlib import Path

import pytest
import torch

from posepyr.checkpoints.recipe import build
from posepyr.cli import catalogue, listing
from posepyr.cli.compose import Composer
from posepyr.cli.faults import UsageError

FOLDER = catalogue.configuration_folder()
FILES = sorted(FOLDER.rglob("*.yaml"))
CHOICES = [
    f"{group}={choice}"
    for group in catalogue.groups([FOLDER])
    if "/" not in group
    for choice in catalogue.choices([FOLDER], group)
]


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer()


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_composes(composer: Composer, choice: str) -> None:
    try:
        config = composer.job([choice]).config
    except UsageError as error:
        # What only the user can know, as where a data set lies.
        assert all(" must be given: add data." in line for line in str(error).splitlines()), error
    else:
        assert "seed" in config


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_every_file_says_what_it_is(path: Path) -> None:
    assert catalogue.header(path).title
    lines = path.read_text(encoding="utf-8").splitlines()
    packages = [number for number, line in enumerate(lines) if line.startswith("# @package")]
    assert packages in ([], [0]), "Hydra reads the package from the first line alone"


def test_a_swept_group_of_the_default_configuration_is_checked(composer: Composer) -> None:
    with pytest.raises(UsageError, match=r"model\.stacks must be int, got 'x'"):
        composer.jobs(["model=hourglass,hourglass_prm", "model.stacks=2,x"])


def test_arguments_of_other_libraries_are_keys_as_well(composer: Composer) -> None:
    config = composer.job(["trainer.gradient_clip_val=0.5", "optimizer.momentum=0.9", "trainer=cpu"]).config
    assert config["trainer"]["gradient_clip_val"] == 0.5
    assert config["trainer"]["accelerator"] == "cpu"
    assert build(config["optimizer"])([torch.zeros(1, requires_grad=True)]).defaults["momentum"] == 0.9
    with pytest.raises(UsageError, match=r"did you mean trainer\.max_epochs"):
        composer.job(["trainer.max_epoch=3"])
    with pytest.raises(UsageError, match=r"did you mean bf16"):
        composer.job(["trainer.precision=bf17"])


def test_models_are_counted_without_being_built(composer: Composer) -> None:
    rows = {row["name"]: row for row in listing.rows_of([FOLDER], "models")}
    config = composer.job(["model=hourglass"]).config
    network = build(config["model"], joints=16)
    assert rows["hourglass"]["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert rows["hourglass"]["command"] == "posepyr train model=hourglass"
