"""The pools of a pyramid against ``torch.nn.FractionalMaxPool2d``: forward and backward, in turn, on one thread."""

from typing import get_args

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from posepyr.layers.pooling import LevelPools, Pool, level_pools, redraw_regions
from posepyr.measurement.timing import Budget, Workload, cpu_clock, quartiles, ratio, time_in_turn, torch_settings

LEVELS, CHANNELS, BATCH = 4, 28, 4
"""Of PyraNet's modules in the hourglasses."""

SIDES = (64, 32, 16)
LIMITS = Budget(warmup=3, repeat=40, seconds=60)


class TorchPools(nn.Module):
    """Torch's own fractional max pooling, a module for each level."""

    def __init__(self, sides: list[int]) -> None:
        super().__init__()
        self.pools = nn.ModuleList(nn.FractionalMaxPool2d(2, output_size=side) for side in sides)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [pool(x) for pool in self.pools]


def step(pools: nn.Module, side: int, layout: torch.memory_format) -> Workload:
    """Forward and backward, the drawing of regions included."""
    x = torch.randn(BATCH, CHANNELS, side, side).contiguous(memory_format=layout).requires_grad_()
    gradients = [torch.randn_like(level) for level in pools(x)]
    generator = torch.Generator().manual_seed(0)

    def run() -> None:
        redraw_regions(pools, generator)
        torch.autograd.backward(pools(x), gradients)

    def prepare() -> None:
        x.grad = None

    return Workload(run, prepare)


def calls(side: int) -> dict[str, Workload]:
    """Torch's in the layout that suits it, ours in the one that networks are trained in."""
    torchs = TorchPools(LevelPools(LEVELS).sizes(side))
    ours = {pool: step(level_pools(pool, LEVELS, 1.0), side, torch.channels_last) for pool in get_args(Pool)}
    return {"Torch's fractional": step(torchs, side, torch.contiguous_format), **ours}


def main() -> None:
    """Measure and print."""
    table = Table("side", "pool", "ms", "over Torch's", title=f"{CHANNELS} channels, batch {BATCH}, {LEVELS} levels")
    with torch_settings("cpu", threads=1):
        for side in SIDES:
            names = calls(side)
            taken = [[turn.processor for turn in turns] for turns in time_in_turn([*names.values()], cpu_clock, LIMITS)]
            for name, seconds in zip(names, taken, strict=True):
                times = ratio(seconds, taken[0]).median
                table.add_row(str(side), name, f"{1e3 * quartiles(seconds).median:.2f}", f"{times:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
