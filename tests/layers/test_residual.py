"""The pre-activation residual and the 1x1 convolution."""

import pytest
import torch
from torch import nn

from posepyr.layers.pointwise import Pointwise
from posepyr.layers.residual import PreactivationResidual, ResidualBlocks, activation
from support.naive_layers import array
from support.naive_residuals import preactivation_residual
from support.weights import read_once


@pytest.mark.parametrize("preactivation", [True, False])
@pytest.mark.parametrize(("inputs", "outputs", "convolution"), [(6, 6, False), (6, 6, True), (4, 6, False)])
def test_equals_numpy(inputs, outputs, convolution, preactivation, randomised):
    block = randomised(PreactivationResidual(inputs, outputs, convolution=convolution, preactivation=preactivation))
    x = torch.randn(2, inputs, 5, 4, dtype=torch.float64)
    with read_once(block) as w:
        expected = preactivation_residual(array(x), w, outputs, changed=convolution, preactivation=preactivation)
    torch.testing.assert_close(block(x), torch.from_numpy(expected))


@pytest.mark.parametrize(
    ("inputs", "outputs", "convolution", "preactivation", "parameters"),
    [
        (256, 256, False, True, 214_528),
        (256, 256, True, True, 214_528 + 66_304),
        (64, 128, False, False, 58_112),
        (128, 128, False, True, 54_016),
        (128, 256, False, True, 231_168),
    ],
)
def test_parameters(inputs, outputs, convolution, preactivation, parameters):
    block = ResidualBlocks()(inputs, outputs, convolution=convolution, preactivation=preactivation)
    assert sum(parameter.numel() for parameter in block.parameters()) == parameters


@pytest.mark.parametrize(("inputs", "convolution", "bare"), [(4, False, True), (6, True, True), (4, False, False)])
def test_equals_numpy_with_another_width_and_shortcut(inputs, convolution, bare, randomised):
    block = randomised(ResidualBlocks(inner=0.7, bare=bare)(inputs, 6, convolution=convolution))
    x = torch.randn(2, inputs, 5, 4, dtype=torch.float64)
    with read_once(block) as w:
        expected = preactivation_residual(array(x), w, 6, inner=4, changed=convolution, bare=bare)
    torch.testing.assert_close(block(x), torch.from_numpy(expected))


def test_an_inner_width_of_nothing_is_an_error():
    with pytest.raises(ValueError, match=r"inner must be positive, got 0"):
        ResidualBlocks(inner=0)
    with pytest.raises(ValueError, match=r"block.inner must leave a module of 6 outputs a channel, got 0.1"):
        ResidualBlocks(inner=0.1)(6, 6)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_pointwise_is_the_convolution(layout):
    ours, theirs = Pointwise(5, 3).double(), nn.Conv2d(5, 3, kernel_size=1).double()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 5, 4, 6, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    torch.testing.assert_close(ours(x), theirs(x))
    assert ours(x).is_contiguous(memory_format=layout)
    gradients = [torch.autograd.grad(m(x).square().sum(), [x, *m.parameters()]) for m in (ours, theirs)]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


def test_pointwise_compiles_behind_a_map_of_a_single_channel():
    # Such a map is channels-last and not at once, and a convolution may answer it in either layout.
    network = nn.Sequential(
        Pointwise(3, 1), activation(1), nn.Conv2d(1, 4, 3, padding=1), activation(4), Pointwise(4, 2)
    )
    x = torch.randn(2, 3, 6, 8).contiguous(memory_format=torch.channels_last)
    torch.compiler.reset()
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)(x)
    compiled.square().sum().backward()
    torch.testing.assert_close(compiled, network(x))
