from typing import Any

import pytest

from posepyr.checkpoints.recipe import (
    VERSION,
    ClassifierRecipe,
    Recipe,
    is_classifier,
    read_classifier_recipe,
    read_recipe,
)
from posepyr.codec import Codec
from posepyr.data.loading.augment import Augment
from posepyr.nodes import build

CODEC = {"_target_": "posepyr.codec.Codec", "sigma": 3.0}


def recipe() -> Recipe:
    return Recipe(model={"_target_": "posepyr.x.X"}, codec=CODEC, skeleton={}, input_size=(64, 48), padding=1.25)


def test_a_node_becomes_what_it_names() -> None:
    assert build(CODEC) == Codec(sigma=3.0)
    assert build(CODEC, grid="udp") == Codec(sigma=3.0, grid="udp")


def test_nodes_nest_in_arguments_and_lists() -> None:
    node = {"_target_": "builtins.dict", "one": CODEC, "many": [CODEC, {"inner": CODEC}], "plain": [1, "a", None]}
    codec = Codec(sigma=3.0)
    assert build(node) == {"one": codec, "many": [codec, {"inner": codec}], "plain": [1, "a", None]}


def test_a_partial_node_waits_for_its_last_arguments() -> None:
    half = build({"_target_": "posepyr.data.loading.augment.Augment", "_partial_": True, "scale": 0.1})
    augment = half(rotation=5.0)
    assert isinstance(augment, Augment)
    assert (augment.scale, augment.rotation) == (0.1, 5.0)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({}, "_target_ must be a dotted path"),
        ({"_target_": "Codec"}, "_target_ must be a dotted path .* got 'Codec'"),
        ({"_target_": "posepyr.codec.Kodec"}, "can be imported, got posepyr.codec.Kodec"),
        ({"_target_": "posepyr.kodec.Codec"}, "can be imported, got posepyr.kodec.Codec"),
        ({**CODEC, "sigmar": 1}, "posepyr.codec.Codec: .*sigmar"),
        ({**CODEC, "sigma": -1}, "codec.sigma must be positive"),
    ],
)
def test_a_wrong_node_says_what_is_wrong(node: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(node)


@pytest.mark.parametrize("hidden", [False, True])
def test_a_strangers_recipe_cannot_choose_what_is_imported(hidden: bool) -> None:
    evil: dict[str, Any] = {"_target_": "os.system", "command": "false"}
    node = {**CODEC, "sigma": evil} if hidden else evil
    with pytest.raises(ValueError, match=r"_target_ must lie inside posepyr, got os\.system"):
        build(node, only=("posepyr",))
    with pytest.raises(ValueError, match="must lie inside posepyr"):
        build({"_target_": "posepyrx.codec.Codec"}, only=("posepyr",))


def test_a_recipe_comes_back_from_plain_data() -> None:
    assert read_recipe({"posepyr": recipe().to_dict()}, "a.ckpt") == recipe()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "a.ckpt must be a checkpoint that posepyr wrote"),
        ({"posepyr_classifier": {}}, "a.ckpt must hold a pose network; it is a classifier's checkpoint"),
        ([], "a.ckpt must be a checkpoint that posepyr wrote"),
        ({"posepyr": {"version": VERSION + 1}}, f"up to version {VERSION}, got version {VERSION + 1}; update"),
        ({"posepyr": {"version": VERSION}}, "the recipe must hold model, codec"),
    ],
)
def test_what_is_no_recipe_says_so(content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_recipe(content, "a.ckpt")


def test_a_classifiers_recipe_comes_back_and_is_told_from_a_pose_networks() -> None:
    written = ClassifierRecipe({"_target_": "posepyr.models.wide_resnet.WideResNet"}, ["cat", "dog"], (32, 48))
    content = {"posepyr_classifier": written.to_dict()}
    assert read_classifier_recipe(content, "a.ckpt") == written
    assert is_classifier(content)
    poses = {"posepyr": recipe().to_dict()}
    assert not is_classifier(poses)
    with pytest.raises(ValueError, match=r"a\.ckpt must hold a classifier that posepyr wrote"):
        read_classifier_recipe(poses, "a.ckpt")
    del content["posepyr_classifier"]["classes"]
    with pytest.raises(ValueError, match=r"a\.ckpt: the recipe must hold classes; the file is damaged"):
        read_classifier_recipe(content, "a.ckpt")
