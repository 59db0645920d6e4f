"""The pre-activation residual against plain tensor operations, and its sizes."""

from functools import partial

import pytest
import torch

from posepyr.layers.residual import PreactivationResidual, ResidualBlocks
from support.compared import check
from support.naive_residuals import preactivation_residual


@pytest.mark.parametrize("preactivation", [True, False])
@pytest.mark.parametrize(("inputs", "outputs", "convolution"), [(6, 6, False), (6, 6, True), (4, 6, False)])
def test_equals_its_oracle(inputs, outputs, convolution, preactivation, randomised):
    block = randomised(PreactivationResidual(inputs, outputs, convolution=convolution, preactivation=preactivation))
    oracle = partial(preactivation_residual, outputs=outputs, changed=convolution, preactivation=preactivation)
    check(block, torch.randn(2, inputs, 5, 4, dtype=torch.float64), oracle)


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
def test_equals_its_oracle_with_another_width_and_shortcut(inputs, convolution, bare, randomised):
    block = randomised(ResidualBlocks(inner=0.7, bare=bare)(inputs, 6, convolution=convolution))
    oracle = partial(preactivation_residual, outputs=6, inner=4, changed=convolution, bare=bare)
    check(block, torch.randn(2, inputs, 5, 4, dtype=torch.float64), oracle)


def test_an_inner_width_of_nothing_is_an_error():
    with pytest.raises(ValueError, match=r"inner must be positive, got 0"):
        ResidualBlocks(inner=0)
    with pytest.raises(ValueError, match=r"block.inner must leave a module of 6 outputs a channel, got 0.1"):
        ResidualBlocks(inner=0.1)(6, 6)
