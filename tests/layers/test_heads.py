"""Heads against plain tensor operations."""

from functools import partial

import pytest
import torch

from posepyr.layers.heads import ConvolutionalHead, PointwiseHead
from support.compared import check
from support.naive_ppnet import head
from support.weights import conv

FEATURES = torch.randn(2, 6, 5, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_pointwise_head_equals_its_oracle(randomised):
    check(randomised(PointwiseHead(6, 3)), FEATURES.clone(), partial(conv, outputs=3, kernel=1))


@pytest.mark.parametrize("width", [None, 7])
def test_convolutional_head_equals_its_oracle(width, randomised):
    layers = ConvolutionalHead(6, 3) if width is None else ConvolutionalHead(6, 3, width)
    check(randomised(layers), FEATURES.clone(), partial(head, joints=3, width=width or 32))
