"""Pyramid Residual Modules: a residual whose bottleneck sees the map at several sizes (PyraNet, section 3)."""

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

from posepyr.layers.pointwise import Pointwise
from posepyr.layers.pooling import FractionalMaxPools
from posepyr.layers.residual import PreactivationResidual, activation, shortcut
from posepyr.layers.resize import resize

Variant = Literal["B", "Bstar"]
Placement = Literal["released", "everywhere"]

PAPER_WIDTH = 9
"""A pyramid branch has the module's output channels over this, rounded down: 28 of 256."""

LEAST_HALVINGS = 2
"""In the released hourglass a module is a PRM where its map is halved at least this often beneath it."""


@dataclass(frozen=True)
class PyramidBlocks:
    """Pyramid Residual Modules, by default PyraNet's B* with four levels down to half the size.

    ``width`` is the channels of the pyramid branches, by default a ninth of the module's outputs. Placement
    ``released`` is the paper's network: a PRM outside the hourglasses and on their larger maps, 16 x 16 and
    up where the paper's image enters, and a plain residual on the smaller ones.
    """

    variant: Variant = "Bstar"
    levels: int = 4
    exponent: float = 1.0
    width: int | None = None
    placement: Placement = "released"

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("variant", self.variant, get_args(Variant)),
            ("placement", self.placement, get_args(Placement)),
        ):
            if value not in choices:
                raise ValueError(f"model.block.{name} must be one of {', '.join(choices)}, got {value}")
        if self.levels < 1:
            raise ValueError(f"model.block.levels must be at least 1, got {self.levels}")
        if self.exponent <= 0:
            raise ValueError(f"model.block.exponent must be positive, got {self.exponent}")
        if self.width is not None and self.width < 1:
            raise ValueError(f"model.block.width must be at least 1, got {self.width}")

    def __call__(
        self,
        inputs: int,
        outputs: int,
        *,
        halvings: int | None = None,
        convolution: bool = False,
        preactivation: bool = True,
    ) -> nn.Module:
        if self.placement == "released" and halvings is not None and halvings < LEAST_HALVINGS:
            return PreactivationResidual(inputs, outputs, convolution=convolution, preactivation=preactivation)
        return PyramidResidual(inputs, outputs, self, convolution=convolution, preactivation=preactivation)


class PyramidResidual(nn.Module):
    """A residual with a pyramid beside its 3x3 convolution; ``B inputs H W`` to ``B outputs H W``.

    PyraNet, equations 1 and 2 and figure 3. The original scale and the pyramid each have a leading batch norm
    of their own, and the batch norm and ReLU around the levels stand before the pooling and after the sum,
    as released.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rule: PyramidBlocks,
        *,
        convolution: bool = False,
        preactivation: bool = True,
    ) -> None:
        super().__init__()
        inner = outputs // 2
        width = outputs // PAPER_WIDTH if rule.width is None else rule.width
        if width < 1:
            raise ValueError(
                f"model.block.width must be given where a module has fewer than {PAPER_WIDTH} outputs, "
                f"got {outputs} outputs; or widen the model"
            )
        self.original = nn.Sequential(
            activation(inputs) if preactivation else nn.Identity(),
            Pointwise(inputs, inner),
            activation(inner),
            nn.Conv2d(inner, inner, kernel_size=3, padding=1),
        )
        self.reduce = nn.Sequential(
            activation(inputs) if preactivation else nn.Identity(),
            Pointwise(inputs, width),
            activation(width),
        )
        self.pools = FractionalMaxPools(rule.levels, rule.exponent)
        # B* shares one filter among all levels (section 3.3, "Weight sharing").
        filters = 1 if rule.variant == "Bstar" else rule.levels
        self.filters = nn.ModuleList(nn.Conv2d(width, width, kernel_size=3, padding=1) for _ in range(filters))
        self.expand = nn.Sequential(activation(width), Pointwise(width, inner))
        self.last = nn.Sequential(activation(inner), Pointwise(inner, outputs))
        self.shortcut = shortcut(inputs, outputs, convolution=convolution)

    def forward(self, x: Tensor) -> Tensor:
        merged = self.original(x) + self.expand(self.pyramid(self.reduce(x)))
        out: Tensor = self.last(merged) + self.shortcut(x)
        return out

    def pyramid(self, x: Tensor) -> Tensor:
        """The sum over the levels of equation 2: pooled, filtered, and resized back to ``x``'s size."""
        pooled = self.pools(x)
        filters = list(self.filters) * (len(pooled) // len(self.filters))
        size = (x.shape[-2], x.shape[-1])
        levels = [resize(conv(level), size) for conv, level in zip(filters, pooled, strict=True)]
        return sum(levels[1:], start=levels[0])
