"""HRNet (Sun et al. 2019): high resolution kept from the stem to the heatmaps, lower ones in parallel."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import ClassVar, Literal, get_args

from torch import Tensor, nn

from posepyr.layers.classifier_head import MultiscaleHead
from posepyr.layers.exchange import STEM_STRIDE, STEM_WIDTH, Branches, Exchange, Spread, descent, stem
from posepyr.layers.heads import PointwiseHead
from posepyr.layers.normalise import IMAGENET_MEAN, IMAGENET_STD, Colour, Normalise
from posepyr.layers.postactivation import BasicBlock
from posepyr.layers.resize import check_divisible

ExchangeAt = Literal["all", "stage_ends", "last"]
Resolutions = Literal["gradual", "from_start", "single"]

BRANCHES: dict[Resolutions, tuple[int, ...]] = {"gradual": (2, 3, 4), "from_start": (4, 4, 4), "single": (1, 1, 1)}
"""Numbers of branches of the stages after the paper's first, which is in the stem."""

BLOCKS: dict[Resolutions, int] = {"gradual": 4, "from_start": 2, "single": 4}
"""Residuals of each branch of a module. Of the variant with all resolutions from the start the paper says only that
its size is similar; with two the widths and the eight exchange units stay."""


class HRNetBody(nn.Module):
    """HRNet without its heads: normalised ``B 3 H W`` to maps of ``width 2 ** r`` channels at a ``4 2 ** r``-th.

    HRNet, section 3 and figure 1. ``modules`` counts those of each stage; ``outputs`` chooses the branches r that
    the last one gives, 0 being the highest resolution; a classifier takes them all.
    """

    def __init__(
        self,
        width: int = 32,
        exchange: ExchangeAt = "all",
        resolutions: Resolutions = "gradual",
        modules: Sequence[int] = (1, 4, 3),
        blocks: int | None = None,
        outputs: Sequence[int] = (0,),
    ) -> None:
        super().__init__()
        _check(width, exchange, resolutions, modules, blocks)
        counts = BRANCHES[resolutions]
        self.widths = tuple(width * 2**branch for branch in range(counts[-1]))
        self.divisor = STEM_STRIDE * 2 ** (counts[-1] - 1)
        depth = BLOCKS[resolutions] if blocks is None else blocks
        last = (len(counts) - 1, modules[-1] - 1)

        def module(stage: int, number: int) -> nn.Sequential:
            widths = self.widths[: counts[stage]]
            parts: OrderedDict[str, nn.Module] = OrderedDict()
            parts["branches"] = Branches(widths, [depth] * len(widths), BasicBlock)
            ends = (stage, number) == last or (exchange == "stage_ends" and number == modules[stage] - 1)
            # A single branch has nobody to exchange with.
            if len(widths) > 1 and (ends or exchange == "all"):
                chosen = outputs if (stage, number) == last else None
                parts["exchange"] = Exchange(widths, [2] * (len(widths) - 1), chosen)
            return nn.Sequential(parts)

        self.stem = stem()
        self.spread = Spread(STEM_WIDTH, self.widths[: counts[0]], [2] * (counts[0] - 1))
        grown = [
            Extension(self.widths[before - 1], self.widths[after - 1]) if after > before else nn.Identity()
            for before, after in pairwise(counts)
        ]
        self.extensions = nn.ModuleList([nn.Identity(), *grown])
        self.stages = nn.ModuleList(
            nn.Sequential(*(module(stage, number) for number in range(modules[stage]))) for stage in range(len(counts))
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.spread(self.stem(x))
        for extension, stage in zip(self.extensions, self.stages, strict=True):
            maps = stage(extension(maps))
        return maps


class Extension(nn.Module):
    """A list of maps extended by one of half the last one's size, with ``outputs`` channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.path = descent(inputs, outputs, [2])

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        return [*maps, self.path(maps[-1])]


class HRNet(nn.Module):
    """Pixels ``B 3 H W`` to heatmaps ``B joints H/4 W/4`` by the high-resolution network.

    HRNet, section 3. ``exchange``: in all modules, at the ends of the stages, or in the last module only (table 6).
    ``resolutions``: the four come one by one, all from the start, or only the highest (section 4.4). ``heatmaps``
    lists the scales that give some, 1 for the highest resolution, 2 for its half and so on (figure 5); the finest
    comes last, as the prediction. Each counts with its mean squared error, as the paper names its loss, so that a cell
    of a coarse map weighs more (a reading; ``loss.form=pixel_sum`` weighs cells alike).
    """

    pretrained_parts: ClassVar[tuple[str, ...]] = ("body",)
    """Modules whose weights come from pretraining: see :class:`~posepyr.checkpoints.weights.Pretrained`."""

    def __init__(
        self,
        joints: int,
        width: int = 32,
        exchange: ExchangeAt = "all",
        resolutions: Resolutions = "gradual",
        modules: Sequence[int] = (1, 4, 3),
        blocks: int | None = None,
        heatmaps: Sequence[int] = (1,),
        head: Callable[[int, int], nn.Module] = PointwiseHead,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        colour: Colour = "rgb",
    ) -> None:
        super().__init__()
        outputs = _branches(heatmaps, resolutions)
        self.normalise = Normalise(mean, std, colour)
        self.body = HRNetBody(width, exchange, resolutions, modules, blocks, outputs)
        self.heads = nn.ModuleList(head(self.body.widths[branch], joints) for branch in outputs)
        self.strides = tuple(STEM_STRIDE * 2**branch for branch in outputs)
        self.divisor = self.body.divisor

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        check_divisible((image.shape[-2], image.shape[-1]), self.divisor, "the stride of its lowest resolution")
        maps = self.body(self.normalise(image))
        return tuple(head(x) for head, x in zip(self.heads, maps, strict=True))


class HRNetClassifier(nn.Module):
    """HRNet's classifier, pixels ``B 3 H W`` to logits ``B classes``, for pretraining its pose networks.

    HRNet-W-C, of HRNet's supplement, "Results on the ImageNet Validation Set". All maps of the body that :class:`HRNet`
    has go through a :class:`MultiscaleHead`.
    """

    pretrained_parts: ClassVar[tuple[str, ...]] = ("body",)
    """Modules whose weights come from pretraining: see :class:`~posepyr.checkpoints.weights.Pretrained`."""

    def __init__(
        self,
        classes: int = 1000,
        width: int = 32,
        modules: Sequence[int] = (1, 4, 3),
        blocks: int | None = None,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        _check(width, "all", "gradual", modules, blocks)
        branches = BRANCHES["gradual"][-1]
        self.normalise = Normalise(mean, std)
        self.body = HRNetBody(width, modules=modules, blocks=blocks, outputs=range(branches))
        self.head = MultiscaleHead(self.body.widths, [2] * (branches - 1), classes)

    def forward(self, image: Tensor) -> Tensor:
        check_divisible((image.shape[-2], image.shape[-1]), self.body.divisor, "the stride of its lowest resolution")
        logits: Tensor = self.head(self.body(self.normalise(image)))
        return logits


def _branches(heatmaps: Sequence[int], resolutions: Resolutions) -> tuple[int, ...]:
    """Return the branches with heatmaps, finest last."""
    if resolutions not in get_args(Resolutions):
        raise ValueError(f"resolutions must be one of {', '.join(get_args(Resolutions))}, got {resolutions}")
    scales = [2**branch for branch in range(BRANCHES[resolutions][-1])]
    if not heatmaps or len(set(heatmaps)) != len(heatmaps) or not set(heatmaps) <= set(scales):
        raise ValueError(
            f"heatmaps must list scales out of {', '.join(map(str, scales))}, each once, got {list(heatmaps)}"
        )
    return tuple(scales.index(scale) for scale in sorted(heatmaps, reverse=True))


def _check(
    width: int,
    exchange: ExchangeAt,
    resolutions: Resolutions,
    modules: Sequence[int],
    blocks: int | None,
) -> None:
    if exchange not in get_args(ExchangeAt):
        raise ValueError(f"exchange must be one of {', '.join(get_args(ExchangeAt))}, got {exchange}")
    stages = len(BRANCHES[resolutions])
    if len(modules) != stages or min(modules) < 1:
        raise ValueError(f"modules must hold a positive number for each of {stages} stages, got {list(modules)}")
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width}")
    if blocks is not None and blocks < 1:
        raise ValueError(f"blocks must be at least 1, got {blocks}")
