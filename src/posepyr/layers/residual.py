"""The pre-activation bottleneck residual of the stacked hourglass, and the interface of its blocks."""

import math
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from posepyr.layers.pointwise import Pointwise


class BlockRule(Protocol):
    """A rule for the modules of a network: builds the one at each place.

    ``halvings`` counts how often the map is halved further beneath that place, inside its hourglass; None
    stands for places outside any hourglass. ``convolution`` forces a convolution into the shortcut where the
    channels alone would allow the identity. Without ``preactivation`` the input is already normalised and
    rectified, and the main path starts with its first convolution.
    """

    def __call__(
        self,
        inputs: int,
        outputs: int,
        *,
        halvings: int | None = None,
        convolution: bool = False,
        preactivation: bool = True,
    ) -> nn.Module: ...


@dataclass(frozen=True)
class ResidualBlocks(BlockRule):
    """Plain residuals at every place: the hourglass baseline.

    ``inner`` is the width of the 3x3 convolution over the module's outputs, rounded down. PyraNet's wide baseline
    ("Wide BS", section 5.1.3) has the size of its pyramid network; how it was widened is not said, and 0.54 of 256,
    which is 138, is a reading. With ``bare``, a convolution in the shortcut has no batch norm and ReLU before it.
    """

    inner: float = 0.5
    bare: bool = False

    def __post_init__(self) -> None:
        if self.inner <= 0:
            raise ValueError(f"inner must be positive, got {self.inner}")

    def __call__(
        self,
        inputs: int,
        outputs: int,
        *,
        halvings: int | None = None,
        convolution: bool = False,
        preactivation: bool = True,
    ) -> nn.Module:
        inner = math.floor(outputs * self.inner)
        if inner < 1:
            raise ValueError(f"block.inner must leave a module of {outputs} outputs a channel, got {self.inner}")
        return PreactivationResidual(
            inputs, outputs, inner, convolution=convolution, preactivation=preactivation, bare=self.bare
        )


class PreactivationResidual(nn.Module):
    """A bottleneck of 1x1, 3x3 and 1x1 convolutions, each after batch norm and ReLU, plus a shortcut.

    ``B inputs H W`` to ``B outputs H W``; nothing follows the sum. Newell et al. 2016, section 3.1; He et al.
    2016, "Identity mappings", figure 1(b). The 3x3 convolution is ``inner`` wide, by default half of the outputs.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        inner: int | None = None,
        *,
        convolution: bool = False,
        preactivation: bool = True,
        bare: bool = False,
    ) -> None:
        super().__init__()
        inner = outputs // 2 if inner is None else inner
        self.main = nn.Sequential(
            activation(inputs) if preactivation else nn.Identity(),
            Pointwise(inputs, inner),
            activation(inner),
            nn.Conv2d(inner, inner, kernel_size=3, padding=1),
            activation(inner),
            Pointwise(inner, outputs),
        )
        self.shortcut = shortcut(inputs, outputs, convolution=convolution, bare=bare)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.main(x) + self.shortcut(x)
        return out


def activation(channels: int) -> nn.Sequential:
    """Build batch norm and ReLU."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def shortcut(inputs: int, outputs: int, *, convolution: bool = False, bare: bool = False) -> nn.Module:
    """Build the identity, or BN-ReLU-1x1 where the channels change or ``convolution`` forces one.

    The convolution in place of the identity is PyraNet's variance control, section 4.2. BN and ReLU before
    it are as released by PyraNet; other hourglasses have the ``bare`` convolution.
    """
    if inputs == outputs and not convolution:
        return nn.Identity()
    if bare:
        return Pointwise(inputs, outputs)
    return nn.Sequential(activation(inputs), Pointwise(inputs, outputs))
