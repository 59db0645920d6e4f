"""Wide ResNet (Zagoruyko and Komodakis 2016) for small pictures, plain or with PyraNet's pyramid."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from posepyr.layers.normalise import Normalise
from posepyr.layers.pyramid_path import PyramidPaths

CIFAR10_MEAN = (0.4914, 0.4824, 0.4467)
CIFAR10_STD = (0.2471, 0.2435, 0.2616)
"""Mean and deviation of the colours of CIFAR-10's training pictures, red first."""

STAGES = 3


class WideResNet(nn.Module):
    """Pixels ``B 3 H W`` to logits ``B classes``: three stages of pre-activation blocks, each half the size before it.

    WRN-depth-widen. PyraNet, table 3: ``pyramid`` adds a pyramid to every block; the branches of one together are as
    wide as the block's outputs.
    """

    def __init__(
        self,
        classes: int = 10,
        depth: int = 28,
        widen: int = 10,
        pyramid: PyramidPaths | None = None,
        mean: Sequence[float] = CIFAR10_MEAN,
        std: Sequence[float] = CIFAR10_STD,
    ) -> None:
        super().__init__()
        if depth < 10 or (depth - 4) % 6:
            raise ValueError(f"depth must be 6 n + 4, as 16, 22 or 28, got {depth}")
        if widen < 1:
            raise ValueError(f"widen must be at least 1, got {widen}")
        if classes < 2:
            raise ValueError(f"classes must be at least 2, got {classes}")
        self.normalise = Normalise(mean, std)
        self.stem = nn.Conv2d(3, 16, kernel_size=3, padding=1, bias=False)
        blocks: list[nn.Module] = []
        inputs = 16
        for stage in range(STAGES):
            outputs = 16 * widen * 2**stage
            for number in range((depth - 4) // 6):
                stride = 2 if stage and not number else 1
                path = pyramid(inputs, outputs, stage=stage, width=outputs // 4, stride=stride) if pyramid else None
                blocks.append(WideBlock(inputs, outputs, stride, path))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True))
        self.classify = nn.Linear(inputs, classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.last(self.blocks(self.stem(self.normalise(image))))  # B 64*widen H/4 W/4
        logits: Tensor = self.classify(x.mean(dim=(2, 3)))
        return logits


class WideBlock(nn.Module):
    """``a = ReLU(BN(x))``; 3x3-BN-ReLU-3x3 of ``a``, plus ``x`` or a 1x1 of ``a``, plus the pyramid path of ``a``."""

    def __init__(self, inputs: int, outputs: int, stride: int, path: nn.Module | None) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.main = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
        )
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False)
        self.path = path

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.norm(x))
        out: Tensor = self.main(active) + (x if self.shortcut is None else self.shortcut(active))
        return out if self.path is None else out + self.path(active)
