"""Heads: from features to one heatmap a joint."""

from torch import nn

from posepyr.layers.pointwise import Pointwise


def pointwise(channels: int, joints: int) -> nn.Module:
    """The plain head of the hourglass papers: one 1x1 convolution, ``B channels H W`` to ``B joints H W``."""
    return Pointwise(channels, joints)
