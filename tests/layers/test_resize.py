"""Bilinear resizing: both ways to compute it, against Torch's and against the oracle's."""

import pytest
import torch
from torch.nn import functional as F

from posepyr.layers.resize import interpolation, resize, resize_by_products
from support.naive_layers import bilinear

SIZES = [
    ((53, 45), (64, 64)), ((2, 3), (4, 4)), ((1, 1), (2, 2)), ((5, 7), (5, 7)), ((8, 8), (1, 3)), ((4, 3), (2, 2)),
]  # fmt: skip


class OnGPU(torch.Tensor):
    """A map that says it lies on a GPU, which the machine need not have."""

    device = torch.device("cuda")


@pytest.mark.parametrize("way", [resize, resize_by_products])
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_equals_torch(way, before, after):
    x = torch.randn(2, 3, *before, dtype=torch.float64, requires_grad=True)
    reference = F.interpolate(x, size=after, mode="bilinear", align_corners=True)
    torch.testing.assert_close(way(x, after), reference, rtol=0, atol=1e-6)
    weights = torch.randn_like(reference)
    ours, theirs = (torch.autograd.grad((y * weights).sum(), x)[0] for y in (way(x, after), reference))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("way", [resize, resize_by_products])
def test_equals_its_oracle(way):
    x = torch.randn(1, 2, 6, 5, dtype=torch.float64)
    torch.testing.assert_close(way(x, (9, 8)), bilinear(x, (9, 8)))


def test_a_gpu_takes_the_products_as_they_are(monkeypatch):
    products = torch.randn(1, 2, 4, 4)
    monkeypatch.setattr("posepyr.layers.resize.resize_by_products", lambda *_: products)
    assert torch.equal(resize(torch.randn(1, 2, 3, 3).as_subclass(OnGPU), (4, 4)), products)


@pytest.mark.parametrize(("inputs", "outputs"), [(53, 64), (1, 4), (64, 32), (4, 1)])
def test_weights_of_a_pixel_sum_to_one(inputs, outputs):
    rows = interpolation(inputs, outputs, torch.zeros((), dtype=torch.float64))
    torch.testing.assert_close(rows.sum(dim=1), torch.ones(outputs, dtype=torch.float64))
    assert ((rows > 0).sum(dim=1) <= 2).all()
