"""The pyramid beside the block of an image classifier (PyraNet, section 5.2 and table 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from torch import Tensor, nn

from posepyr.layers.pooling import LevelPools, Pool, level_pools
from posepyr.layers.resize import resize


@dataclass(frozen=True)
class PyramidPaths:
    """Pyramids beside the blocks of a classifier, by default four levels down to half the size.

    ``pool`` makes the levels: the paper's fractional max pooling, or, at the same sizes and without random regions,
    adaptive max pooling or bilinear resizing. ``widths`` is the channels of the pyramid branches at each stage of the
    classifier, by default what the classifier's family takes: a quarter of a Wide ResNet's outputs, one group of a
    ResNeXt.
    """

    levels: int = 4
    exponent: float = 1.0
    pool: Pool = "fractional"
    widths: Sequence[int] | None = None

    def __post_init__(self) -> None:
        if self.levels < 1:
            raise ValueError(f"levels must be at least 1, got {self.levels}")
        if self.exponent <= 0:
            raise ValueError(f"exponent must be positive, got {self.exponent}")
        if self.pool not in get_args(Pool):
            raise ValueError(f"pool must be one of {', '.join(get_args(Pool))}, got {self.pool}")
        if self.widths is not None and (len(self.widths) != 3 or min(self.widths) < 1):
            raise ValueError(f"widths must be three numbers of at least 1, one a stage, got {[*self.widths]}")

    def __call__(self, inputs: int, outputs: int, *, stage: int, width: int, stride: int) -> nn.Module:
        """Build the path of one block; ``width`` is the family's, which ``widths`` may replace."""
        width = width if self.widths is None else self.widths[stage]
        return PyramidPath(inputs, outputs, width, stride, level_pools(self.pool, self.levels, self.exponent))


class PyramidPath(nn.Module):
    """A reduced map, seen at several sizes; ``B inputs H W``, already rectified, to ``B outputs H/stride W/stride``.

    1x1 (with the stride), BN-ReLU; for each level pooling, a 3x3 filter of its own and bilinear enlarging;
    their sum, BN-ReLU, 1x1. The paper only names four scales from 0.5 to 1; the ratios 2 ** (-level / levels) and the
    filters that the levels do not share are the reading that meets the sizes in its table 3. Convolutions have no bias,
    as in the classifiers around.
    """

    def __init__(self, inputs: int, outputs: int, width: int, stride: int, pools: LevelPools) -> None:
        super().__init__()
        self.reduce = nn.Sequential(
            nn.Conv2d(inputs, width, kernel_size=1, stride=stride, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.pools = pools
        self.filters = nn.ModuleList(
            nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False) for _ in range(pools.levels)
        )
        self.expand = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, outputs, kernel_size=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.reduce(x)
        size = (reduced.shape[-2], reduced.shape[-1])
        pooled = self.pools(reduced)
        levels = [resize(conv(level), size) for conv, level in zip(self.filters, pooled, strict=True)]
        out: Tensor = self.expand(sum(levels[1:], start=levels[0]))
        return out
