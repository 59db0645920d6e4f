"""Pyramid Residual Modules: a residual whose bottleneck sees the map at several sizes (PyraNet, section 3)."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from posepyr.layers.pointwise import Pointwise
from posepyr.layers.pooling import Pool, level_pools
from posepyr.layers.residual import BlockRule, PreactivationResidual, activation, shortcut
from posepyr.layers.resize import resize

Variant = Literal["A", "B", "Bstar", "C", "D"]
Placement = Literal["released", "everywhere"]

PAPER_WIDTH = 9
"""Divisor of a module's output channels for those of its pyramid branch, rounded down: 28 of 256."""

LEAST_HALVINGS = 2
"""In the released hourglass a module is a PRM where its map is halved at least this often beneath it."""


@dataclass(frozen=True)
class PyramidBlocks(BlockRule):
    """Pyramid Residual Modules, by default PyraNet's B* with four levels down to half the size.

    The variants of figure 3: ``A`` reduces the channels for each level on its own, ``B`` once for all, ``Bstar``
    also shares one 3x3 filter among the levels, ``C`` concatenates the levels instead of summing them, and ``D``
    dilates the filters instead of pooling; the rate of its l-th level is l, a reading, since the paper has none.
    ``pool`` makes the levels: the paper's fractional max pooling, or, at the same sizes and without random regions,
    adaptive max pooling or bilinear resizing. ``width`` is the channels of the pyramid branches, by default a ninth
    of the module's outputs. Placement ``released`` is the paper's network: a PRM outside the hourglasses and on their
    larger maps, 16 x 16 and up where the paper's image enters, and a plain residual on the smaller ones.
    """

    variant: Variant = "Bstar"
    levels: int = 4
    exponent: float = 1.0
    pool: Pool = "fractional"
    width: int | None = None
    placement: Placement = "released"

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("variant", self.variant, get_args(Variant)),
            ("pool", self.pool, get_args(Pool)),
            ("placement", self.placement, get_args(Placement)),
        ):
            if value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value}")
        if self.levels < 1:
            raise ValueError(f"levels must be at least 1, got {self.levels}")
        if self.exponent <= 0:
            raise ValueError(f"exponent must be positive, got {self.exponent}")
        if self.width is not None and self.width < 1:
            raise ValueError(f"width must be at least 1, got {self.width}")

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
                f"block.width must be given where a module has fewer than {PAPER_WIDTH} outputs, "
                f"got {outputs} outputs; or widen the model"
            )
        self.variant = rule.variant
        self.original = nn.Sequential(
            _leading(inputs, preactivation),
            Pointwise(inputs, inner),
            activation(inner),
            nn.Conv2d(inner, inner, kernel_size=3, padding=1),
        )
        self.reduce = nn.Sequential(_leading(inputs, preactivation))
        if rule.variant == "A":
            self.reductions = nn.ModuleList(_reduction(inputs, width) for _ in range(rule.levels))
        else:
            self.reduce.extend(_reduction(inputs, width))
        if rule.variant != "D":
            self.pools = level_pools(rule.pool, rule.levels, rule.exponent)
        self.filters = _filters(width, rule)
        merged = width * rule.levels if rule.variant == "C" else width
        self.expand = nn.Sequential(activation(merged), Pointwise(merged, inner))
        self.last = nn.Sequential(activation(inner), Pointwise(inner, outputs))
        self.shortcut = shortcut(inputs, outputs, convolution=convolution)

    def forward(self, x: Tensor) -> Tensor:
        merged = self.original(x) + self.expand(self.pyramid(self.reduce(x)))
        out: Tensor = self.last(merged) + self.shortcut(x)
        return out

    def pyramid(self, x: Tensor) -> Tensor:
        """Return the levels of equation 2, at ``x``'s size: their sum, or in variant C their concatenation."""
        if self.variant == "D":
            levels = [conv(x) for conv in self.filters]
        else:
            maps = [reduction(x) for reduction in self.reductions] if self.variant == "A" else [x]
            pooled = self.pools(*maps)
            filters = list(self.filters) * (len(pooled) // len(self.filters))
            size = (x.shape[-2], x.shape[-1])
            levels = [resize(conv(level), size) for conv, level in zip(filters, pooled, strict=True)]
        return torch.cat(levels, dim=1) if self.variant == "C" else sum(levels[1:], start=levels[0])


def _leading(inputs: int, preactivation: bool) -> nn.Module:
    return activation(inputs) if preactivation else nn.Identity()


def _reduction(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(Pointwise(inputs, width), activation(width))


def _filters(width: int, rule: PyramidBlocks) -> nn.ModuleList:
    # B* shares one filter among all levels (section 3.3, "Weight sharing").
    count = 1 if rule.variant == "Bstar" else rule.levels
    rates = [level if rule.variant == "D" else 1 for level in range(1, count + 1)]
    return nn.ModuleList(nn.Conv2d(width, width, kernel_size=3, padding=rate, dilation=rate) for rate in rates)
