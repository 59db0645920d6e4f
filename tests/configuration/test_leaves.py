"""Answers to unknown keys."""

from pathlib import Path

import pytest

from posepyr.configuration import catalogue
from posepyr.configuration.compose import Composer
from posepyr.configuration.leaves import FOREIGN, corrected, nearest, paths, spelled
from posepyr.errors import UsageError

LEAVES = ["optimizer.lr", "data.batch_size", "data.source.size", "model.size", "trainer.max_epochs", "trainer.devices"]
TOP = ["data", "model", "name", "optimizer", "seed", "trainer"]


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("lr=0.1", "optimizer.lr=0.1"),
        ("epochs=3", "trainer.max_epochs=3"),
        ("train.epochs=3", "trainer.max_epochs=3"),
        ("batch_size=8", "data.batch_size=8"),
        ("bs=8", "data.batch_size=8"),
        ("gpus=2", "trainer.devices=2"),
        ("stacks=2", "model.stacks=2"),
        ("workers=4", "data.workers=4"),
        ("num_workers=4", "data.workers=4"),
        ("bach_size=3", "data.batch_size=3"),
        ("input_size=[64,64]", "data.input_size=[64,64]"),
        ("max_steps=null", "trainer.max_steps=null"),
        ("+weight_decay=0.5", "optimizer.weight_decay=0.5"),
        ("modle=cpn_r50", "model=cpn_r50"),
        ("resume_from=runs/a", "--resume runs/a"),
        ("width=3", "model.width=3 or model.block.width=3"),
    ],
)
def test_the_whole_corrected_override_is_shown(composer: Composer, written: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        composer.job([written])
    key = written.lstrip("+").partition("=")[0].partition(".")[0]
    assert str(caught.value) == f"{key} is no key of the configuration; did you mean {meant}?"


def test_a_sweeps_values_stay_together(composer: Composer) -> None:
    with pytest.raises(UsageError, match=r"did you mean optimizer\.lr=0\.1,0\.2\?$"):
        composer.jobs(["lr=0.1,0.2", "seed=1"])
    with pytest.raises(UsageError, match=r"did you mean optimizer\.lr=0\.1,0\.2\?$"):
        composer.jobs(["optim.lr=0.1,0.2"])


def test_a_wrong_key_inside_a_node_is_answered_by_the_node(composer: Composer) -> None:
    with pytest.raises(UsageError, match=r"model\.stack is no argument of .*; did you mean model\.stacks\?$"):
        composer.job(["model.stack=2"])


def test_the_least_deep_come_first_and_a_key_of_the_name_before_a_foreign_word() -> None:
    assert corrected("size", "3", LEAVES, TOP) == ["model.size=3", "data.source.size=3"]
    assert corrected("epochs", "3", [*LEAVES, "scheduler.epochs"], TOP) == ["scheduler.epochs=3"]
    assert corrected("stacks", "3", LEAVES, TOP) == [], "this model has none"
    assert nearest("devicse", "2", LEAVES, TOP) == ["trainer.devices=2"]
    assert nearest("quite_other", "2", LEAVES, TOP) == []


def test_foreign_words_are_foreign_and_their_translations_exist(composer: Composer) -> None:
    known = [*paths(composer.job([]).config), *catalogue.declared_keys(composer.folders)]
    words = [word for line in FOREIGN.values() for word in line.split()]
    assert len(words) == len(set(words))
    for template in FOREIGN:
        key = template.partition("=")[0]
        assert key in known or key.startswith(("--", "hydra.", "data.source."))
    assert not set(words) & set(known)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (True, "true"), (0.1, "0.1"), ("a", "a"), ([1, [2.5]], "[1,[2.5]]"), ({"a": False}, "{a: false}")],
)
def test_values_are_spelled_as_in_an_override(value: object, text: str) -> None:
    assert spelled(value) == text


def test_keys_of_files_are_those_of_the_configuration() -> None:
    leaves = catalogue.leaf_keys([catalogue.configuration_folder()])
    assert {"optimizer.lr", "trainer.max_epochs", "trainer.devices", "data.workers", "model.stacks"} <= set(leaves)
    assert all(Path(leaf).name == leaf for leaf in leaves)
