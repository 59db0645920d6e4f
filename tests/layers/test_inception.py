"""Inception-ResNet blocks against plain tensor operations, and their sizes."""

from functools import partial

import pytest
import torch

from posepyr.layers.inception import InceptionBlocks, InceptionResidual
from support.compared import check
from support.naive_residuals import inception_residual


@pytest.mark.parametrize("variant", ["A", "B"])
@pytest.mark.parametrize(
    ("inputs", "outputs", "width", "size", "convolution", "preactivation"),
    [
        (8, 8, None, (6, 4), False, True),
        (8, 12, None, (5, 7), False, True),
        (8, 8, None, (1, 3), True, False),
        (8, 8, None, (4, 4), True, True),
        (8, 12, 5, (3, 6), False, True),
    ],
)
def test_equals_its_oracle(variant, inputs, outputs, width, size, convolution, preactivation, randomised):
    blocks = InceptionBlocks(variant, width)
    block = randomised(blocks(inputs, outputs, convolution=convolution, preactivation=preactivation))
    options = {"width": width, "changed": convolution, "preactivation": preactivation}
    oracle = partial(inception_residual, outputs=outputs, variant=variant, **options)
    check(block, torch.randn(2, inputs, *size, dtype=torch.float64), oracle)


@pytest.mark.parametrize("variant", ["A", "B"])
@pytest.mark.parametrize(("width", "expected"), [(None, 178_368), (96, 349_856), (128, 576_640)])
def test_parameters(variant, width, expected):
    with torch.device("meta"):
        block = InceptionBlocks(variant, width)(256, 256)
    assert sum(parameter.numel() for parameter in block.parameters()) == expected


def test_a_block_by_itself_is_the_rule_s_by_default():
    rule = InceptionBlocks()
    shapes = [
        {name: parameter.shape for name, parameter in block.named_parameters()}
        for block in (InceptionResidual(8, 8, rule), rule(8, 8))
    ]
    assert shapes[0] == shapes[1]


def test_variants_differ_where_they_should(randomised):
    """On a map that is constant everywhere, halving and doubling change nothing away from the border."""
    a, b = randomised(InceptionBlocks("A")(8, 8)), randomised(InceptionBlocks("B")(8, 8))
    b.load_state_dict(a.state_dict())
    # Several pictures: behind a ReLU, one of them may leave nothing that could differ.
    x = torch.randn(32, 8, 1, 1, dtype=torch.float64).expand(32, 8, 16, 16)
    a, b = a.eval(), b.eval()
    torch.testing.assert_close(a(x)[..., 8:9, 8:9], b(x)[..., 8:9, 8:9])
    assert not torch.allclose(a(x), b(x))


@pytest.mark.parametrize("variant", ["A", "B"])
def test_memory_layout_changes_nothing(variant, randomised):
    block = randomised(InceptionBlocks(variant)(8, 8))
    x = torch.randn(2, 8, 6, 5, dtype=torch.float64)
    torch.testing.assert_close(block(x.contiguous(memory_format=torch.channels_last)), block(x))


@pytest.mark.parametrize(("argument", "value"), [("variant", "C"), ("width", 0)])
def test_a_wrong_argument_is_named(argument, value):
    with pytest.raises(ValueError, match=f"^{argument} must .* got {value}"):
        InceptionBlocks(**{argument: value})


@pytest.mark.parametrize(("width", "outputs"), [(None, 4), (1, 1)])
def test_the_least_of_all_can_be_built(width, outputs):
    assert InceptionBlocks(width=width)(1, outputs).short[0][1].out_channels == 1


def test_too_few_channels_are_an_error():
    with pytest.raises(ValueError, match=r"^block.width .* got 3 outputs"):
        InceptionBlocks()(3, 3)
