"""Weights by their names, and a checkpoint's network with its weights in place."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from posepyr.checkpoints.parts import build_part
from posepyr.checkpoints.recipe import ClassifierRecipe, Recipe
from posepyr.checkpoints.storage import write_checkpoint
from posepyr.checkpoints.weights import compare, load_model


def state(**shapes: tuple[int, ...]) -> dict[str, torch.Tensor]:
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


def test_every_weight_has_one_fate() -> None:
    report = compare(state(a=(2, 3), b=(4,), c=(), d=(1,)), state(a=(2, 3), b=(5,), c=(2, 2), e=(1,)))
    assert (report.matched, report.missing, report.unexpected) == (["a"], ["e"], ["d"])
    assert report.reshaped == ["b is 4, not 5", "c is a single number, not 2 x 2"]
    assert str(report) == (
        "1 matched, 1 missing (e), 1 unexpected (d), 2 reshaped (b is 4, not 5, c is a single number, not 2 x 2)"
    )


def test_a_files_own_words_are_used_for_what_is_in_it() -> None:
    report = compare(state(a=(1,), b=(1,), c=(2,)), state(a=(1,), c=(1,), d=(1,)), {"a": "A", "b": "B", "c": "C"})
    assert report == (["A"], ["d"], ["B"], ["C is 2, not 1"], (), ())


def test_of_many_some_are_named() -> None:
    many = state(**{f"k{number}": (1,) for number in range(9)})
    assert str(compare({}, many)).endswith("9 missing (k0, k1, k2, k3, k4, k5, k6, k7, ...), 0 unexpected, 0 reshaped")


HOURGLASS = {"_target_": "posepyr.models.hourglass.StackedHourglass", "joints": 2, "width": 8, "stacks": 1, "depth": 1}


def content_of(node: dict[str, Any], weights: Mapping[str, Any]) -> dict[str, Any]:
    recipe = Recipe(node, {}, {}, (64, 64), 1.25)
    return {"posepyr": recipe.to_dict(), "state_dict": {f"model.{key}": value for key, value in weights.items()}}


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    model: nn.Module = build_part(HOURGLASS, "model")
    return dict(model.state_dict())


def test_a_network_comes_back_from_a_file_or_from_its_content(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    content = content_of(HOURGLASS, weights)
    write_checkpoint(tmp_path / "a.ckpt", content)
    for checkpoint in (content, tmp_path / "a.ckpt", str(tmp_path / "a.ckpt")):
        model = load_model(checkpoint)
        assert not model.training
        assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())


def test_a_classifier_comes_back(tmp_path: Path) -> None:
    node = {"_target_": "posepyr.models.wide_resnet.WideResNet", "classes": 3, "depth": 10, "widen": 1}
    model: nn.Module = build_part(node, "classifier")
    recipe = ClassifierRecipe(node, ["a", "b", "c"], (32, 32))
    state = {f"model.{key}": value for key, value in model.state_dict().items()}
    loaded = load_model({"posepyr_classifier": recipe.to_dict(), "state_dict": state})
    assert loaded.state_dict().keys() == model.state_dict().keys()


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 16}, {"width": 65_536}, {"stacks": 2}, {"stacks": 65_536}, {"depth": 40_000}, {"modules": 65_536},
        {"joints": 65_536},
    ],
)  # fmt: skip
def test_a_network_larger_than_its_weights_is_refused_before_it_takes_memory(
    changes: dict[str, int], weights: dict[str, torch.Tensor]
) -> None:
    with pytest.raises(ValueError, match=r"^a: .*the weights do not fit the recipe's model|cannot be built") as caught:
        load_model(content_of(HOURGLASS | changes, weights), where="a")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("state_dict"), "a must hold a network's weights under state_dict, got None"),
        (lambda content: content.update(state_dict=[1]), r"under state_dict, got \[1\]"),
        (lambda content: content["state_dict"].clear(), "the weights do not fit the recipe's model"),
        (lambda content: content["state_dict"].update({"model.heads.0.bias": 3}), "must hold whole tensors, got"),
        (
            lambda content: content["state_dict"].update({"model.heads.0.bias": torch.zeros(1).expand(10**9)}),
            "must hold whole tensors, got another value under 'model.heads.0.bias'",
        ),
        (lambda content: content["state_dict"].pop("model.heads.0.bias"), r"1 missing \(heads.0.bias\)"),
        (lambda content: content["state_dict"].update({"model.more": torch.zeros(1)}), r"1 unexpected \(more\)"),
        (
            lambda content: content["state_dict"].update({"model.heads.0.bias": torch.zeros(3)}),
            r"1 reshaped \(heads.0.bias is 3, not 2\)",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named_on_one_line(
    change: Callable[[dict[str, Any]], Any], message: str, weights: dict[str, torch.Tensor]
) -> None:
    content = content_of(HOURGLASS, weights)
    change(content)
    with pytest.raises(ValueError, match=message) as caught:
        load_model(content, where="a")
    assert "\n" not in str(caught.value)
