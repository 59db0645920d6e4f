"""ResNeXt (Xie et al. 2017) for small pictures, plain or with PyraNet's pyramid."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from posepyr.layers.normalise import Normalise
from posepyr.layers.pyramid_path import PyramidPaths
from posepyr.models.wide_resnet import CIFAR10_MEAN, CIFAR10_STD, STAGES

OUTPUTS = 256
"""Channels of the first stage's blocks; each stage doubles them."""


class ResNeXt(nn.Module):
    """Pixels ``B 3 H W`` to logits ``B classes``: three stages of grouped bottlenecks, each half the size before it.

    ResNeXt-depth, cardinality x width d: that many groups of that many channels in the first stage. PyraNet, table 3:
    ``pyramid`` adds a pyramid to every block, its branches as wide as one group.
    """

    def __init__(
        self,
        classes: int = 10,
        depth: int = 29,
        cardinality: int = 8,
        width: int = 64,
        pyramid: PyramidPaths | None = None,
        mean: Sequence[float] = CIFAR10_MEAN,
        std: Sequence[float] = CIFAR10_STD,
    ) -> None:
        super().__init__()
        if depth < 11 or (depth - 2) % 9:
            raise ValueError(f"depth must be 9 n + 2, as 20, 29 or 38, got {depth}")
        for name, value, least in (("cardinality", cardinality, 1), ("width", width, 1), ("classes", classes, 2)):
            if value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")
        self.normalise = Normalise(mean, std)
        self.stem = nn.Sequential(*_convolution(3, 64, kernel=3), nn.ReLU(inplace=True))
        blocks: list[nn.Module] = []
        inputs = 64
        for stage in range(STAGES):
            outputs, group = OUTPUTS * 2**stage, width * 2**stage
            for number in range((depth - 2) // 9):
                stride = 2 if stage and not number else 1
                path = pyramid(inputs, outputs, stage=stage, width=group, stride=stride) if pyramid else None
                blocks.append(GroupedBlock(inputs, outputs, group, cardinality, stride, path))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.classify = nn.Linear(inputs, classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.blocks(self.stem(self.normalise(image)))  # B 1024 H/4 W/4
        logits: Tensor = self.classify(x.mean(dim=(2, 3)))
        return logits


class GroupedBlock(nn.Module):
    """1x1, 3x3 in ``groups`` of ``group`` channels, and 1x1, each with BN; plus shortcut and pyramid path; ReLU."""

    def __init__(self, inputs: int, outputs: int, group: int, groups: int, stride: int, path: nn.Module | None) -> None:
        super().__init__()
        inner = group * groups
        self.main = nn.Sequential(
            *_convolution(inputs, inner),
            nn.ReLU(inplace=True),
            *_convolution(inner, inner, kernel=3, stride=stride, groups=groups),
            nn.ReLU(inplace=True),
            *_convolution(inner, outputs),
        )
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(*_convolution(inputs, outputs, stride=stride))
        self.path = None if path is None else nn.Sequential(path, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = self.main(x) + self.shortcut(x)
        return F.relu(out if self.path is None else out + self.path(x))


def _convolution(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    padding = kernel // 2
    return [
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
