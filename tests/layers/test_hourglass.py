"""One hourglass: its sizes, its sum, its places."""

import pytest
import torch
from torch import nn

from posepyr.layers.hourglass import Hourglass


def identity(*_):
    return nn.Identity()


def test_every_place_sees_its_size():
    seen = {}

    class Probe(nn.Module):
        def __init__(self, level, role):
            super().__init__()
            self.place = (level, role)

        def forward(self, x):
            seen[self.place] = tuple(x.shape[-2:])
            return x

    out = Hourglass(4, Probe)(torch.zeros(1, 2, 64, 48))
    assert out.shape == (1, 2, 64, 48)
    expected = {(level, "skip"): (2**level * 4, 2**level * 3) for level in (4, 3, 2, 1)}
    expected |= {(level, role): (2**level * 2, 2**level * 3 // 2) for level in (4, 3, 2, 1) for role in ("down", "up")}
    expected[1, "inner"] = (4, 3)
    assert seen == expected


def test_sums_the_skip_and_the_upsampled_maximum():
    x = torch.arange(16.0).view(1, 1, 4, 4)
    out = Hourglass(1, identity)(x)
    assert out[0, 0].tolist() == [[5, 6, 9, 10], [9, 10, 13, 14], [21, 22, 25, 26], [25, 26, 29, 30]]


def test_larger_windows_reach_one_pixel_further_and_halve_the_same():
    x = torch.arange(16.0).view(1, 1, 4, 4)
    out = Hourglass(1, identity, window=3)(x) - x
    assert out[0, 0].tolist() == [[5, 5, 7, 7], [5, 5, 7, 7], [13, 13, 15, 15], [13, 13, 15, 15]]
    x = torch.zeros(1, 1, 4, 4)
    x[..., 1, 1] = 1
    assert (Hourglass(2, identity, window=3)(x) - x)[0, 0, 3, 3] > (Hourglass(1, identity)(x) - x)[0, 0, 3, 3]


def test_depth_zero_is_an_error():
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        Hourglass(0, identity)
