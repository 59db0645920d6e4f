"""ResNet with bottlenecks (He et al. 2016), the backbone of SimpleBaseline."""

from typing import Literal, get_args

from torch import Tensor, nn

from posepyr.layers.postactivation import Bottleneck, convolution

Depth = Literal[50, 101, 152]

BLOCKS: dict[int, tuple[int, ...]] = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Residuals of each stage (He et al. 2016, table 1)."""

EXPANSION = 4


class ResNet(nn.Module):
    """Normalised ``B 3 H W`` to ``B 32 width H/32 W/32``; ``width`` is that of the first convolution."""

    stride = 32

    def __init__(self, depth: Depth = 50, width: int = 64) -> None:
        super().__init__()
        if depth not in BLOCKS:
            raise ValueError(f"model.depth must be one of {', '.join(map(str, get_args(Depth)))}, got {depth}")
        if width < 1:
            raise ValueError(f"model.width must be at least 1, got {width}")
        pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.stem = nn.Sequential(convolution(3, width, kernel=7, stride=2), pool)
        stages = []
        channels = width
        for number, blocks in enumerate(BLOCKS[depth]):
            inner = width * 2**number
            stages.append(stage(channels, inner, blocks, stride=1 if number == 0 else 2))
            channels = inner * EXPANSION
        self.stages = nn.Sequential(*stages)
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.stages(self.stem(x))
        return out


def stage(inputs: int, inner: int, blocks: int, stride: int) -> nn.Sequential:
    """Bottlenecks in a row, the first of which divides the size by ``stride`` and changes the channels."""
    outputs = inner * EXPANSION
    first = Bottleneck(inputs, inner, outputs, stride)
    return nn.Sequential(first, *(Bottleneck(outputs, inner, outputs) for _ in range(blocks - 1)))
