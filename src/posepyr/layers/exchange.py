"""Branches of several resolutions side by side, and the exchange between them: what HRNet and PPNet are made of.

A list of maps goes from the highest resolution to the lowest. ``ratios`` hold how many times smaller each map is
than the one before it, and so have one entry less.
"""

import math
from collections.abc import Callable, Iterable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from posepyr.layers.postactivation import Bottleneck, convolution

STEM_WIDTH = 256
STEM_STRIDE = 4


def stem() -> nn.Sequential:
    """From ``B 3 H W`` to ``B 256 H/4 W/4``: two strided convolutions and ResNet-50's first stage.

    HRNet, section 3, "Instantiation"; PPNet's is the same.
    """
    residuals = [Bottleneck(64 if block == 0 else STEM_WIDTH, 64, STEM_WIDTH) for block in range(4)]
    return nn.Sequential(convolution(3, 64, stride=2), convolution(64, 64, stride=2), nn.Sequential(*residuals))


def descent(inputs: int, outputs: int, ratios: Sequence[int], *, relu: bool = True) -> nn.Sequential:
    """3x3 convolutions, one for each ratio and strided by it: all but the last keep the channels and end in ReLU.

    The largest stride comes first: the order in which PPNet's table VIII was counted.
    """
    *before, last = sorted(ratios, reverse=True)
    kept = [convolution(inputs, inputs, stride=ratio) for ratio in before]
    return nn.Sequential(*kept, convolution(inputs, outputs, stride=last, relu=relu))


def ascent(inputs: int, outputs: int, ratios: Sequence[int]) -> nn.Sequential:
    """Build a 1x1 convolution and batch norm, then nearest upsampling by the product of the ratios."""
    return nn.Sequential(
        convolution(inputs, outputs, kernel=1, relu=False), nn.Upsample(scale_factor=math.prod(ratios), mode="nearest")
    )


class Spread(nn.Module):
    """Maps of several resolutions made of one, ``B inputs H W`` to ``B widths[r] H_r W_r``; the first keeps H and W."""

    def __init__(self, inputs: int, widths: Sequence[int], ratios: Sequence[int]) -> None:
        super().__init__()
        self.paths = nn.ModuleList(
            descent(inputs, width, ratios[:branch] or (1,)) for branch, width in enumerate(widths)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        return [path(x) for path in self.paths]


class Branches(nn.Module):
    """Parallel branches of ``depths[r]`` residuals each; a list of ``B widths[r] H_r W_r`` to the same."""

    def __init__(self, widths: Sequence[int], depths: Sequence[int], block: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.paths = nn.ModuleList(
            nn.Sequential(*(block(width) for _ in range(depth))) for width, depth in zip(widths, depths, strict=True)
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        return [path(x) for path, x in zip(self.paths, maps, strict=True)]


class Exchange(nn.Module):
    """Fusion of all maps into each: ``Y_i = ReLU(sum_j a_ij(X_j))`` for i in ``outputs``.

    A list of ``B widths[r] H_r W_r`` to the ``outputs`` of them, by default all. a_ij is the identity for i = j,
    strided 3x3 convolutions towards lower resolutions, and a 1x1 convolution with nearest upsampling towards
    higher ones. HRNet, section 3, "Repeated multi-scale fusion" and figure 3.
    """

    def __init__(self, widths: Sequence[int], ratios: Sequence[int], outputs: Sequence[int] | None = None) -> None:
        super().__init__()

        def path(source: int, target: int) -> nn.Module:
            if source == target:
                return nn.Identity()
            if source > target:
                return ascent(widths[source], widths[target], ratios[target:source])
            return descent(widths[source], widths[target], ratios[source:target], relu=False)

        sources = range(len(widths))
        targets = sources if outputs is None else outputs
        # By the number of the branch: a network that gives one map finds its weights in one that gives them all.
        self.targets = nn.ModuleDict(
            {str(target): Fusion(path(source, target) for source in sources) for target in targets}
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        return [fusion(maps) for fusion in self.targets.values()]


class Fusion(nn.Module):
    """ReLU of the sum of several maps, each brought to one size and width by a path of its own."""

    def __init__(self, paths: Iterable[nn.Module]) -> None:
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, maps: list[Tensor]) -> Tensor:
        first, *others = (path(x) for path, x in zip(self.paths, maps, strict=True))
        return F.relu(sum(others, start=first))
