"""Heads: from features to one heatmap a joint."""

from torch import nn

from posepyr.layers.pointwise import Pointwise
from posepyr.layers.postactivation import convolution


class PointwiseHead(Pointwise):
    """The plain head of the hourglass papers: one 1x1 convolution, ``B channels H W`` to ``B joints H W``."""

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__(channels, joints)


class SpatialHead(nn.Conv2d):
    """CPN's head: one 3x3 convolution, ``B channels H W`` to ``B joints H W`` (Chen et al. 2018, section 3.2.1).

    The release has batch norm in place of the bias; its unit variance suits peaks of 255 and not those of 1.
    """

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__(channels, joints, kernel_size=3, padding=1)


class ConvolutionalHead(nn.Sequential):
    """PPNet's head: two 3x3 convolutions before the 1x1, ``B channels H W`` to ``B joints H W``.

    ``width`` is that of the two, whatever the width of the network before them.
    """

    def __init__(self, channels: int, joints: int, width: int = 32) -> None:
        super().__init__(convolution(channels, width), convolution(width, width), Pointwise(width, joints))
