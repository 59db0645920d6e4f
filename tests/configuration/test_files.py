"""The files that ship: every choice of every group composes and passes the check."""

from pathlib import Path

import pytest
import torch

from posepyr.configuration import catalogue
from posepyr.configuration.compose import Composer
from posepyr.configuration.outline import outline
from posepyr.errors import UsageError
from posepyr.measurement.complexity import build_on_meta
from posepyr.nodes import build

FOLDER = catalogue.configuration_folder()
FILES = sorted(FOLDER.rglob("*.yaml"))
CHOICES = {group: list(catalogue.choices([FOLDER], group)) for group in catalogue.groups([FOLDER]) if "/" not in group}
APART = ("data", "skeleton", "experiment", "input", "sweep")
"""Groups whose choices reach into others."""
NEEDED = {
    "data=custom": ["data.source.file=own.yaml"],
    "skeleton=custom": ["data=custom", "data.source.file=own.yaml"],
    "init=pretrained": ["init.file=trained.ckpt"],
}
"""What only the user can know."""


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer()


@pytest.mark.parametrize(
    "choice",
    # The papers' experiments, which lie in folders, are composed in test_recipes and test_experiments.
    [f"{group}={name}" for group in APART for name in CHOICES[group] if "/" not in name],
)
def test_every_choice_that_reaches_further_composes(composer: Composer, choice: str) -> None:
    # A sweep by name is several runs.
    first = composer.jobs if choice.startswith("sweep=") else lambda lines: [composer.job(lines)]
    chosen = first([choice, *NEEDED.get(choice, [])])[0].composed.hydra.runtime.choices
    assert f"{choice.split('=')[0]}={chosen[choice.split('=')[0]]}" == choice


@pytest.mark.parametrize("number", range(max(len(names) for group, names in CHOICES.items() if group not in APART)))
def test_every_other_choice_composes(composer: Composer, number: int) -> None:
    """The first of every group, then the second of every group, and so on: composing takes its time."""
    chosen = {group: names[number % len(names)] for group, names in CHOICES.items() if group not in APART and names}
    if chosen["init"] == "imagenet_resnet":
        # Its file is named after the depth of SimpleBaseline's ResNet, whose recipes compose it.
        chosen["init"] = "imagenet"
    choices = [f"{group}={name}" for group, name in chosen.items()]
    job = composer.job([*choices, *(line for choice in choices for line in NEEDED.get(choice, []))])
    assert chosen.items() <= dict(job.composed.hydra.runtime.choices).items()


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


@pytest.mark.parametrize("name", CHOICES["model"])
def test_models_say_how_large_they_are(name: str) -> None:
    # Written in the file, so that `posepyr list models` needs not build thirty networks.
    network = build_on_meta(outline([FOLDER], None, [f"model={name}"]).network)
    millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    assert catalogue.header(FOLDER / "model" / f"{name}.yaml").notes["parameters"] == f"{millions:.2f}M"


def test_facts_stand_once() -> None:
    """Experiments are bases; the papers' rows are lines of their tables."""
    assert len(FILES) <= 180
