"""Heads: from features to one heatmap a joint."""

from torch import nn

from posepyr.layers.pointwise import Pointwise
from posepyr.layers.postactivation import convolution


def pointwise(channels: int, joints: int) -> nn.Module:
    """The plain head of the hourglass papers: one 1x1 convolution, ``B channels H W`` to ``B joints H W``."""
    return Pointwise(channels, joints)


CONVOLUTIONAL_WIDTH = 32
"""Of PPNet's heads, whatever the width of the network before them."""


def convolutional(channels: int, joints: int) -> nn.Module:
    """PPNet's head: two 3x3 convolutions of 32 channels before the 1x1, ``B channels H W`` to ``B joints H W``."""
    width = CONVOLUTIONAL_WIDTH
    return nn.Sequential(convolution(channels, width), convolution(width, width), Pointwise(width, joints))
