"""Inception-ResNet blocks: a residual whose bottleneck has two branches of different depth (MSSH, section 3.3)."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posepyr.layers.pointwise import Pointwise
from posepyr.layers.residual import BlockRule, activation

Variant = Literal["A", "B"]


@dataclass(frozen=True)
class InceptionBlocks(BlockRule):
    """Inception-ResNet blocks at every place, by default MSSH's A.

    ``width`` is the channels of each of the two branches, by default a quarter of the block's outputs: both
    together are as wide as the residual's bottleneck. The paper does not give it.
    """

    variant: Variant = "A"
    width: int | None = None

    def __post_init__(self) -> None:
        if self.variant not in get_args(Variant):
            raise ValueError(f"variant must be one of {', '.join(get_args(Variant))}, got {self.variant}")
        if self.width is not None and self.width < 1:
            raise ValueError(f"width must be at least 1, got {self.width}")

    def __call__(
        self,
        inputs: int,
        outputs: int,
        *,
        halvings: int | None = None,
        convolution: bool = False,
        preactivation: bool = True,
    ) -> nn.Module:
        return InceptionResidual(inputs, outputs, self, convolution=convolution, preactivation=preactivation)


class InceptionResidual(nn.Module):
    """Two parallel branches, joined by a 1x1 convolution, plus a shortcut; batch norm and ReLU precede all.

    ``B inputs H W`` to ``B outputs H W``. MSSH, figure 4. The short branch is 1x1 and 3x3, the long one 1x1, 3x3
    and 3x3; variant B does the long branch's two 3x3 on half the size. A reading: the figure is a sketch, and the
    branches are those of Inception-ResNet-v2. Where the channels change, the shortcut is a bare convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rule: InceptionBlocks,
        *,
        convolution: bool = False,
        preactivation: bool = True,
    ) -> None:
        super().__init__()
        width = outputs // 4 if rule.width is None else rule.width
        if width < 1:
            raise ValueError(
                f"block.width must be given where a block has fewer than 4 outputs, got {outputs} outputs; "
                "or widen the model"
            )
        self.halved = rule.variant == "B"
        self.short = nn.Sequential(_reduce(inputs, width, preactivation), _filter(width))
        self.long_first = _reduce(inputs, width, preactivation)
        self.long_rest = nn.Sequential(_filter(width), _filter(width))
        self.join = nn.Sequential(activation(2 * width), Pointwise(2 * width, outputs))
        plain = inputs == outputs and not convolution
        self.shortcut = nn.Identity() if plain else Pointwise(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        branches = torch.cat([self.short(x), self.long(x)], dim=1)
        out: Tensor = self.join(branches) + self.shortcut(x)
        return out

    def long(self, x: Tensor) -> Tensor:
        """Return the output ``B width H W`` of the branch with two 3x3 convolutions."""
        x = self.long_first(x)
        if not self.halved:
            out: Tensor = self.long_rest(x)
            return out
        # Rounded up, so that odd sizes and single pixels survive; each pixel gets back what became of its window.
        size = (x.shape[-2], x.shape[-1])
        low = self.long_rest(F.max_pool2d(x, kernel_size=2, ceil_mode=True))
        return F.interpolate(low, size=size, mode="nearest")


def _reduce(inputs: int, width: int, preactivation: bool) -> nn.Sequential:
    return nn.Sequential(activation(inputs) if preactivation else nn.Identity(), Pointwise(inputs, width))


def _filter(width: int) -> nn.Sequential:
    return nn.Sequential(activation(width), nn.Conv2d(width, width, kernel_size=3, padding=1))
