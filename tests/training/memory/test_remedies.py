"""Remedies: which of them apply to a configuration, and what each changes."""

import json

from posepyr.configuration.compose import Composer
from posepyr.training.memory.remedies import device_batch, process_count, remedies
from support.exhausting import TINY


def test_remedies_are_those_that_apply() -> None:
    composer = Composer()

    def offered(*overrides: str) -> list[str]:
        return [remedy.setting for remedy in remedies(composer.job([*TINY, *overrides]).config)]

    # Three do not go into a share of eight.
    assert offered("data.batch_size=8", "data.device_batch=2")[0] == "data.device_batch=1"
    assert offered("data.batch_size=9", "data.device_batch=9")[0] == "data.device_batch=3"
    assert offered("data.batch_size=1", "recompute=true", "trainer.precision=bf16-mixed") == [
        "data.input_size=[32,32]", "model.stacks=1"
    ]  # fmt: skip
    # 3/4 and 2/3 of its sides are no multiples of 32.
    assert "data.input_size=[128,96]" in offered("data.input_size=[256,192]")
    assert "data.input_size=[256,192]" in offered("data.input_size=[384,288]")


def test_a_remedy_changes_its_setting_alone() -> None:
    config = Composer().job([*TINY, "trainer.devices=2", "trainer.num_nodes=1"]).config
    before = json.dumps(config)
    assert (process_count(config), device_batch(config)) == (2, 2)
    fewer = remedies(config)[0]
    assert json.dumps(config) == before
    assert fewer.config["data"].pop("device_batch") == 1
    assert fewer.config["data"] == {key: value for key, value in config["data"].items() if key != "device_batch"}
    assert "summed over 2 passes; batch norms see 1 of a batch, not 2" in fewer.effect


def test_classifiers_have_remedies_too() -> None:
    config = Composer().job(["classifier=wide_resnet_28_10", "data=cifar10"]).config
    assert remedies(config)[0].setting == "data.device_batch=64"
