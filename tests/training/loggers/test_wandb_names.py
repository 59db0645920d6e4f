"""Names of W&B runs: explicit settings win over the environment, and that over our own."""

from pathlib import Path
from typing import Any

import pytest

from posepyr.training.loggers.wandb_names import LONGEST_TAG, Names, run_config

CONFIG = {"model": {"_target_": "posepyr.models.hourglass.StackedHourglass"}, "seed": 0}
SWEEP = {"sweep": "demo/multirun", "number": 3, "varies": ["model.block.variant=Bstar", "seed=2"]}
USER = {
    "WANDB_PROJECT": "mine", "WANDB_ENTITY": "team", "WANDB_NAME": "own", "WANDB_RUN_GROUP": "night",
    "WANDB_TAGS": "a, b,,a",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in USER:
        monkeypatch.delenv(variable, raising=False)


def test_a_run_alone_has_its_own_name() -> None:
    assert Names.of({}, CONFIG, "demo") == Names("posepyr", None, "demo", None, ["StackedHourglass"])


def test_a_job_of_a_sweep_is_named_by_what_it_varies() -> None:
    record = {"sweep": SWEEP, "overrides": ["experiment=hrnet/coco", "model=hrnet_w48", "seed=2"]}
    names = Names.of(record, CONFIG, "hrnet_coco")
    assert names == Names("posepyr", None, "variant=Bstar seed=2", "demo/multirun", ["hrnet/coco", "hrnet_w48"])


def test_the_environment_wins_over_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in USER.items():
        monkeypatch.setenv(variable, value)
    names = Names.of({"sweep": SWEEP}, CONFIG, "demo")
    assert names == Names("mine", "team", "own", "night", ["StackedHourglass", "a", "b"])


def test_what_is_given_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in USER.items():
        monkeypatch.setenv(variable, value)
    given: dict[str, Any] = {"project": "p", "entity": "e", "group": "g", "tags": ["t" * 70]}
    names = Names.of({"sweep": SWEEP}, CONFIG, "demo", **given)
    # Tags add up, cut to what W&B takes.
    assert names == Names("p", "e", "own", "g", ["StackedHourglass", "t" * LONGEST_TAG, "a", "b"])


def test_a_classifier_is_named_too() -> None:
    config = {"classifier": {"_target_": "posepyr.models.wide_resnet.WideResNet"}, "model": CONFIG["model"]}
    assert Names.of({}, config, "cifar").tags == ["WideResNet"]


def test_the_configuration_tells_where_the_run_comes_from(tmp_path: Path) -> None:
    record = {"overrides": ["seed=2"], "git": {"commit": "c0ffee", "dirty": False}}
    more = {"overrides": ["seed=2"], "git_commit": "c0ffee", "run_folder": str(tmp_path)}
    assert run_config(tmp_path, record, CONFIG) == CONFIG | more
    assert run_config(tmp_path, {}, CONFIG)["git_commit"] is None
