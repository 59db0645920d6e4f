"""PPNet, the parallel pyramid network: small pyramids of parallel branches in a row, supervised after each."""

import math
from collections.abc import Callable, Sequence
from typing import Literal

from torch import Tensor, nn

from posepyr.layers.exchange import STEM_STRIDE, STEM_WIDTH, Branches, Exchange, Spread, stem
from posepyr.layers.heads import convolutional
from posepyr.layers.normalise import IMAGENET_MEAN, IMAGENET_STD, Colour, Normalise
from posepyr.layers.pointwise import Pointwise
from posepyr.layers.postactivation import BasicBlock, Bottleneck, convolution
from posepyr.layers.sizes import check_divisible

EXPANSION = 4
"""The features of a residual module are this many times wider than its 3x3 convolution (table VII)."""


class PPNet(nn.Module):
    """Pixels ``B 3 H W`` to one ``B joints H/4 W/4`` of heatmaps for each module, the last one the prediction.

    ``Mm-Dn-WC`` is ``modules=m blocks=n width=C``: n residual blocks of C channels in the highest of the
    ``branches``; from each branch to the next, blocks, width and resolution change by the three ratios, each
    one number or one for each step. ``block``: the residual block, or the residual module (table VII).
    ``reinject`` says what each module's result is added to on its way into the next: the branches' outputs
    before their fusion, as the released code does, or the module's inputs, as the paper words it.
    """

    def __init__(
        self,
        joints: int,
        modules: int = 2,
        blocks: int = 2,
        width: int = 32,
        block: Literal["basic", "module"] = "basic",
        branches: int = 3,
        depth_ratio: int | Sequence[int] = 2,
        width_ratio: int | Sequence[int] = 2,
        resolution_ratio: int | Sequence[int] = 2,
        reinject: Literal["branch_output", "module_input"] = "branch_output",
        head: Callable[[int, int], nn.Module] = convolutional,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        colour: Colour = "rgb",
    ) -> None:
        super().__init__()
        _check_choice("block", block, ("basic", "module"))
        _check_choice("reinject", reinject, ("branch_output", "module_input"))
        _check_least(1, modules=modules, blocks=blocks, width=width)
        _check_least(2, branches=branches)
        ratios = _ratios("resolution_ratio", resolution_ratio, branches)
        depths = _growing(blocks, _ratios("depth_ratio", depth_ratio, branches))
        first = width if block == "basic" else width * EXPANSION
        widths = _growing(first, _ratios("width_ratio", width_ratio, branches))
        self.reinject = reinject
        self.strides = (STEM_STRIDE,) * modules
        self.divisor = STEM_STRIDE * math.prod(ratios)

        self.normalise = Normalise(mean, std, colour)
        self.stem = stem()
        self.spread = Spread(STEM_WIDTH, widths, ratios)
        residual = BasicBlock if block == "basic" else residual_module
        self.pyramids = nn.ModuleList(Branches(widths, depths, residual) for _ in range(modules))
        inner = [Exchange(widths, ratios) for _ in range(modules - 1)]
        # Of the last module only the highest resolution is used.
        self.exchanges = nn.ModuleList([*inner, Exchange(widths, ratios, outputs=(0,))])
        # In the released code, not in the paper.
        self.features = nn.ModuleList(convolution(first, first, kernel=1) for _ in range(modules))
        self.heads = nn.ModuleList(head(first, joints) for _ in range(modules))
        self.merge_features = nn.ModuleList(Pointwise(first, first) for _ in range(modules - 1))
        self.merge_heatmaps = nn.ModuleList(Pointwise(joints, first) for _ in range(modules - 1))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        check_divisible((image.shape[-2], image.shape[-1]), self.divisor, "the stride of its lowest resolution")
        maps = self.spread(self.stem(self.normalise(image)))
        heatmaps: list[Tensor] = []
        for number, pyramid in enumerate(self.pyramids):
            outputs = pyramid(maps)
            fused = self.exchanges[number](outputs)
            features = self.features[number](fused[0])
            heatmaps.append(self.heads[number](features))
            if number < len(self.merge_features):
                # The highest resolution goes on through its heatmaps and features, not by itself.
                fused[0] = self.merge_features[number](features) + self.merge_heatmaps[number](heatmaps[-1])
                base = outputs if self.reinject == "branch_output" else maps
                maps = [x + y for x, y in zip(base, fused, strict=True)]
        return tuple(heatmaps)


def residual_module(width: int) -> Bottleneck:
    """The residual module of PPNet's table VII."""
    return Bottleneck(width, width // EXPANSION, width)


def _growing(first: int, ratios: Sequence[int]) -> list[int]:
    """A number for each branch, each a ratio times the one before it."""
    values = [first]
    for ratio in ratios:
        values.append(values[-1] * ratio)
    return values


def _ratios(name: str, value: int | Sequence[int], branches: int) -> tuple[int, ...]:
    ratios = (value,) * (branches - 1) if isinstance(value, int) else tuple(value)
    if len(ratios) != branches - 1 or min(ratios) < 1:
        raise ValueError(
            f"model.{name} must be a positive number, or one for each of the {branches - 1} steps between "
            f"{branches} branches, got {value}"
        )
    return ratios


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"model.{name} must be {' or '.join(choices)}, got {value}")


def _check_least(least: int, **values: int) -> None:
    for name, value in values.items():
        if value < least:
            raise ValueError(f"model.{name} must be at least {least}, got {value}")
