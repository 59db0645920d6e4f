"""Branches and the exchange between them against plain tensor operations."""

from functools import partial

import pytest
import torch
from torch import nn

from posepyr.layers.exchange import Branches, Exchange, Spread, descent, stem
from posepyr.layers.postactivation import BasicBlock
from support import naive_postactivation as naive
from support.compared import check

WIDTHS = (2, 3, 4)


def maps(ratios, size=(12, 24)):
    generator = torch.Generator().manual_seed(3)
    height, width = size
    found = []
    for channels, ratio in zip(WIDTHS, (1, *ratios), strict=True):
        height, width = height // ratio, width // ratio
        found.append(torch.randn(2, channels, height, width, generator=generator, dtype=torch.float64))
    return found


@pytest.mark.parametrize("ratios", [(2, 2), (2, 3), (3, 2)])
@pytest.mark.parametrize("outputs", [None, (0,), (2, 1)])
def test_exchange_equals_its_oracle(ratios, outputs, randomised):
    oracle = partial(naive.exchange, ratios=ratios, targets=outputs or (0, 1, 2))
    check(randomised(Exchange(WIDTHS, ratios, outputs)), maps(ratios), oracle)


@pytest.mark.parametrize("ratios", [(2, 2), (2, 3)])
def test_spread_equals_its_oracle(ratios, randomised):
    oracle = partial(naive.spread, widths=WIDTHS, ratios=ratios)
    check(randomised(Spread(3, WIDTHS, ratios)), maps(ratios)[0].repeat(1, 2, 1, 1)[:, :3], oracle)


@pytest.mark.parametrize("depths", [(1, 2, 3), (3, 1, 1)])
def test_branches_equal_their_oracle(depths, randomised):
    def oracle(maps, w):
        for r, depth in enumerate(depths):
            for block in range(depth):
                maps[r] = naive.basic_block(maps[r], w.at(f"paths.{r}.{block}"))
        return maps

    check(randomised(Branches(WIDTHS, depths, BasicBlock)), maps((2, 2)), oracle)


def test_stem_equals_its_oracle(randomised):
    image = torch.randn(2, 3, 12, 18, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    check(randomised(stem()), image, naive.stem)


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


def test_the_stem_has_its_size():
    network = stem()
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_856 + 36_992 + 286_208
    assert network(torch.zeros(2, 3, 8, 12)).shape == (2, 256, 2, 3)
