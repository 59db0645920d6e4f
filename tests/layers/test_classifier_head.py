"""The classifier behind several resolutions against plain tensor operations."""

from functools import partial

import pytest
import torch

from posepyr.layers.classifier_head import MultiscaleHead
from support.compared import check
from support.naive_postactivation import classify

WIDTHS = (6, 128, 4)


@pytest.mark.parametrize(("ratios", "branches"), [((2, 2), 3), ((3, 2), 3), ((2,), 2), ((), 1)])
def test_equals_its_oracle(ratios, branches, randomised):
    generator = torch.Generator().manual_seed(1)
    height, width, maps = 12, 24, []
    for channels, ratio in zip(WIDTHS[:branches], (1, *ratios), strict=True):
        height, width = height // ratio, width // ratio
        maps.append(torch.randn(2, channels, height, width, generator=generator, dtype=torch.float64))
    head = randomised(MultiscaleHead(WIDTHS[:branches], ratios, 7))
    check(head, maps, partial(classify, ratios=ratios, classes=7))


def test_too_few_classes_are_refused():
    with pytest.raises(ValueError, match=r"classes must be at least 2, got 1"):
        MultiscaleHead(WIDTHS, (2, 2), 1)
