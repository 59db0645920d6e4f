"""The classifiers' pyramid path against plain tensor operations."""

from functools import partial

import pytest
import torch

from posepyr.layers.pyramid_path import PyramidPaths
from support.compared import check
from support.naive_classifiers import pyramid_path


@pytest.mark.parametrize(
    ("rule", "stride", "size"),
    [
        ({}, 1, (9, 12)),
        ({}, 2, (8, 11)),
        ({"levels": 3, "exponent": 1.5}, 1, (8, 8)),
        ({"pool": "adaptive"}, 1, (9, 12)),
        ({"pool": "bilinear"}, 1, (9, 12)),
    ],
)
def test_equals_its_oracle(rule, stride, size, randomised):
    path = randomised(PyramidPaths(**rule)(5, 7, stage=0, width=3, stride=stride))
    x = torch.rand(2, 5, *size, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    check(path, x, partial(pyramid_path, outputs=7, width=3, stride=stride, **rule))


def test_widths_by_stage_stand_in_for_the_familys():
    paths = PyramidPaths(widths=(2, 3, 5))
    assert [paths(4, 4, stage=stage, width=99, stride=1).filters[0].in_channels for stage in range(3)] == [2, 3, 5]
    assert PyramidPaths()(4, 4, stage=2, width=6, stride=1).filters[0].in_channels == 6


def test_the_least_of_all_can_be_built():
    path = PyramidPaths(levels=1, exponent=0.5, widths=(1, 1, 1))(4, 4, stage=0, width=9, stride=1)
    assert [layer.weight.numel() for layer in path.filters] == [9]


@pytest.mark.parametrize(
    ("argument", "value"),
    [("levels", 0), ("exponent", 0.0), ("pool", "average"), ("widths", (1, 2)), ("widths", (1, 0, 2))],
)
def test_a_wrong_argument_is_named(argument, value):
    with pytest.raises(ValueError, match=rf"^{argument} must .* got"):
        PyramidPaths(**{argument: value})
