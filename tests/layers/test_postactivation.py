"""ResNet's residuals and the convolutions in them against plain tensor operations."""

from functools import partial

import pytest
import torch

from posepyr.layers.pointwise import Pointwise
from posepyr.layers.postactivation import BareBottleneck, BasicBlock, Bottleneck, PostactivationBlocks, convolution
from support import naive_postactivation as naive
from support.compared import check
from support.naive_residuals import postactivation_residual


def features(channels: int) -> torch.Tensor:
    return torch.randn(2, channels, 6, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (1, 2), (3, 1), (3, 3), (7, 2)])
@pytest.mark.parametrize("rectified", [True, False])
def test_convolution_equals_its_oracle(kernel, stride, rectified, randomised):
    oracle = naive.conv_norm_relu if rectified else naive.conv_norm
    layer = convolution(3, 4, kernel, stride) if rectified else convolution(3, 4, kernel, stride, relu=False)
    check(randomised(layer), features(3), partial(oracle, outputs=4, kernel=kernel, stride=stride))


def test_only_single_pixels_that_stay_are_one_product():
    products = [isinstance(convolution(3, 4, *way)[0], Pointwise) for way in ((1, 1), (1, 2), (3, 1))]
    assert products == [True, False, False]


def test_basic_block_equals_its_oracle(randomised):
    check(randomised(BasicBlock(6)), features(6), naive.basic_block)


@pytest.mark.parametrize(("inputs", "stride"), [(8, 1), (6, 1), (8, 2), (6, 2)])
def test_bottleneck_equals_its_oracle(inputs, stride, randomised):
    oracle = partial(naive.bottleneck, inner=2, outputs=8, stride=stride)
    check(randomised(Bottleneck(inputs, 2, 8, stride)), features(inputs), oracle)


@pytest.mark.parametrize(("inputs", "changed"), [(8, False), (6, False), (8, True)])
def test_bare_bottleneck_equals_its_oracle(inputs, changed, randomised):
    block = randomised(PostactivationBlocks()(inputs, 8, convolution=changed))
    check(block, features(inputs), partial(postactivation_residual, outputs=8, changed=changed))


@pytest.mark.parametrize(("kernel", "stride", "size"), [(1, 1, (6, 9)), (1, 2, (3, 5)), (3, 3, (2, 3)), (7, 2, (3, 5))])
def test_sizes(kernel, stride, size):
    assert convolution(3, 4, kernel, stride)(torch.zeros(2, 3, 6, 9)).shape == (2, 4, *size)


def test_the_input_is_left_as_it_is():
    x = torch.randn(2, 4, 3, 3)
    kept = x.clone()
    BasicBlock(4)(x)
    Bottleneck(4, 1, 4)(x)
    BareBottleneck(4, 4)(x)
    assert torch.equal(x, kept)
