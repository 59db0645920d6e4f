"""The pre-activation bottleneck residual of the stacked hourglass, and what every block of it shares."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from posepyr.layers.pointwise import Pointwise


class BlockRule(Protocol):
    """Which module stands at a place of a network: what a configuration names under ``model.block``.

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
class ResidualBlocks:
    """The same residual at every place: the hourglass baseline."""

    def __call__(
        self,
        inputs: int,
        outputs: int,
        *,
        halvings: int | None = None,
        convolution: bool = False,
        preactivation: bool = True,
    ) -> nn.Module:
        return PreactivationResidual(inputs, outputs, convolution=convolution, preactivation=preactivation)


class PreactivationResidual(nn.Module):
    """A bottleneck of 1x1, 3x3 and 1x1 convolutions, each after batch norm and ReLU, plus a shortcut.

    ``B inputs H W`` to ``B outputs H W``; nothing follows the sum. Newell et al. 2016, section 3.1; He et al.
    2016, "Identity mappings", figure 1(b).
    """

    def __init__(self, inputs: int, outputs: int, *, convolution: bool = False, preactivation: bool = True) -> None:
        super().__init__()
        inner = outputs // 2
        self.main = nn.Sequential(
            activation(inputs) if preactivation else nn.Identity(),
            Pointwise(inputs, inner),
            activation(inner),
            nn.Conv2d(inner, inner, kernel_size=3, padding=1),
            activation(inner),
            Pointwise(inner, outputs),
        )
        self.shortcut = shortcut(inputs, outputs, convolution=convolution)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.main(x) + self.shortcut(x)
        return out


def activation(channels: int) -> nn.Sequential:
    """Batch norm and ReLU."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def shortcut(inputs: int, outputs: int, *, convolution: bool = False) -> nn.Module:
    """The identity, or BN-ReLU-1x1 where the channels change or a convolution is asked for.

    The convolution in place of the identity is PyraNet's variance control, section 4.2. BN and ReLU before
    it are as released by PyraNet; other hourglasses have the bare convolution.
    """
    if inputs == outputs and not convolution:
        return nn.Identity()
    return nn.Sequential(activation(inputs), Pointwise(inputs, outputs))
