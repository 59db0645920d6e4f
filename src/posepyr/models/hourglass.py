"""The stacked hourglass (Newell et al. 2016) in its four constructions, with plain or pyramid residuals."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

from torch import Tensor, nn
from torch.nn import functional as F

from posepyr.layers.heads import PointwiseHead
from posepyr.layers.normalise import Colour, Normalise
from posepyr.layers.pointwise import Pointwise
from posepyr.layers.postactivation import PostactivationBlocks
from posepyr.layers.residual import BlockRule, ResidualBlocks, activation
from posepyr.layers.resize import check_divisible

Role = Literal["skip", "down", "inner", "up"]

Window = Literal[2, 3]

BlockAt = Callable[[int, Role], nn.Module]
"""Builds the module of a level, counted from 1 for the innermost, and a role in it."""


class Hourglass(nn.Module):
    """``skip(x) + upsampled(up(inner(down(pooled(x)))))``, where ``inner`` is the next smaller hourglass.

    ``B F H W`` to the same, with H and W divisible by ``2 ** depth``. Level ``depth`` works at H x W, level 1
    is the innermost, whose ``inner`` is a plain module. At level n, skip sees the map at the level's own size
    and the other three at half of it. Newell et al. 2016, section 3; all blocks come from ``block``.
    ``window`` is the size of the pooled windows, 2 or, as PPNet's release has it, 3; both halve the map.
    """

    def __init__(self, depth: int, block: BlockAt, window: Window = 2) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"depth must be at least 1, got {depth}")
        self.skip = block(depth, "skip")
        self.down = block(depth, "down")
        self.window = window
        self.inner = Hourglass(depth - 1, block, window) if depth > 1 else block(depth, "inner")
        self.up = block(depth, "up")

    def forward(self, x: Tensor) -> Tensor:
        low = self.up(self.inner(self.down(F.max_pool2d(x, self.window, stride=2, padding=self.window // 3))))
        out: Tensor = self.skip(x) + F.interpolate(low, scale_factor=2, mode="nearest")
        return out


STEM_STRIDE = 4

MPII_MEAN = (0.4404, 0.4440, 0.4327)
"""Mean colour of MPII's training pictures, red first. PyraNet subtracts it and divides by nothing."""


ConstructionName = Literal["newell", "pyranet", "pytorch_pose", "ppnet"]
Shortcut = Literal["convolution", "identity"]


class Construction(NamedTuple):
    """The differences between the hourglasses of four projects."""

    block: BlockRule
    shortcut: Shortcut
    """The shortcut of the last module before each upsampling."""
    heavy: bool
    """True where the stem widens in its second module, not in its third."""
    residual: bool
    """True where modules follow each hourglass, instead of batch norm and ReLU alone."""
    preactivation: bool = False
    """True where the stem's first module normalises and rectifies its input, which has been both already.

    Deviation: Newell's code does so, as pytorch-pose's; here ``newell`` begins as PyraNet's baseline.
    """
    bias: bool = True
    """The bias of convolutions before a batch norm, in the stem and after each hourglass."""
    window: Window = 2
    """The side of all pooling windows."""


CONSTRUCTIONS: dict[ConstructionName, Construction] = {
    "newell": Construction(ResidualBlocks(bare=True), "identity", heavy=False, residual=True),
    "pyranet": Construction(ResidualBlocks(), "convolution", heavy=False, residual=False),
    "pytorch_pose": Construction(ResidualBlocks(bare=True), "identity", heavy=True, residual=True, preactivation=True),
    "ppnet": Construction(PostactivationBlocks(), "identity", heavy=True, residual=True, bias=False, window=3),
}


class StackedHourglass(nn.Module):
    """Hourglasses in a row, each predicting all heatmaps from the features and heatmaps of the one before it.

    ``B 3 H W`` of pixels to a tuple of ``B joints H/4 W/4``, one a stack, the last one the prediction.
    Newell et al. 2016, section 3; PyraNet, section 3.1 and figure 2. ``construction`` names whose code it follows
    in what the papers leave open. ``block`` builds the modules of stem and hourglasses, ``modules`` of them in
    series at each place of an hourglass. ``shortcut`` is that of the last module before each upsampling: a
    convolution there is PyraNet's variance control (section 4.2), the identity the baseline. Block and shortcut
    are the construction's own where none is given: for the default, ``pyranet``, plain residuals and the
    convolution, which is ``conf/model/hourglass_control.yaml``. The configuration's default model is another,
    ``hourglass_prm.yaml``: its ``block`` is :class:`~posepyr.layers.pyramid.PyramidBlocks`, PyraNet's contribution.
    """

    def __init__(
        self,
        joints: int,
        block: BlockRule | None = None,
        stacks: int = 2,
        depth: int = 4,
        width: int = 256,
        modules: int = 1,
        shortcut: Shortcut | None = None,
        head: Callable[[int, int], nn.Module] = PointwiseHead,
        mean: Sequence[float] = MPII_MEAN,
        std: Sequence[float] = (1.0, 1.0, 1.0),
        colour: Colour = "rgb",
        construction: ConstructionName = "pyranet",
    ) -> None:
        super().__init__()
        _check(stacks, depth, width, modules)
        chosen = _construction(construction, block, shortcut)
        self.strides = (STEM_STRIDE,) * stacks
        self.divisor = STEM_STRIDE * 2**depth

        def block_at(level: int, role: Role) -> nn.Module:
            halvings = level if role == "skip" else level - 1
            changed = role == "up" and chosen.shortcut == "convolution"
            series = (chosen.block(width, width, halvings=halvings, convolution=changed) for _ in range(modules))
            return nn.Sequential(*series)

        self.normalise = Normalise(mean, std, colour)
        self.stem = stem(width, chosen)
        self.hourglasses = nn.ModuleList(Hourglass(depth, block_at, chosen.window) for _ in range(stacks))
        self.features = nn.ModuleList(features(width, modules, chosen) for _ in range(stacks))
        self.heads = nn.ModuleList(head(width, joints) for _ in range(stacks))
        # Nothing follows the last stack: merging convolutions there would never get a gradient.
        self.merge_features = nn.ModuleList(Pointwise(width, width) for _ in range(stacks - 1))
        self.merge_heatmaps = nn.ModuleList(Pointwise(joints, width) for _ in range(stacks - 1))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        size = (image.shape[-2], image.shape[-1])
        check_divisible(size, self.divisor, f"the stem's {STEM_STRIDE} times 2 ** depth")
        x = self.stem(self.normalise(image))  # B width H/4 W/4
        heatmaps: list[Tensor] = []
        for stack, hourglass in enumerate(self.hourglasses):
            features = self.features[stack](hourglass(x))
            heatmaps.append(self.heads[stack](features))
            if stack < len(self.merge_features):
                x = x + self.merge_features[stack](features) + self.merge_heatmaps[stack](heatmaps[-1])
        return tuple(heatmaps)


def stem(width: int, chosen: Construction) -> nn.Sequential:
    """Build the stem, ``B 3 H W`` to ``B width H/4 W/4``: a 7x7 convolution, three modules and a pooling among them."""
    between = width if chosen.heavy else width // 2
    return nn.Sequential(
        nn.Conv2d(3, width // 4, kernel_size=7, stride=2, padding=3, bias=chosen.bias),
        activation(width // 4),
        chosen.block(width // 4, width // 2, preactivation=chosen.preactivation),
        nn.MaxPool2d(chosen.window, stride=2, padding=chosen.window // 3),
        chosen.block(width // 2, between),
        chosen.block(between, width),
    )


def features(width: int, modules: int, chosen: Construction) -> nn.Sequential:
    """Build the layers after an hourglass, ``B width H W`` to the same: modules or BN-ReLU, then 1x1-BN-ReLU."""
    first = (
        nn.Sequential(*(chosen.block(width, width) for _ in range(modules))) if chosen.residual else activation(width)
    )
    return nn.Sequential(first, Pointwise(width, width, bias=chosen.bias), activation(width))


def _construction(name: ConstructionName, block: BlockRule | None, shortcut: Shortcut | None) -> Construction:
    if name not in CONSTRUCTIONS:
        raise ValueError(f"construction must be one of {', '.join(CONSTRUCTIONS)}, got {name}")
    own = CONSTRUCTIONS[name]
    if shortcut is not None and shortcut not in get_args(Shortcut):
        raise ValueError(f"shortcut must be convolution or identity, got {shortcut}")
    return own._replace(block=block or own.block, shortcut=shortcut or own.shortcut)


def _check(stacks: int, depth: int, width: int, modules: int) -> None:
    for name, value in (("stacks", stacks), ("depth", depth), ("modules", modules)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if width < 4 or width % 4:
        raise ValueError(f"width must be a positive multiple of 4, got {width}; the stem has a quarter of it")
