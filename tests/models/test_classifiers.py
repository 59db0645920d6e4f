"""Wide ResNet and ResNeXt, plain and with pyramids: the published sizes, and whole networks against plain numpy."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from naive_classifiers import resnext, wide_resnet
from naive_layers import array
from posepyr.checkpoints.recipe import build
from posepyr.layers.pooling import redraw_regions
from posepyr.layers.pyramid_path import PyramidPaths
from posepyr.models.resnext import ResNeXt
from posepyr.models.wide_resnet import CIFAR10_MEAN, CIFAR10_STD, WideResNet

CONFIGS = Path(__file__).parents[2] / "conf" / "classifier"

SIZES = {
    "wide_resnet_28_10": (36_479_194, 10.487, 10.487),
    "wide_resnet_28_10_prm": (42_327_514, 11.353, 11.353),
    "wide_resnet_28_9_prm": (36_407_578, 9.484, 9.484),
    "resnext_29_8x64d": (34_426_698, 48.83, 10.775),
    "resnext_29_16x64d": (68_155_210, 184.45, 21.378),
    "resnext_29_8x64d_prm": (45_620_810, 50.48, 12.427),
    "resnext_29_16x64d_prm": (79_349_322, 186.10, 23.030),
}
"""Parameters, and 2e-9 times the multiply-adds: with grouped convolutions taken as dense, as the paper counts, and as
they are."""


def build_file(name: str) -> nn.Module:
    return build(yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()))


def counts(model: nn.Module) -> tuple[int, float, float]:
    """As in SIZES; one convolution or linear layer uses each weight once at every output pixel."""
    dense: list[int] = []
    exact: list[int] = []

    def add(layer: nn.Module, _: object, out: torch.Tensor) -> None:
        pixels = out[0, 0].numel()
        exact.append(layer.weight.numel() * pixels)
        dense.append(exact[-1] * getattr(layer, "groups", 1))

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(add)
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, 32, 32, dtype=torch.uint8, device="meta"))
    return sum(parameter.numel() for parameter in model.parameters()), 2e-9 * sum(dense), 2e-9 * sum(exact)


def test_every_file_has_its_size_here():
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == set(SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_the_papers(name):
    with torch.device("meta"):
        parameters, dense, exact = counts(build_file(name))
    assert parameters == SIZES[name][0]
    assert dense == pytest.approx(SIZES[name][1], abs=0.006)
    assert exact == pytest.approx(SIZES[name][2], abs=0.0006)


def test_the_texts_width_does_not_give_the_tables_28_9():
    with torch.device("meta"):
        parameters, dense, _ = counts(WideResNet(widen=9, pyramid=PyramidPaths()))
    assert parameters == 34_290_330
    assert dense == pytest.approx(9.201, abs=0.0006)


SMALL = {
    "wide": (lambda pyramid: WideResNet(classes=4, depth=10, widen=1, pyramid=pyramid), wide_resnet),
    "resnext": (
        lambda pyramid: ResNeXt(classes=4, depth=11, cardinality=2, width=2, pyramid=pyramid),
        resnext,
    ),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("pyramid", [None, PyramidPaths(), PyramidPaths(widths=(3, 4, 5))])
@pytest.mark.parametrize("family", SMALL)
def test_equals_numpy(family, pyramid, training):
    make, naive = SMALL[family]
    generator = torch.Generator().manual_seed(4)
    model = make(pyramid).double().train(training)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    redraw_regions(model, generator)
    image = torch.randint(0, 256, (3, 3, 16, 12), generator=generator, dtype=torch.uint8)
    # In single precision, as the model keeps them.
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (CIFAR10_MEAN, CIFAR10_STD))
    expected = naive((array(image) / 255 - mean) / std, model)
    assert np.abs(expected).max() > 0.1
    torch.testing.assert_close(model(image), torch.from_numpy(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pyramid", [None, PyramidPaths()])
@pytest.mark.parametrize("family", SMALL)
def test_every_parameter_gets_a_gradient_and_pictures_stand_alone(family, pyramid):
    torch.manual_seed(0)
    model = SMALL[family][0](pyramid)
    image = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    logits = model(image)
    assert logits.shape == (3, 4)
    logits.square().mean().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []
    model.eval()
    torch.testing.assert_close(model(image)[1:2], model(image[1:2]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "argument", "value"),
    [
        (WideResNet, "depth", 27),
        (WideResNet, "depth", 4),
        (WideResNet, "widen", 0),
        (WideResNet, "classes", 1),
        (ResNeXt, "depth", 28),
        (ResNeXt, "depth", 2),
        (ResNeXt, "cardinality", 0),
        (ResNeXt, "width", 0),
        (ResNeXt, "classes", 1),
    ],
)
def test_a_wrong_argument_is_named(make, argument, value):
    with pytest.raises(ValueError, match=rf"classifier\.{argument} must .* got {value}"):
        make(**{argument: value})
