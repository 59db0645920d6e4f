"""The stacked hourglass (Newell et al. 2016) as PyraNet builds it, with plain or pyramid residuals."""

from collections.abc import Callable, Sequence
from typing import Literal

from torch import Tensor, nn

from posepyr.layers.heads import pointwise
from posepyr.layers.hourglass import Hourglass, Role
from posepyr.layers.normalise import Normalise
from posepyr.layers.pointwise import Pointwise
from posepyr.layers.residual import BlockRule, activation

STEM_STRIDE = 4

MPII_MEAN = (0.4404, 0.4440, 0.4327)
"""Mean colour of MPII's training pictures, red first. PyraNet subtracts it and divides by nothing."""


class StackedHourglass(nn.Module):
    """Hourglasses in a row, each predicting all heatmaps, each fed with what the one before it saw and said.

    ``B 3 H W`` of pixels to a tuple of ``B joints H/4 W/4``, one a stack, the last one the prediction.
    PyraNet, section 3.1 and figure 2, as released: ``block`` builds the modules of stem and hourglasses,
    ``modules`` of them in series at each place of an hourglass. ``shortcut`` is that of the last module
    before each upsampling: a convolution there is variance control (section 4.2), the identity the baseline.
    """

    def __init__(
        self,
        joints: int,
        block: BlockRule,
        stacks: int = 2,
        depth: int = 4,
        width: int = 256,
        modules: int = 1,
        shortcut: Literal["convolution", "identity"] = "convolution",
        head: Callable[[int, int], nn.Module] = pointwise,
        mean: Sequence[float] = MPII_MEAN,
        std: Sequence[float] = (1.0, 1.0, 1.0),
    ) -> None:
        super().__init__()
        _check(stacks=stacks, depth=depth, width=width, modules=modules, shortcut=shortcut)
        self.strides = (STEM_STRIDE,) * stacks
        self.divisor = STEM_STRIDE * 2**depth

        def block_at(level: int, role: Role) -> nn.Module:
            halvings = level if role == "skip" else level - 1
            convolution = role == "up" and shortcut == "convolution"
            series = (block(width, width, halvings=halvings, convolution=convolution) for _ in range(modules))
            return nn.Sequential(*series)

        self.normalise = Normalise(mean, std)
        self.stem = stem(width, block)
        self.hourglasses = nn.ModuleList(Hourglass(depth, block_at) for _ in range(stacks))
        self.features = nn.ModuleList(
            nn.Sequential(activation(width), Pointwise(width, width), activation(width)) for _ in range(stacks)
        )
        self.heads = nn.ModuleList(head(width, joints) for _ in range(stacks))
        # Nothing follows the last stack: merging convolutions there would never get a gradient.
        self.merge_features = nn.ModuleList(Pointwise(width, width) for _ in range(stacks - 1))
        self.merge_heatmaps = nn.ModuleList(Pointwise(joints, width) for _ in range(stacks - 1))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        self._check_size(image.shape[-2], image.shape[-1])
        x = self.stem(self.normalise(image))  # B width H/4 W/4
        heatmaps: list[Tensor] = []
        for stack, hourglass in enumerate(self.hourglasses):
            features = self.features[stack](hourglass(x))
            heatmaps.append(self.heads[stack](features))
            if stack < len(self.merge_features):
                x = x + self.merge_features[stack](features) + self.merge_heatmaps[stack](heatmaps[-1])
        return tuple(heatmaps)

    def _check_size(self, height: int, width: int) -> None:
        if height % self.divisor or width % self.divisor or not height or not width:
            near = [
                sorted({max(n // self.divisor, 1) * self.divisor, -(-n // self.divisor) * self.divisor})
                for n in (height, width)
            ]
            raise ValueError(
                f"image must have a height and a width divisible by {self.divisor} (the stem's {STEM_STRIDE} "
                f"times 2 ** depth), got {height} x {width}; the nearest height is "
                f"{' or '.join(map(str, near[0]))}, the nearest width {' or '.join(map(str, near[1]))}"
            )


def stem(width: int, block: BlockRule) -> nn.Sequential:
    """From ``B 3 H W`` to ``B width H/4 W/4``: a 7x7 convolution, three modules and a pooling among them."""
    return nn.Sequential(
        nn.Conv2d(3, width // 4, kernel_size=7, stride=2, padding=3),
        activation(width // 4),
        # What enters is normalised and rectified already ("no_preact" in the release).
        block(width // 4, width // 2, preactivation=False),
        nn.MaxPool2d(kernel_size=2),
        block(width // 2, width // 2),
        block(width // 2, width),
    )


def _check(stacks: int, depth: int, width: int, modules: int, shortcut: str) -> None:
    for name, value in (("stacks", stacks), ("depth", depth), ("modules", modules)):
        if value < 1:
            raise ValueError(f"model.{name} must be at least 1, got {value}")
    if width < 4 or width % 4:
        raise ValueError(f"model.width must be a positive multiple of 4, got {width}; the stem has a quarter of it")
    if shortcut not in ("convolution", "identity"):
        raise ValueError(f"model.shortcut must be convolution or identity, got {shortcut}")
