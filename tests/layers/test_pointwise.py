"""The 1x1 convolution, in both of its ways, against plain tensor operations."""

from functools import partial

import pytest
import torch
from torch import nn

from posepyr.layers.pointwise import Pointwise
from posepyr.layers.residual import activation
from support.compared import check
from support.weights import conv


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_its_oracle(bias, layout, randomised):
    x = torch.randn(2, 5, 4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    layer, x = randomised(Pointwise(5, 3, bias=bias)), x.contiguous(memory_format=layout)
    check(layer, x, partial(conv, outputs=3, kernel=1, bias=bias))
    assert layer(x).is_contiguous(memory_format=layout)


def test_a_bias_comes_by_default():
    assert Pointwise(5, 3).bias is not None


def test_compiles_behind_a_map_of_a_single_channel():
    # Such a map is channels-last and not at once, and a convolution may answer it in either layout.
    network = nn.Sequential(
        Pointwise(3, 1), activation(1), nn.Conv2d(1, 4, 3, padding=1), activation(4), Pointwise(4, 2)
    )
    x = torch.randn(2, 3, 6, 8).contiguous(memory_format=torch.channels_last)
    torch.compiler.reset()
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)(x)
    compiled.square().sum().backward()
    torch.testing.assert_close(compiled, network(x))
