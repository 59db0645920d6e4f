"""Pyramid Residual Modules against plain tensor operations, their sizes, and where the rule places them."""

import copy
from functools import partial
from typing import get_args

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from posepyr.layers.pooling import Pool, redraw_regions
from posepyr.layers.pyramid import PyramidBlocks, PyramidResidual
from posepyr.layers.residual import PreactivationResidual
from support.compared import check
from support.naive_residuals import preactivation_residual, pyramid_residual

VARIANTS = ["A", "B", "Bstar", "C", "D"]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("inputs", "outputs", "convolution", "preactivation", "rule"),
    [
        (18, 18, False, True, {}),
        (18, 18, True, True, {"levels": 3, "exponent": 1.5}),
        (10, 18, False, False, {"width": 3, "levels": 1}),
        (10, 18, False, True, {"levels": 2}),
        (18, 18, False, True, {"pool": "adaptive"}),
        (18, 18, False, True, {"pool": "bilinear", "exponent": 1.5}),
    ],
)
def test_equals_its_oracle(variant, inputs, outputs, convolution, preactivation, rule, randomised):
    blocks = PyramidBlocks(variant, **rule)
    block = randomised(blocks(inputs, outputs, convolution=convolution, preactivation=preactivation))
    options = {"changed": convolution, "preactivation": preactivation, **rule}
    oracle = partial(pyramid_residual, outputs=outputs, variant=variant, **options)
    check(block, torch.randn(2, inputs, 9, 12, dtype=torch.float64), oracle)


@pytest.mark.parametrize(("halvings", "pyramid"), [(None, True), (4, True), (2, True), (1, False), (0, False)])
@pytest.mark.parametrize(("outputs", "convolution"), [(18, False), (18, True), (20, False)])
def test_equals_its_oracle_where_the_released_network_has_it(halvings, pyramid, outputs, convolution, randomised):
    # Also the plain residuals on the smaller maps have PyraNet's shortcut, with batch norm and ReLU.
    block = randomised(PyramidBlocks()(18, outputs, halvings=halvings, convolution=convolution))
    residual = partial(pyramid_residual, variant="Bstar") if pyramid else preactivation_residual
    x = torch.randn(2, 18, 6, 8, dtype=torch.float64)
    check(block, x, partial(residual, outputs=outputs, changed=convolution))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_memory_layout_changes_nothing(layout, randomised):
    block = randomised(PyramidBlocks()(18, 18))
    x = torch.randn(2, 18, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(block(x.contiguous(memory_format=layout)), block(x))


@pytest.mark.parametrize("pool", get_args(Pool))
def test_activation_checkpointing_equals_none(pool):
    block = PyramidBlocks(pool=pool)(18, 18)
    redraw_regions(block, torch.Generator().manual_seed(0))
    twin = copy.deepcopy(block)
    x = torch.randn(2, 18, 12, 12)
    plain, recomputed = block(x), checkpoint(twin, x, use_reentrant=False)
    assert torch.equal(plain, recomputed)
    plain.square().sum().backward()
    recomputed.square().sum().backward()
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(block.parameters(), twin.parameters(), strict=True))


@pytest.mark.parametrize("pool", get_args(Pool))
def test_mixed_precision_stays_near_and_finite(pool):
    block = PyramidBlocks(pool=pool)(18, 18)
    x = torch.randn(2, 18, 12, 12)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = block(x)
    mixed.float().square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in block.parameters())
    torch.testing.assert_close(mixed.float(), block(x), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("pool", ["adaptive", "bilinear"])
def test_other_pools_leave_weights_and_counts_alone(pool):
    ours, papers = PyramidBlocks(pool=pool)(18, 18), PyramidBlocks()(18, 18)
    assert [(name, value.shape) for name, value in ours.state_dict().items()] == [
        (name, value.shape) for name, value in papers.state_dict().items()
    ]


PARAMETERS = {
    "B": (254_396, 67_150, 64_206, 267_196),
    "Bstar": (233_144, 61_816, 58_872, 245_944),
}
SINGLE = {"A": 276_152, "C": 265_316, "D": 254_396}
"""Of the other variants only the module of 256 channels is published."""


@pytest.mark.parametrize("variant", SINGLE)
def test_parameters_of_the_other_variants(variant):
    assert sum(p.numel() for p in PyramidBlocks(variant)(256, 256).parameters()) == SINGLE[variant]


@pytest.mark.parametrize("variant", PARAMETERS)
def test_parameters(variant):
    blocks = PyramidBlocks(variant)
    places = (
        blocks(256, 256),
        blocks(64, 128, preactivation=False),
        blocks(128, 128),
        blocks(128, 256),
    )
    assert tuple(sum(p.numel() for p in block.parameters()) for block in places) == PARAMETERS[variant]


@pytest.mark.parametrize("levels", range(1, 9))
def test_one_shared_filter_costs_the_same_for_any_number_of_levels(levels):
    block = PyramidBlocks(levels=levels)(256, 256)
    assert sum(parameter.numel() for parameter in block.parameters()) == PARAMETERS["Bstar"][0]


@pytest.mark.parametrize(("halvings", "kind"), [(None, True), (4, True), (2, True), (1, False), (0, False)])
def test_released_placement(halvings, kind):
    assert isinstance(PyramidBlocks()(18, 18, halvings=halvings), PyramidResidual) is kind
    assert isinstance(PyramidBlocks()(18, 18, halvings=halvings), PreactivationResidual) is not kind


def test_everywhere_is_everywhere():
    assert isinstance(PyramidBlocks(placement="everywhere")(18, 18, halvings=0), PyramidResidual)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 1)])
def test_tiny_maps_work(size):
    x = torch.randn(3, 18, *size)
    assert PyramidBlocks(placement="everywhere")(18, 18, halvings=0)(x).shape == x.shape


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("variant", "E"),
        ("pool", "average"),
        ("placement", "somewhere"),
        ("levels", 0),
        ("exponent", 0.0),
        ("width", 0),
    ],
)
def test_a_wrong_argument_is_named(argument, value):
    with pytest.raises(ValueError, match=f"^{argument} must .* got {value}"):
        PyramidBlocks(**{argument: value})


@pytest.mark.parametrize("rule", [{}, {"levels": 1, "exponent": 0.5, "width": 1}])
def test_the_least_of_all_can_be_built(rule):
    assert [layer.weight.numel() for layer in PyramidBlocks(**rule)(9, 9).filters] == [9]


def test_too_few_channels_for_a_pyramid_are_an_error():
    with pytest.raises(ValueError, match=r"^block.width .* got 8 outputs"):
        PyramidBlocks()(8, 8)
