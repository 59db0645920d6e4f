"""The stacked hourglass: the published sizes, and a whole network against plain numpy."""

import numpy as np
import pytest
import torch
from torch import nn

from naive_layers import array, max_pool, nearest_twice, pyramid_residual, residual, run
from posepyr.layers.pooling import redraw_regions
from posepyr.layers.pyramid import PyramidBlocks, PyramidResidual
from posepyr.layers.residual import ResidualBlocks
from posepyr.models.hourglass import StackedHourglass

STACKS = (1, 2, 4, 8)


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("block", "shortcut", "published"),
    [
        (ResidualBlocks(), "identity", (3_212_688, 6_142_624, 12_002_496, 23_722_240)),
        (ResidualBlocks(), "convolution", (3_477_904, 6_673_056, 13_063_360, 25_843_968)),
        (PyramidBlocks("B"), "convolution", (3_812_236, 7_286_464, 14_234_920, 28_131_832)),
        (PyramidBlocks("Bstar"), "convolution", (3_631_552, 6_957_016, 13_607_944, 26_909_800)),
    ],
)
def test_sizes_are_the_published(block, shortcut, published):
    with torch.device("meta"):
        models = [StackedHourglass(16, block, stacks=stacks, shortcut=shortcut) for stacks in STACKS]
    assert tuple(count(model) for model in models) == published


def test_released_placement_is_seven_pyramids_and_six_residuals_an_hourglass():
    with torch.device("meta"):
        model = StackedHourglass(16, PyramidBlocks(), stacks=1)
    pyramids = {name for name, module in model.named_modules() if isinstance(module, PyramidResidual)}
    assert {name.split(".")[0] for name in pyramids} == {"stem", "hourglasses"}
    assert sum(name.startswith("stem") for name in pyramids) == 3
    assert sum(name.startswith("hourglasses") for name in pyramids) == 7


def naive_block(x, module, variant):
    if isinstance(module, PyramidResidual):
        return pyramid_residual(x, module, variant)
    return residual(x, module)


def naive_hourglass(x, hourglass, depth, variant):
    def chain(x, modules):
        for module in modules:
            x = naive_block(x, module, variant)
        return x

    low = chain(max_pool(x), hourglass.down)
    low = naive_hourglass(low, hourglass.inner, depth - 1, variant) if depth > 1 else chain(low, hourglass.inner)
    return chain(x, hourglass.skip) + nearest_twice(chain(low, hourglass.up))


def naive_network(image, model, depth, variant):
    # In single precision, as the model keeps its mean.
    x = image / 255 - np.array([0.4404, 0.4440, 0.4327], dtype=np.float32)[None, :, None, None]
    convolution, activation, first, _, second, third = model.stem
    x = naive_block(run(run(x, convolution), activation), first, variant)
    x = naive_block(naive_block(max_pool(x), second, variant), third, variant)
    heatmaps = []
    for stack, hourglass in enumerate(model.hourglasses):
        y = run(naive_hourglass(x, hourglass, depth, variant), model.features[stack])
        heatmaps.append(run(y, model.heads[stack]))
        if stack < len(model.hourglasses) - 1:
            x = x + run(y, model.merge_features[stack]) + run(heatmaps[-1], model.merge_heatmaps[stack])
    return heatmaps


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("block", "shortcut"),
    [
        (ResidualBlocks(), "identity"),
        (ResidualBlocks(), "convolution"),
        (PyramidBlocks("B"), "convolution"),
        (PyramidBlocks("Bstar"), "convolution"),
    ],
)
def test_equals_numpy(block, shortcut, training):
    generator = torch.Generator().manual_seed(11)
    model = StackedHourglass(3, block, depth=2, width=20, modules=2, shortcut=shortcut).double().train(training)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    redraw_regions(model, generator)
    image = torch.randint(0, 256, (2, 3, 32, 48), generator=generator, dtype=torch.uint8)
    ours = model(image)
    theirs = naive_network(array(image), model, 2, getattr(block, "variant", ""))
    for mine, expected in zip(ours, theirs, strict=True):
        assert np.abs(expected).max() > 0.1
        torch.testing.assert_close(mine, torch.from_numpy(expected), rtol=1e-5, atol=1e-5)


def test_variance_control_changes_the_last_module_before_each_upsampling_only():
    with torch.device("meta"):
        model = StackedHourglass(16, ResidualBlocks(), stacks=1, modules=2)
    forced = {
        name.rsplit(".", 2)[0]
        for name, module in model.hourglasses.named_modules()
        if name.endswith("shortcut") and not isinstance(module, nn.Identity)
    }
    assert forced == {"0.up", "0.inner.up", "0.inner.inner.up", "0.inner.inner.inner.up"}


def test_intermediate_maps_halve_from_a_quarter():
    model = StackedHourglass(16, ResidualBlocks(), stacks=1, width=8)
    shapes = []
    hourglass = model.hourglasses[0]
    while isinstance(hourglass, nn.Module) and hasattr(hourglass, "down"):
        hourglass.down.register_forward_hook(lambda *call: shapes.append(tuple(call[-1].shape)))
        hourglass = hourglass.inner
    model.eval()(torch.zeros(1, 3, 256, 192))
    assert shapes == [(1, 8, 32, 24), (1, 8, 16, 12), (1, 8, 8, 6), (1, 8, 4, 3)]


def test_another_head_may_stand_in():
    def spatial(channels: int, joints: int) -> nn.Module:
        return nn.Conv2d(channels, joints, kernel_size=3, padding=1)

    model = StackedHourglass(5, ResidualBlocks(), depth=1, width=8, head=spatial)
    assert model(torch.zeros(2, 3, 16, 16))[-1].shape == (2, 5, 4, 4)
    assert model.heads[0].kernel_size == (3, 3)


def test_a_size_that_does_not_fit_names_the_nearest_that_do():
    model = StackedHourglass(16, ResidualBlocks(), stacks=1, width=8)
    with pytest.raises(ValueError, match=r"divisible by 64 .* 384 x 288; .* height is 384, .* width 256 or 320"):
        model(torch.zeros(1, 3, 384, 288))
    with pytest.raises(ValueError, match=r"height is 64, .* width 64"):
        model(torch.zeros(1, 3, 10, 64))


@pytest.mark.parametrize(
    ("argument", "value"),
    [("stacks", 0), ("depth", 0), ("modules", 0), ("width", 30), ("width", 0), ("shortcut", "none")],
)
def test_a_wrong_argument_is_named(argument, value):
    with pytest.raises(ValueError, match=rf"model.{argument} must .* got {value}"):
        StackedHourglass(16, ResidualBlocks(), **{argument: value})
