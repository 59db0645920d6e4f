"""Recipes from plain data and back, and what is no recipe: one line that names the file and the key."""

from typing import Any

import pytest
import torch

from posepyr.checkpoints.recipe import (
    DEEPEST,
    VERSION,
    ClassifierRecipe,
    Recipe,
    check_limits,
    is_classifier,
    read_classifier_recipe,
    read_recipe,
)

CODEC = {"_target_": "posepyr.codec.Codec", "sigma": 3.0}


def recipe() -> Recipe:
    return Recipe(model={"_target_": "posepyr.x.X"}, codec=CODEC, skeleton={}, input_size=(64, 48), padding=1.25)


def test_a_recipe_comes_back_from_plain_data() -> None:
    assert read_recipe({"posepyr": recipe().to_dict()}, "a.ckpt") == recipe()


def test_names_from_before_a_move_come_back_as_todays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "posepyr.nodes.RENAMED_ARGUMENTS", {"posepyr.layers.heads.PointwiseHead": {"inputs": "channels"}}
    )
    old = recipe()._replace(model={"head": {"_target_": "posepyr.layers.heads.pointwise", "inputs": 3}})
    assert read_recipe({"posepyr": old.to_dict()}, "a.ckpt").model == {
        "head": {"_target_": "posepyr.layers.heads.PointwiseHead", "channels": 3}
    }


@pytest.mark.parametrize(("version", "grid"), [(1, {"grid": "udp"}), (2, {})])
def test_an_older_recipe_keeps_what_it_did(monkeypatch: pytest.MonkeyPatch, version: int, grid: dict[str, str]) -> None:
    monkeypatch.setattr("posepyr.nodes.LATER_ARGUMENTS", {"posepyr.codec.Codec": {"grid": "udp"}})
    old = recipe()._replace(version=version)
    assert read_recipe({"posepyr": old.to_dict()}, "a.ckpt").codec == {**CODEC, **grid}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "a.ckpt must be a checkpoint that posepyr wrote"),
        ({"posepyr_classifier": {}}, "a.ckpt must hold a pose network; it is a classifier's checkpoint"),
        ([], "a.ckpt must be a checkpoint that posepyr wrote"),
        ({"posepyr": [1, 2]}, r"a.ckpt: recipe must be a mapping, got \[1, 2\]; the file is damaged"),
        ({"posepyr": None}, "a.ckpt: recipe must be a mapping, got None"),
        ({"posepyr": {"version": VERSION + 1}}, f"up to version {VERSION}, got version {VERSION + 1}; update"),
        ({"posepyr": {"version": 0}}, "got version 0"),
        ({"posepyr": {"version": "1"}}, "got version '1'"),
        ({"posepyr": {}}, "got version None"),
        ({"posepyr": {"version": CODEC}}, "got version \\{'_target_'"),
        ({"posepyr": {"version": VERSION}}, "the recipe must hold model, codec"),
    ],
)
def test_what_is_no_recipe_says_so(content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_recipe(content, "a.ckpt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None}, "recipe.model must be a mapping, got None"),
        ({"codec": [CODEC]}, "recipe.codec must be a mapping, got "),
        ({"input_size": 64}, r"recipe.input_size must be a list \[int, int\], got 64"),
        ({"input_size": [64]}, r"recipe.input_size must be a list \[int, int\]"),
        ({"input_size": [64, 48.5]}, r"recipe.input_size must be a list \[int, int\]"),
        ({"input_size": [0, 64]}, "recipe.input_size must be from 1 to 16384 pixels, got 0x64"),
        ({"input_size": [64, 60000]}, "recipe.input_size must be from 1 to 16384 pixels, got 64x60000"),
        (
            {"input_size": [{"_target_": "os.system"}, 64]},
            r"recipe.input_size must be a list \[int, int\], got \[\{'_target",
        ),
        ({"padding": CODEC}, "recipe.padding must be float, got \\{'_target_'"),
        ({"padding": "wide"}, "recipe.padding must be float, got 'wide'"),
        ({"padding": -1.0}, "recipe.padding must be positive, got -1.0"),
        ({"padding": float("nan")}, "recipe.padding must be a number of at most 65536, got nan"),
        ({"weights": "new"}, "recipe.weights must be one of raw, averaged, got 'new'"),
        ({"model": {"width": torch.zeros(3)}}, "recipe.model.width must be plain data, got Tensor"),
        ({"model": {3: 4}}, "recipe.model must have names for keys, got 3"),
        ({"model": {"a\nb": 4}}, r"recipe.model must have names for keys, got 'a\\nb'"),
    ],
)
def test_fields_of_a_wrong_type_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"^a\.ckpt: {message}") as caught:
        read_recipe({"posepyr": recipe().to_dict() | changes}, "a.ckpt")
    assert "\n" not in str(caught.value)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def shared_lists(levels: int) -> Any:
    """A few lists that count as millions of values: each holds the one below it a hundred times."""
    value: Any = [1]
    for _ in range(levels):
        value = [value] * 100
    return value


def test_a_list_in_itself_ends() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ValueError, match=f"must stand at most {DEEPEST} levels deep"):
        check_limits(value, "recipe")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1e12, "recipe.model.width must be a number of at most 65536, got 1000000000000.0"),
        (10**6, "recipe.model.width must be a number of at most 65536, got 1000000"),
        pytest.param(-(10**5000), "recipe.model.width must be a number of at most 65536, got a huge int", id="huge"),
        (float("inf"), "must be a number of at most 65536, got inf"),
        (nested(100_000), rf"\[0\] must stand at most {DEEPEST} levels deep"),
        (shared_lists(8), "recipe must hold at most 100000 values, got more"),
        ([0] * 50_000, "recipe.model.width must have a length of at most 32768, got 50000"),
        ("x" * 50_000, "recipe.model.width must have a length of at most 32768, got 50000"),
    ],
)
def test_sizes_beyond_any_network_are_refused(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_recipe({"posepyr": recipe()._replace(model={"width": value}).to_dict()}, "a.ckpt")
    assert len(str(caught.value)) < 300


def test_a_classifiers_recipe_comes_back_and_is_told_from_a_pose_networks() -> None:
    written = ClassifierRecipe({"_target_": "posepyr.models.wide_resnet.WideResNet"}, ["cat", "dog"], (32, 48))
    content = {"posepyr_classifier": written.to_dict()}
    assert read_classifier_recipe(content, "a.ckpt") == written
    assert is_classifier(content)
    poses = {"posepyr": recipe().to_dict()}
    assert not is_classifier(poses)
    with pytest.raises(ValueError, match=r"a\.ckpt must hold a classifier that posepyr wrote"):
        read_classifier_recipe(poses, "a.ckpt")
    with pytest.raises(ValueError, match=r"a\.ckpt: recipe\.classes must be a list of str, got 'cats'"):
        read_classifier_recipe({"posepyr_classifier": written.to_dict() | {"classes": "cats"}}, "a.ckpt")
    many = [str(number) for number in range(21_841)]
    assert read_classifier_recipe({"posepyr_classifier": written.to_dict() | {"classes": many}}, "a").classes == many
    del content["posepyr_classifier"]["classes"]
    with pytest.raises(ValueError, match=r"a\.ckpt: the recipe must hold classes; the file is damaged"):
        read_classifier_recipe(content, "a.ckpt")
