"""Branches and the exchange between them, against figure 3 of HRNet in Torch's plain functions."""

import pytest
import torch
from torch import nn

from posepyr.layers.exchange import Branches, Exchange, Spread, descent, stem
from posepyr.layers.postactivation import BasicBlock
from support.normalised import normalised

WIDTHS = (2, 3, 4)


def maps(ratios, size=(12, 24)):
    generator = torch.Generator().manual_seed(3)
    height, width = size
    found = []
    for channels, ratio in zip(WIDTHS, (1, *ratios), strict=True):
        height, width = height // ratio, width // ratio
        found.append(torch.randn(2, channels, height, width, generator=generator, dtype=torch.float64))
    return found


def travelled(x, path, source, target, ratios):
    """One map on its way to another's place."""
    if source == target:
        return x
    if source > target:
        times = 1
        for ratio in ratios[target:source]:
            times *= ratio
        return normalised(x, path[0]).repeat_interleave(times, 2).repeat_interleave(times, 3)
    steps = sorted(ratios[source:target], reverse=True)
    for number, (layers, stride) in enumerate(zip(path, steps, strict=True)):
        x = normalised(x, layers, stride)
        x = x.relu() if number < len(steps) - 1 else x
    return x


@pytest.mark.parametrize("ratios", [(2, 2), (2, 3), (3, 2)])
@pytest.mark.parametrize("outputs", [None, (0,), (2, 1)])
def test_exchange(ratios, outputs, randomised):
    exchange = randomised(Exchange(WIDTHS, ratios, outputs))
    inputs = maps(ratios)
    found = exchange([x.clone() for x in inputs])
    for y, fusion, target in zip(found, exchange.targets.values(), outputs or range(3), strict=True):
        terms = [travelled(x, fusion.paths[j], j, target, ratios) for j, x in enumerate(inputs)]
        torch.testing.assert_close(y, sum(terms).relu())


def test_ways_down_keep_their_channels_until_the_last_step_and_take_the_largest_first():
    convolutions = [layers[0] for layers in descent(5, 7, (2, 3), relu=False)]
    assert [(layer.in_channels, layer.out_channels, layer.stride[0]) for layer in convolutions] == [
        (5, 5, 3),
        (5, 7, 2),
    ]
    kinds = [[type(layer) for layer in layers] for layers in descent(5, 7, (2, 3), relu=False)]
    assert kinds == [[nn.Conv2d, nn.BatchNorm2d, nn.ReLU], [nn.Conv2d, nn.BatchNorm2d]]


def test_spread_gives_every_width_and_size():
    found = Spread(6, WIDTHS, (2, 3))(torch.zeros(2, 6, 12, 24))
    assert [tuple(x.shape) for x in found] == [(2, 2, 12, 24), (2, 3, 6, 12), (2, 4, 2, 4)]
    # Each way down ends in ReLU, as the first one does.
    assert all((x >= 0).all() for x in found)


def test_branches_know_nothing_of_each_other(randomised):
    branches = randomised(Branches(WIDTHS, (1, 2, 3), BasicBlock))
    assert [len(path) for path in branches.paths] == [1, 2, 3]
    inputs = maps((2, 2))
    before = branches([x.clone() for x in inputs])
    inputs[1] = inputs[1] + 1
    after = branches(inputs)
    assert [torch.equal(a, b) for a, b in zip(before, after, strict=True)] == [True, False, True]


def test_stem():
    network = stem()
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_856 + 36_992 + 286_208
    assert network(torch.zeros(2, 3, 8, 12)).shape == (2, 256, 2, 3)
