"""The multi-scale stacked hourglass (MSSH): hourglasses at growing resolution, each fed with features of its scale."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posepyr.layers.heads import PointwiseHead
from posepyr.layers.normalise import Normalise
from posepyr.layers.pointwise import Pointwise
from posepyr.layers.residual import BlockRule, activation
from posepyr.layers.resize import check_divisible
from posepyr.models.hourglass import MPII_MEAN, Hourglass, Role

STRIDES = (8, 4, 2)
"""Strides of the three scales, the small one first: 32, 64 and 128 pixels for an input of 256."""


class MSSH(nn.Module):
    """Hourglasses in a row, the first on small maps and the last on large ones, each predicting all heatmaps.

    ``B 3 H W`` of pixels to a tuple of ``B joints H/s W/s`` with the stage's stride s of 8, 4 or 2; the last is the
    prediction. MSSH, sections 3.2 and 3.3. ``stages`` is their number, split over the scales as evenly as possible
    with the remainder on the small ones, or the numbers at strides 8, 4 and 2. ``depth`` is that of all hourglasses or
    one for each scale; (3, 4, 5) gives all of them the same innermost map. ``fusion`` joins a stage's output with the
    next scale's map; ``lateral`` adds the way from small to large maps in the pre-processing network.

    The paper leaves open what its figures would show: block widths, the split, the depth and the upsampling between
    scales are readings, and stages, heads and re-injection are those of the stacked hourglass it starts from. Its
    recipes sum squared errors over pixels (equation 2): in their mean the last stage would weigh a sixteenth of the
    first.
    """

    def __init__(
        self,
        joints: int,
        block: BlockRule,
        stages: int | Sequence[int] = 8,
        depth: int | Sequence[int] = 4,
        width: int = 256,
        lateral: bool = False,
        fusion: Literal["sum", "concatenation"] = "sum",
        head: Callable[[int, int], nn.Module] = PointwiseHead,
        mean: Sequence[float] = MPII_MEAN,
        std: Sequence[float] = (1.0, 1.0, 1.0),
    ) -> None:
        super().__init__()
        counts = split(stages) if isinstance(stages, int) else tuple(stages)
        depths = (depth,) * len(STRIDES) if isinstance(depth, int) else tuple(depth)
        _check(counts, depths, width, fusion)
        self.strides = tuple(stride for stride, count in zip(STRIDES, counts, strict=True) for _ in range(count))
        depth_of = dict(zip(STRIDES, depths, strict=True))
        self.divisor = max(stride * 2 ** depth_of[stride] for stride in self.strides)

        def block_at(level: int, role: Role) -> nn.Module:
            return block(width, width, halvings=level if role == "skip" else level - 1)

        self.normalise = Normalise(mean, std)
        self.preprocessing = Preprocessing(width, block, self.strides, lateral)
        self.hourglasses = nn.ModuleList(Hourglass(depth_of[stride], block_at) for stride in self.strides)
        self.features = nn.ModuleList(
            nn.Sequential(block(width, width), Pointwise(width, width), activation(width)) for _ in self.strides
        )
        self.heads = nn.ModuleList(head(width, joints) for _ in self.strides)
        # Nothing follows the last stage: merging convolutions there would never get a gradient.
        self.merge_features = nn.ModuleList(Pointwise(width, width) for _ in self.strides[1:])
        self.merge_heatmaps = nn.ModuleList(Pointwise(joints, width) for _ in self.strides[1:])
        join = Sum if fusion == "sum" else Concatenation
        self.fusions = nn.ModuleList(join(width) for _ in self.strides[1:])

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        check_divisible((image.shape[-2], image.shape[-1]), self.divisor, "the stride of a scale times 2 ** depth")
        dispatched = self.preprocessing(self.normalise(image))  # by stride s: B width H/s W/s
        x = dispatched[self.strides[0]]
        heatmaps: list[Tensor] = []
        for stage, hourglass in enumerate(self.hourglasses):
            features = self.features[stage](hourglass(x))
            heatmaps.append(self.heads[stage](features))
            if stage < len(self.fusions):
                x = x + self.merge_features[stage](features) + self.merge_heatmaps[stage](heatmaps[-1])
                here, there = self.strides[stage], self.strides[stage + 1]
                x = self.fusions[stage](_enlarged(x, here // there), dispatched[there])
        return tuple(heatmaps)


class Preprocessing(nn.Module):
    """Feature maps at the strides of the stages: a trunk that halves, and a branch at each of its sizes.

    ``B 3 H W`` to ``B width H/s W/s`` by stride s. MSSH, section 3.2 and figure 3, which is a reading. With
    ``lateral`` each map adds the next smaller one, as in a feature pyramid network. Only what a stage needs is built:
    the trunk ends at the smallest map, and lateral connections span the scales from the smallest to the largest.
    """

    def __init__(self, width: int, block: BlockRule, strides: Sequence[int], lateral: bool) -> None:
        super().__init__()
        trunk = [stride for stride in reversed(STRIDES) if stride <= max(strides)]  # the large map first
        branches = [stride for stride in trunk if stride >= min(strides)] if lateral else sorted(set(strides))
        self.stem = nn.Sequential(
            nn.Conv2d(3, width // 4, kernel_size=7, stride=2, padding=3),
            activation(width // 4),
        )
        inner = width // 2
        self.trunk = nn.ModuleDict(
            {str(stride): block(width // 4 if stride == trunk[0] else inner, inner) for stride in trunk}
        )
        self.branches = nn.ModuleDict({str(stride): block(inner, width) for stride in branches})
        self.laterals = nn.ModuleDict(
            {str(stride): nn.Sequential(activation(width), Pointwise(width, width)) for stride in branches}
            if lateral
            else {}
        )

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        x = self.stem(image)
        maps: dict[int, Tensor] = {}
        for number, (stride, block) in enumerate(self.trunk.items()):
            x = block(F.max_pool2d(x, kernel_size=2) if number else x)
            if stride in self.branches:
                maps[int(stride)] = self.branches[stride](x)
        return self._connected(maps) if len(self.laterals) else maps

    def _connected(self, maps: dict[int, Tensor]) -> dict[int, Tensor]:
        connected: dict[int, Tensor] = {}
        for stride in sorted(maps, reverse=True):
            connected[stride] = self.laterals[str(stride)](maps[stride])
            if 2 * stride in connected:
                connected[stride] = connected[stride] + _enlarged(connected[2 * stride], 2)
        return connected


class Sum(nn.Module):
    """Fusion of two maps ``B width H W`` by their sum."""

    def __init__(self, width: int) -> None:
        super().__init__()

    def forward(self, previous: Tensor, dispatched: Tensor) -> Tensor:
        return previous + dispatched


class Concatenation(nn.Module):
    """Fusion of two maps ``B width H W`` by concatenation, and BN-ReLU-1x1 back to ``width`` channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduce = nn.Sequential(activation(2 * width), Pointwise(2 * width, width))

    def forward(self, previous: Tensor, dispatched: Tensor) -> Tensor:
        out: Tensor = self.reduce(torch.cat([previous, dispatched], dim=1))
        return out


def split(stages: int) -> tuple[int, ...]:
    """Return the stages at each scale, the small one first: 8 become 3, 3 and 2; 2 become 1, 0 and 1."""
    if stages == 2:
        return (1, 0, 1)
    return tuple(stages // 3 + (scale < stages % 3) for scale in range(len(STRIDES)))


def _enlarged(x: Tensor, factor: int) -> Tensor:
    return x if factor == 1 else F.interpolate(x, scale_factor=factor, mode="nearest")


def _check(counts: Sequence[int], depths: Sequence[int], width: int, fusion: str) -> None:
    if len(counts) != len(STRIDES) or min(counts) < 0 or sum(counts) < 1:
        raise ValueError(
            f"stages must be a number of at least 1, or the numbers at strides 8, 4 and 2, got {[*counts]}"
        )
    if len(depths) != len(STRIDES) or min(depths) < 1:
        raise ValueError(f"depth must be at least 1, one number or one a scale (3), got {[*depths]}")
    if width < 4 or width % 4:
        raise ValueError(f"width must be a positive multiple of 4, got {width}; the stem has a quarter of it")
    if fusion not in ("sum", "concatenation"):
        raise ValueError(f"fusion must be sum or concatenation, got {fusion}")
