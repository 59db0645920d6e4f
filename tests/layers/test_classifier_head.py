"""The classifier behind several resolutions, against its formula in Torch's plain functions."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posepyr.layers.classifier_head import MultiscaleHead
from posepyr.layers.postactivation import Bottleneck
from support.normalised import normalised

WIDTHS = (6, 5, 4)


def biased(x: Tensor, layers: nn.Sequential, stride: int = 1) -> Tensor:
    """A convolution with a bias, batch norm and ReLU: the bias moves the mean that batch norm takes off."""
    norm = layers[1]
    bias = layers[0].bias.view(1, -1, 1, 1)
    plain = normalised(x, layers, stride)
    if norm.training:
        return plain.relu()
    scale = (norm.weight / (norm.running_var + 1e-5).sqrt()).view(1, -1, 1, 1)
    return (plain + bias * scale).relu()


def widened(x: Tensor, block: Bottleneck) -> Tensor:
    main = normalised(normalised(x, block.main[0]).relu(), block.main[1]).relu()
    return (normalised(main, block.main[2]) + normalised(x, block.shortcut)).relu()


@pytest.mark.parametrize("ratios", [(2, 2), (3, 2)])
def test_each_resolution_joins_what_came_down_to_it(ratios, randomised):
    head = randomised(MultiscaleHead(WIDTHS, ratios, 7))
    generator = torch.Generator().manual_seed(1)
    sizes = [(12, 24), (12 // ratios[0], 24 // ratios[0])]
    sizes.append((sizes[1][0] // ratios[1], sizes[1][1] // ratios[1]))
    maps = [
        torch.randn(2, width, *size, generator=generator, dtype=torch.float64)
        for width, size in zip(WIDTHS, sizes, strict=True)
    ]
    y = widened(maps[0], head.widen[0])
    for step, ratio in enumerate(ratios):
        y = widened(maps[step + 1], head.widen[step + 1]) + biased(y, head.lower[step], ratio)
    assert y.shape == (2, 512, *sizes[-1])
    features = biased(y, head.features)
    expected = F.linear(features.mean((2, 3)), head.classify.weight, head.classify.bias)
    torch.testing.assert_close(head([x.clone() for x in maps]), expected)


def test_too_few_classes_are_refused():
    with pytest.raises(ValueError, match=r"classes must be at least 2, got 1"):
        MultiscaleHead(WIDTHS, (2, 2), 1)
