"""A package of somebody's own: networks and a codec that posepyr does not know, and code that no file may reach."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from posepyr.codec import Codec
from posepyr.layers.residual import BlockRule, PreactivationResidual

CALLED: list[str] = []


def harm(command: str = "") -> None:
    """Note that it was called."""
    CALLED.append(command)


class Harm:
    """A class that is no part of a network."""

    def __init__(self, command: str = "") -> None:
        harm(command)


class OwnBlocks(BlockRule):
    """A block rule of one's own."""

    def __call__(self, inputs: int, outputs: int, **_places: object) -> nn.Module:
        return PreactivationResidual(inputs, outputs)


class OwnCodec(Codec):
    """A codec of one's own."""


class OwnBody(nn.Module):
    """A part of a network, made from plain values."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, width, 1)


class OwnNetwork(nn.Module):
    """A pose network that cannot be built without memory, with arguments that carry no annotation."""

    def __init__(
        self,
        joints,
        width=2,
        body=None,
        bodies: Sequence[nn.Module] = (),
        block: BlockRule | None = None,
        head: Callable[[int, int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.scale = torch.linspace(0, 1, 3).tolist()
        self.layer = nn.Conv2d(3, joints, 1)
        self.body, self.bodies, self.block = body, nn.ModuleList(bodies), block
        self.head = head(joints, joints) if head else nn.Identity()

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return (self.head(self.layer(image.float())),)
