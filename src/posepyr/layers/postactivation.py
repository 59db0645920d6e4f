"""Convolutions with batch norm and ReLU after them, and the two residuals of ResNet that are made of them."""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from posepyr.layers.pointwise import Pointwise
from posepyr.layers.residual import BlockRule


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, relu: bool = True) -> nn.Sequential:
    """Build a convolution without bias, batch norm and, by default, ReLU; sizes are divided by ``stride``."""
    plain = kernel == 1 and stride == 1
    layers: list[nn.Module] = [
        Pointwise(inputs, outputs, bias=False)
        if plain
        else nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside the identity, and ReLU after the sum; ``B channels H W`` to the same.

    He et al. 2016, figure 5 left.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = nn.Sequential(convolution(channels, channels), convolution(channels, channels, relu=False))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.main(x) + x, inplace=True)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, of which the middle one is ``inner`` wide, beside a shortcut; ReLU after the sum.

    ``B inputs H W`` to ``B outputs H/stride W/stride``. He et al. 2016, figure 5 right, with the stride in the
    3x3 convolution, as the pose releases have it. The shortcut is the identity, or 1x1 and batch norm where
    size or channels change.
    """

    def __init__(self, inputs: int, inner: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.main = nn.Sequential(
            convolution(inputs, inner, kernel=1),
            convolution(inner, inner, stride=stride),
            convolution(inner, outputs, kernel=1, relu=False),
        )
        changes = stride != 1 or inputs != outputs
        self.shortcut = convolution(inputs, outputs, 1, stride, relu=False) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.main(x) + self.shortcut(x), inplace=True)


class BareBottleneck(nn.Module):
    """:class:`Bottleneck` at half the outputs' width, whose shortcut has a 1x1 convolution alone, without batch norm.

    ``B inputs H W`` to ``B outputs H W``; the residual of the hourglass in PPNet's release. With ``changed`` the
    shortcut is a convolution also where the channels would allow the identity.
    """

    def __init__(self, inputs: int, outputs: int, *, changed: bool = False) -> None:
        super().__init__()
        inner = outputs // 2
        self.main = nn.Sequential(
            convolution(inputs, inner, kernel=1),
            convolution(inner, inner),
            convolution(inner, outputs, kernel=1, relu=False),
        )
        bare = changed or inputs != outputs
        self.shortcut = Pointwise(inputs, outputs, bias=False) if bare else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.main(x) + self.shortcut(x), inplace=True)


@dataclass(frozen=True)
class PostactivationBlocks(BlockRule):
    """The residual of PPNet's hourglass at every place; nothing precedes its convolutions to be left out."""

    def __call__(
        self,
        inputs: int,
        outputs: int,
        *,
        halvings: int | None = None,
        convolution: bool = False,
        preactivation: bool = True,
    ) -> nn.Module:
        return BareBottleneck(inputs, outputs, changed=convolution)
