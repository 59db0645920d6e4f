"""PPNet, the parallel pyramid network: small pyramids of parallel branches in a row, each supervised."""

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal, get_args

from torch import Tensor, nn

from posepyr.layers.classifier_head import MultiscaleHead
from posepyr.layers.exchange import STEM_STRIDE, STEM_WIDTH, Branches, Exchange, Spread, stem
from posepyr.layers.heads import ConvolutionalHead
from posepyr.layers.normalise import IMAGENET_MEAN, IMAGENET_STD, Colour, Normalise
from posepyr.layers.pointwise import Pointwise
from posepyr.layers.postactivation import BasicBlock, Bottleneck, convolution
from posepyr.layers.resize import check_divisible

EXPANSION = 4
"""The features of a residual module are this many times wider than its 3x3 convolution (table VII)."""

Block = Literal["basic", "module"]
Reinject = Literal["branch_output", "module_input"]


class ParallelPyramids(nn.Module):
    """PPNet without its heads: stem, modules of branches and exchange, and the links between modules.

    ``outputs`` chooses the branches that the last module gives, 0 being the highest resolution; all by default. What
    lies between two modules is a network's own, see :class:`PPNet`, whose arguments the others are.
    """

    """The configuration's node, for errors."""

    pretrained_parts: ClassVar[tuple[str, ...]] = ("stem", "spread", "pyramids", "exchanges")
    """Modules whose weights come from pretraining: see :class:`~posepyr.checkpoints.weights.Pretrained`."""

    def __init__(
        self,
        modules: int,
        blocks: int,
        width: int,
        block: Block,
        branches: int,
        depth_ratio: int | Sequence[int],
        width_ratio: int | Sequence[int],
        resolution_ratio: int | Sequence[int],
        reinject: Reinject,
        outputs: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        _check_choice("block", block, get_args(Block))
        _check_choice("reinject", reinject, get_args(Reinject))
        for name, value, least in (
            ("modules", modules, 1),
            ("blocks", blocks, 1),
            ("width", width, 1),
            ("branches", branches, 2),
        ):
            _check_least(name, value, least)
        self.ratios = _ratios("resolution_ratio", resolution_ratio, branches)
        depths = _growing(blocks, _ratios("depth_ratio", depth_ratio, branches))
        first = width if block == "basic" else width * EXPANSION
        self.widths = _growing(first, _ratios("width_ratio", width_ratio, branches))
        self.divisor = STEM_STRIDE * math.prod(self.ratios)
        self.reinject = reinject

        self.stem = stem()
        self.spread = Spread(STEM_WIDTH, self.widths, self.ratios)
        residual = BasicBlock if block == "basic" else residual_module
        self.pyramids = nn.ModuleList(Branches(self.widths, depths, residual) for _ in range(modules))
        inner = [Exchange(self.widths, self.ratios) for _ in range(modules - 1)]
        self.exchanges = nn.ModuleList([*inner, Exchange(self.widths, self.ratios, outputs)])

    def begin(self, x: Tensor) -> list[Tensor]:
        """Return the first module's maps of an image."""
        check_divisible((x.shape[-2], x.shape[-1]), self.divisor, "the stride of its lowest resolution")
        maps: list[Tensor] = self.spread(self.stem(x))
        return maps

    def module(self, number: int, maps: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Return the terms that are added to a module's fused maps on the way to the next module, and these maps."""
        outputs = self.pyramids[number](maps)
        base = outputs if self.reinject == "branch_output" else maps
        return base, self.exchanges[number](outputs)


class PPNet(ParallelPyramids):
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
        block: Block = "basic",
        branches: int = 3,
        depth_ratio: int | Sequence[int] = 2,
        width_ratio: int | Sequence[int] = 2,
        resolution_ratio: int | Sequence[int] = 2,
        reinject: Reinject = "branch_output",
        head: Callable[[int, int], nn.Module] = ConvolutionalHead,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        colour: Colour = "rgb",
    ) -> None:
        # Of the last module only the highest resolution is used.
        super().__init__(
            modules, blocks, width, block, branches, depth_ratio, width_ratio, resolution_ratio, reinject, outputs=(0,)
        )
        first = self.widths[0]
        self.strides = (STEM_STRIDE,) * modules
        self.normalise = Normalise(mean, std, colour)
        # In the released code, not in the paper.
        self.features = nn.ModuleList(convolution(first, first, kernel=1) for _ in range(modules))
        self.heads = nn.ModuleList(head(first, joints) for _ in range(modules))
        self.merge_features = nn.ModuleList(Pointwise(first, first) for _ in range(modules - 1))
        self.merge_heatmaps = nn.ModuleList(Pointwise(joints, first) for _ in range(modules - 1))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        maps = self.begin(self.normalise(image))
        heatmaps: list[Tensor] = []
        for number in range(len(self.pyramids)):
            base, fused = self.module(number, maps)
            features = self.features[number](fused[0])
            heatmaps.append(self.heads[number](features))
            if number < len(self.merge_features):
                # The highest resolution goes on through its heatmaps and features, not by itself.
                fused[0] = self.merge_features[number](features) + self.merge_heatmaps[number](heatmaps[-1])
                maps = [x + y for x, y in zip(base, fused, strict=True)]
        return tuple(heatmaps)


class PPNetClassifier(ParallelPyramids):
    """PPNet's classifier, pixels ``B 3 H W`` to logits ``B classes``, for pretraining its pose networks.

    PPNet's section V-B (table IX) pretrains on ImageNet and says nothing of the network; the released code has none.
    Our reading: stem, modules and exchanges are the pose network's, so that all of them can be taken over. There being
    no heatmaps to feed back, fused maps of every resolution are added to the next module's as they are; and the last
    module gives all of its resolutions to HRNet's :class:`MultiscaleHead`.
    """

    def __init__(
        self,
        classes: int = 1000,
        modules: int = 2,
        blocks: int = 2,
        width: int = 32,
        block: Block = "basic",
        branches: int = 3,
        depth_ratio: int | Sequence[int] = 2,
        width_ratio: int | Sequence[int] = 2,
        resolution_ratio: int | Sequence[int] = 2,
        reinject: Reinject = "branch_output",
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__(modules, blocks, width, block, branches, depth_ratio, width_ratio, resolution_ratio, reinject)
        self.normalise = Normalise(mean, std)
        self.head = MultiscaleHead(self.widths, self.ratios, classes)

    def forward(self, image: Tensor) -> Tensor:
        maps = self.begin(self.normalise(image))
        for number in range(len(self.pyramids) - 1):
            base, fused = self.module(number, maps)
            maps = [x + y for x, y in zip(base, fused, strict=True)]
        _, fused = self.module(len(self.pyramids) - 1, maps)
        logits: Tensor = self.head(fused)
        return logits


def residual_module(width: int) -> Bottleneck:
    """Build the residual module of PPNet's table VII."""
    return Bottleneck(width, width // EXPANSION, width)


def _growing(first: int, ratios: Sequence[int]) -> list[int]:
    """Return a number for each branch, each a ratio times the one before it."""
    values = [first]
    for ratio in ratios:
        values.append(values[-1] * ratio)
    return values


def _ratios(name: str, value: int | Sequence[int], branches: int) -> tuple[int, ...]:
    ratios = (value,) * (branches - 1) if isinstance(value, int) else tuple(value)
    if len(ratios) != branches - 1 or min(ratios) < 1:
        raise ValueError(
            f"{name} must be a positive number, or one for each of the {branches - 1} steps between "
            f"{branches} branches, got {value}"
        )
    return ratios


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be {' or '.join(choices)}, got {value}")


def _check_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
