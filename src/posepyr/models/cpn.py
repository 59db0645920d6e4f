"""CPN, the Cascaded Pyramid Network (Chen et al. 2018): a ResNet, GlobalNet's pyramid, and RefineNet over it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from posepyr.layers.heads import SpatialHead
from posepyr.layers.normalise import IMAGENET_MEAN, IMAGENET_STD, Colour, Normalise
from posepyr.layers.pointwise import Pointwise
from posepyr.layers.postactivation import Bottleneck, convolution
from posepyr.layers.resize import check_divisible, resize
from posepyr.models.resnet import Depth, ResNet

Head = Callable[[int, int], nn.Module]


class CPN(nn.Module):
    """Pixels ``B 3 H W`` to five times heatmaps ``B joints H/4 W/4``: GlobalNet's, the deepest first, and RefineNet's.

    Chen et al. 2018, figure 1. ``depth`` and ``width`` are the ResNet's, ``channels`` those of every level of the
    pyramid.
    """

    pretrained_parts: ClassVar[tuple[str, ...]] = ("backbone",)
    """Modules whose weights come from pretraining: see :class:`~posepyr.checkpoints.weights.Pretrained`."""

    def __init__(
        self,
        joints: int,
        depth: Depth = 50,
        width: int = 64,
        channels: int = 256,
        head: Head = SpatialHead,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        colour: Colour = "rgb",
    ) -> None:
        super().__init__()
        if channels < 2 or channels % 2:
            raise ValueError(f"channels must be an even number of at least 2, got {channels}")
        self.normalise = Normalise(mean, std, colour)
        self.backbone = ResNet(depth, width)
        levels = self.backbone.channels_of_stages
        make_head = partial(head, channels, joints)
        self.global_net = GlobalNet(levels, channels, make_head)
        self.refine_net = RefineNet(len(levels), channels, make_head)
        self.divisor = self.backbone.stride
        self.strides = (self.backbone.stride // 2 ** (len(levels) - 1),) * (len(levels) + 1)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        check_divisible((image.shape[-2], image.shape[-1]), self.divisor, "the stride of its backbone")
        pyramid = self.global_net(self.backbone.maps_of_stages(self.normalise(image)))
        return (*self.global_net.heatmaps(pyramid), self.refine_net(pyramid))


class GlobalNet(nn.Module):
    """Maps of a ResNet's stages, the largest first, to a pyramid of ``channels`` in the same sizes.

    Section 3.2.1: each stage passes a 1x1 convolution, and the next deeper level is added to it, enlarged bilinearly
    after a 1x1 convolution of its own. Batch norm and ReLU as released: behind the first and not behind the second.
    The second one works before the enlarging, where the release has it after: a linear map of each pixel commutes with
    interpolation, and here takes a quarter of the operations.
    """

    def __init__(self, inputs: Sequence[int], channels: int, make_head: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(convolution(wide, channels, kernel=1) for wide in inputs)
        self.merges = nn.ModuleList(Pointwise(channels, channels) for _ in inputs[1:])
        # The release's 1x1 before the 3x3 of the text; with it the parameters are the 27.0M that HRNet's table prints.
        self.heads = nn.ModuleList(
            nn.Sequential(convolution(channels, channels, kernel=1), make_head()) for _ in inputs
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        pyramid: list[Tensor] = [self.laterals[-1](maps[-1])]
        for level in reversed(range(len(maps) - 1)):
            side = self.laterals[level](maps[level])
            deeper = self.merges[level](pyramid[0])
            pyramid.insert(0, side + resize(deeper, (side.shape[-2], side.shape[-1])))
        return pyramid

    def heatmaps(self, pyramid: Sequence[Tensor]) -> list[Tensor]:
        """Return the heatmaps of each level, the deepest first, all in the size of the largest."""
        height, width = pyramid[0].shape[-2:]
        smaller = [
            resize(head(level), (height, width)) for head, level in zip(self.heads[1:], pyramid[1:], strict=True)
        ]
        return [*reversed(smaller), self.heads[0](pyramid[0])]


class RefineNet(nn.Module):
    """A pyramid of ``levels`` maps of ``channels``, the largest first, to heatmaps in the size of the largest.

    Section 3.2.2: the deeper a level the more bottlenecks it passes, none at the largest; then all are enlarged,
    concatenated and passed through one bottleneck more.
    """

    def __init__(self, levels: int, channels: int, make_head: Callable[[], nn.Module]) -> None:
        super().__init__()
        inner = channels // 2
        self.branches = nn.ModuleList(
            nn.Sequential(*(Bottleneck(channels, inner, channels) for _ in range(level))) for level in range(levels)
        )
        self.join = Bottleneck(levels * channels, inner, channels)
        self.head = make_head()

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        height, width = pyramid[0].shape[-2:]
        deeper = [
            resize(branch(level), (height, width)) for branch, level in zip(self.branches[1:], pyramid[1:], strict=True)
        ]
        heatmaps: Tensor = self.head(self.join(torch.cat([pyramid[0], *deeper], dim=1)))
        return heatmaps
