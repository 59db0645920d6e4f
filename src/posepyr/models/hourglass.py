"""The stacked hourglass (Newell et al. 2016) in its four constructions, with plain or pyramid residuals."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

from torch import Tensor, nn

from posepyr.layers.heads import PointwiseHead
from posepyr.layers.hourglass import Hourglass, Role, Window
from posepyr.layers.normalise import Colour, Normalise
from posepyr.layers.pointwise import Pointwise
from posepyr.layers.postactivation import PostactivationBlocks
from posepyr.layers.residual import BlockRule, ResidualBlocks, activation
from posepyr.layers.sizes import check_divisible

STEM_STRIDE = 4

MPII_MEAN = (0.4404, 0.4440, 0.4327)
"""Mean colour of MPII's training pictures, red first. PyraNet subtracts it and divides by nothing."""


ConstructionName = Literal["newell", "pyranet", "pytorch_pose", "ppnet"]
Shortcut = Literal["convolution", "identity"]


class Construction(NamedTuple):
    """What differs between the hourglasses that four projects built."""

    block: BlockRule
    shortcut: Shortcut
    """Of the last module before each upsampling."""
    heavy: bool
    """The stem widens in its second module already, and not in the third."""
    residual: bool
    """Modules follow each hourglass, and not only batch norm and ReLU."""
    preactivation: bool = False
    """Of the stem's first module, whose input is normalised and rectified already.

    Deviation: Newell's code does both once more, as pytorch-pose's; here ``newell`` begins as PyraNet's baseline.
    """
    bias: bool = True
    """Of the convolutions before a batch norm, in the stem and after each hourglass."""
    window: Window = 2
    """Of all pooling."""


CONSTRUCTIONS: dict[ConstructionName, Construction] = {
    "newell": Construction(ResidualBlocks(bare=True), "identity", heavy=False, residual=True),
    "pyranet": Construction(ResidualBlocks(), "convolution", heavy=False, residual=False),
    "pytorch_pose": Construction(ResidualBlocks(bare=True), "identity", heavy=True, residual=True, preactivation=True),
    "ppnet": Construction(PostactivationBlocks(), "identity", heavy=True, residual=True, bias=False, window=3),
}


class StackedHourglass(nn.Module):
    """Hourglasses in a row, each predicting all heatmaps, each fed with what the one before it saw and said.

    ``B 3 H W`` of pixels to a tuple of ``B joints H/4 W/4``, one a stack, the last one the prediction.
    Newell et al. 2016, section 3; PyraNet, section 3.1 and figure 2. ``construction`` names whose code it follows
    in what the papers leave open. ``block`` builds the modules of stem and hourglasses, ``modules`` of them in
    series at each place of an hourglass. ``shortcut`` is that of the last module before each upsampling: a
    convolution there is PyraNet's variance control (section 4.2), the identity the baseline. Block and shortcut
    are the construction's own where none is given.
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
        made = _construction(construction, block, shortcut)
        self.strides = (STEM_STRIDE,) * stacks
        self.divisor = STEM_STRIDE * 2**depth

        def block_at(level: int, role: Role) -> nn.Module:
            halvings = level if role == "skip" else level - 1
            changed = role == "up" and made.shortcut == "convolution"
            series = (made.block(width, width, halvings=halvings, convolution=changed) for _ in range(modules))
            return nn.Sequential(*series)

        self.normalise = Normalise(mean, std, colour)
        self.stem = stem(width, made)
        self.hourglasses = nn.ModuleList(Hourglass(depth, block_at, made.window) for _ in range(stacks))
        self.features = nn.ModuleList(features(width, modules, made) for _ in range(stacks))
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


def stem(width: int, made: Construction) -> nn.Sequential:
    """From ``B 3 H W`` to ``B width H/4 W/4``: a 7x7 convolution, three modules and a pooling among them."""
    between = width if made.heavy else width // 2
    return nn.Sequential(
        nn.Conv2d(3, width // 4, kernel_size=7, stride=2, padding=3, bias=made.bias),
        activation(width // 4),
        made.block(width // 4, width // 2, preactivation=made.preactivation),
        nn.MaxPool2d(made.window, stride=2, padding=made.window // 3),
        made.block(width // 2, between),
        made.block(between, width),
    )


def features(width: int, modules: int, made: Construction) -> nn.Sequential:
    """What follows an hourglass, ``B width H W`` to the same: its last modules or BN-ReLU, then 1x1-BN-ReLU."""
    first = nn.Sequential(*(made.block(width, width) for _ in range(modules))) if made.residual else activation(width)
    return nn.Sequential(first, Pointwise(width, width, bias=made.bias), activation(width))


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
