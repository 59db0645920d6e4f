"""ResNet with bottlenecks (He et al. 2016), the backbone of SimpleBaseline and CPN."""

from collections.abc import Sequence
from typing import ClassVar, Literal, get_args

from torch import Tensor, nn

from posepyr.layers.normalise import IMAGENET_MEAN, IMAGENET_STD, Normalise
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
        _check(depth, width)
        pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.stem = nn.Sequential(convolution(3, width, kernel=7, stride=2), pool)
        stages = []
        channels = [width]
        for number, blocks in enumerate(BLOCKS[depth]):
            inner = width * 2**number
            stages.append(stage(channels[-1], inner, blocks, stride=1 if number == 0 else 2))
            channels.append(inner * EXPANSION)
        self.stages = nn.Sequential(*stages)
        self.channels_of_stages = channels[1:]
        self.channels = channels[-1]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.stages(self.stem(x))
        return out

    def maps_of_stages(self, x: Tensor) -> list[Tensor]:
        """Return the map of every stage, from ``B 4 width H/4 W/4`` to ``B 32 width H/32 W/32``."""
        maps = [self.stem(x)]
        for one in self.stages:
            maps.append(one(maps[-1]))
        return maps[1:]


class ResNetClassifier(nn.Module):
    """ResNet's classifier, pixels ``B 3 H W`` to logits ``B classes`` (He et al. 2016, table 1)."""

    pretrained_parts: ClassVar[tuple[str, ...]] = ("backbone",)
    """Modules whose weights come from pretraining: see :class:`~posepyr.checkpoints.weights.Pretrained`."""

    def __init__(
        self,
        classes: int = 1000,
        depth: Depth = 50,
        width: int = 64,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        _check(depth, width)
        if classes < 2:
            raise ValueError(f"classes must be at least 2, got {classes}")
        self.normalise = Normalise(mean, std)
        self.backbone = ResNet(depth, width)
        self.classify = nn.Linear(self.backbone.channels, classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.backbone(self.normalise(image))  # B 32*width H/32 W/32
        logits: Tensor = self.classify(x.mean(dim=(2, 3)))
        return logits


def stage(inputs: int, inner: int, blocks: int, stride: int) -> nn.Sequential:
    """Build bottlenecks in a row, the first of which divides the size by ``stride`` and changes the channels."""
    outputs = inner * EXPANSION
    first = Bottleneck(inputs, inner, outputs, stride)
    return nn.Sequential(first, *(Bottleneck(outputs, inner, outputs) for _ in range(blocks - 1)))


def _check(depth: int, width: int) -> None:
    if depth not in BLOCKS:
        raise ValueError(f"depth must be one of {', '.join(map(str, get_args(Depth)))}, got {depth}")
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width}")
