"""The pools of a pyramid against ``torch.nn.FractionalMaxPool2d``: forward and backward, in turn, on one thread."""

from typing import get_args

import torch
from torch import Tensor, nn

from posepyr.layers.pooling import LevelPools, Pool, level_pools, redraw_regions
from posepyr.measurement.timing import Budget, Workload, cpu_clock, quartiles, ratio, time_in_turn, torch_settings
from posepyr.tables import align

LEVELS, CHANNELS, BATCH = 4, 28, 4
"""Of PyraNet's modules in the hourglasses."""

SIDES = (64, 32, 16)
BUDGET = Budget(warmup=3, repeat=40, seconds=60)


class TorchPools(nn.Module):
    """Torch's own fractional max pooling, a module for each level."""

    def __init__(self, sides: list[int]) -> None:
        super().__init__()
        self.pools = nn.ModuleList(nn.FractionalMaxPool2d(2, output_size=side) for side in sides)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [pool(x) for pool in self.pools]


def step(pools: nn.Module, side: int, layout: torch.memory_format) -> Workload:
    """Return the forward and backward pass, with new regions."""
    x = torch.randn(BATCH, CHANNELS, side, side).contiguous(memory_format=layout).requires_grad_()
    gradients = [torch.randn_like(level) for level in pools(x)]
    generator = torch.Generator().manual_seed(0)

    def run() -> None:
        redraw_regions(pools, generator)
        torch.autograd.backward(pools(x), gradients)

    def prepare() -> None:
        x.grad = None

    return Workload(run, prepare)


def workloads(side: int) -> dict[str, Workload]:
    """Return Torch's pools in the layout that suits them, and ours in the layout of training."""
    torchs = TorchPools(LevelPools(LEVELS).sizes(side))
    ours = {pool: step(level_pools(pool, LEVELS, 1.0), side, torch.channels_last) for pool in get_args(Pool)}
    return {"Torch's fractional": step(torchs, side, torch.contiguous_format), **ours}


def main(budget: Budget = BUDGET) -> None:
    """Measure and print."""
    rows = [["side", "pool", "ms", "over Torch's"]]
    with torch_settings("cpu", threads=1):
        for side in SIDES:
            named = workloads(side)
            durations = time_in_turn([*named.values()], cpu_clock, budget)
            seconds = [[duration.processor for duration in of_one] for of_one in durations]
            for name, own in zip(named, seconds, strict=True):
                median = quartiles(own).median
                rows.append([str(side), name, f"{1e3 * median:.2f}", f"{ratio(own, seconds[0]).median:.2f}"])
    print(f"{CHANNELS} channels, batch {BATCH}, {LEVELS} levels")
    print("\n".join(align(rows, "><>")))


if __name__ == "__main__":
    main()
