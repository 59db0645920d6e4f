"""SimpleBaseline on three ResNets: whole networks against their oracle, the published sizes and costs, the errors."""

from functools import partial

import pytest
import torch
from torch import nn

from posepyr.models.resnet import ResNet
from posepyr.models.simple_baseline import SimpleBaseline, doubling
from support import naive_resnet as naive
from support.compared import check
from support.counting import multiply_adds, multiply_adds_by_torch, on_meta, parameters
from support.randomised import shaken
from support.reduced import pixels


@pytest.mark.parametrize(
    ("depth", "blocks", "upsampling", "training"),
    [
        (50, (3, 4, 6, 3), [5, 6, 7], False),
        (50, (3, 4, 6, 3), [5], True),
        (101, (3, 4, 23, 3), [4, 3], False),
        (152, (3, 8, 36, 3), [4], False),
    ],
)
def test_equals_its_oracle(depth, blocks, upsampling, training):
    model = SimpleBaseline(3, depth, width=4, upsampling=upsampling)
    oracle = partial(naive.simple_baseline, joints=3, blocks=blocks, width=4, upsampling=upsampling)
    check(shaken(model, seed=1).train(training), pixels(), oracle)


@pytest.mark.parametrize("training", [True, False])
def test_doubling_equals_its_oracle(training):
    x = torch.randn(2, 5, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    check(shaken(doubling(5, 3), seed=1).train(training), x, partial(naive.doubling, outputs=3))


def charged_at_the_output(model: nn.Module, height: int, width: int) -> int:
    """Multiply-adds as the papers count them: a transposed convolution with its kernel at every output pixel."""
    total = multiply_adds(model, height, width)
    pixels = height * width // 32**2
    for layer in model.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            total += layer.weight.numel() * 3 * pixels
            pixels *= 4
    return total


@pytest.mark.parametrize(
    ("depth", "joints", "size", "published", "cost", "charged"),
    [
        (50, 17, (256, 192), 33_999_697, 5.426, 8.991),
        (50, 17, (384, 288), 33_999_697, 12.209, 20.230),
        (101, 17, (256, 192), 52_991_825, 9.063, 12.378),
        (101, 17, (384, 288), 52_991_825, 20.391, 27.850),
        (152, 17, (256, 192), 68_635_473, 12.699, 15.765),
        (152, 17, (384, 288), 68_635_473, 28.573, 35.470),
        (152, 16, (256, 256), 68_635_216, 16.931, 21.019),
    ],
)
def test_sizes_and_costs_are_the_published(depth, joints, size, published, cost, charged):
    model = on_meta(SimpleBaseline, joints, depth=depth)
    assert parameters(model) == published
    assert multiply_adds(model, *size) / 1e9 == pytest.approx(cost, abs=6e-4)
    assert charged_at_the_output(model, *size) / 2**30 == pytest.approx(charged, abs=6e-4)


def test_torch_counts_the_same():
    model = on_meta(SimpleBaseline, 17)
    assert multiply_adds_by_torch(model, 64, 96) == multiply_adds(model, 64, 96)


@pytest.mark.parametrize(("depth", "published"), [(50, 33_999_440), (101, 52_991_568), (152, 68_635_216)])
def test_sizes_for_mpii(depth, published):
    assert parameters(on_meta(SimpleBaseline, 16, depth=depth)) == published


def test_the_backbone_halves_five_times():
    model = ResNet(width=4).eval()
    shapes = []
    for part in (model.stem, *model.stages):
        part.register_forward_hook(lambda *call: shapes.append(tuple(call[-1].shape)))
    model(torch.zeros(1, 3, 64, 96))
    assert shapes == [(1, 4, 16, 24), (1, 16, 16, 24), (1, 32, 8, 12), (1, 64, 4, 6), (1, 128, 2, 3)]


@pytest.mark.parametrize(("upsampling", "stride"), [((6,), 16), ((6, 1), 8), ((6, 5, 4), 4), ((2,) * 5, 1)])
def test_each_transposed_convolution_doubles(upsampling, stride):
    model = SimpleBaseline(3, width=4, upsampling=upsampling)
    assert model.strides == (stride,)
    assert model(torch.zeros(2, 3, 64, 32))[0].shape == (2, 3, 64 // stride, 32 // stride)


def test_a_size_that_does_not_fit_names_the_nearest_that_do():
    with pytest.raises(ValueError, match=r"divisible by 32 .* 64 x 40; the nearest height is 64, .* width 32 or 64"):
        SimpleBaseline(3, width=4, upsampling=(4,))(torch.zeros(1, 3, 64, 40))


@pytest.mark.parametrize(("argument", "value"), [("depth", 34), ("width", 0), ("upsampling", []), ("upsampling", [0])])
def test_a_wrong_argument_is_named(argument, value):
    with pytest.raises(ValueError) as caught:
        SimpleBaseline(16, **{argument: value})
    assert str(caught.value).startswith(f"{argument} must ")
    assert str(caught.value).endswith(f"got {value}")
