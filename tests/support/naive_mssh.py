"""MSSH once more, in plain numpy: blocks and network, written from the paper and its readings."""

import numpy as np
from torch import nn

from support.naive_layers import Array, max_pool, nearest_twice, residual, run


def pool_rounded_up(x: Array) -> Array:
    """Maxima of windows of two by two; the last row and column may stand alone."""
    height, width = x.shape[2:]
    rows = [x[:, :, i : i + 2].max(axis=2) for i in range(0, height, 2)]
    columns = np.stack(rows, axis=2)
    return np.stack([columns[..., j : j + 2].max(axis=3) for j in range(0, width, 2)], axis=3)


def spread(x: Array, size: tuple[int, int]) -> Array:
    """Each pixel takes what its window of two by two became."""
    out = np.empty((*x.shape[:2], *size))
    for i in range(size[0]):
        for j in range(size[1]):
            out[:, :, i, j] = x[:, :, i // 2, j // 2]
    return out


def inception(x: Array, block: nn.Module, variant: str) -> Array:
    """1x1, 3x3 beside 1x1, 3x3, 3x3; together, 1x1, and the shortcut. B pools the second after its 1x1."""
    short = run(x, block.short)
    long = run(x, block.long_first)
    if variant == "B":
        long = spread(run(pool_rounded_up(long), block.long_rest), x.shape[2:])
    else:
        long = run(long, block.long_rest)
    return run(np.concatenate([short, long], axis=1), block.join) + run(x, block.shortcut)


class Naive:
    """The network by equations; ``variant`` is A or B, or anything else for the plain residual."""

    def __init__(self, model: nn.Module, variant: str, depths: tuple[int, int, int], lateral: bool, fusion: str):
        self.model, self.variant, self.lateral, self.fusion = model, variant, lateral, fusion
        self.depths = dict(zip((8, 4, 2), depths, strict=True))

    def block(self, x: Array, module: nn.Module) -> Array:
        if self.variant in ("A", "B"):
            return inception(x, module, self.variant)
        return residual(x, module)

    def hourglass(self, x: Array, module: nn.Module, depth: int) -> Array:
        low = self.block(max_pool(x), module.down)
        low = self.hourglass(low, module.inner, depth - 1) if depth > 1 else self.block(low, module.inner)
        return self.block(x, module.skip) + nearest_twice(self.block(low, module.up))

    def preprocessing(self, image: Array, used: tuple[int, ...]) -> dict[int, Array]:
        parts = self.model.preprocessing
        trunk = {2: self.block(run(image, parts.stem), parts.trunk["2"])}
        for stride in (4, 8):
            if stride <= max(used):
                trunk[stride] = self.block(max_pool(trunk[stride // 2]), parts.trunk[str(stride)])
        if not self.lateral:
            return {stride: self.block(trunk[stride], parts.branches[str(stride)]) for stride in set(used)}
        found: dict[int, Array] = {}
        for stride in (8, 4, 2):
            if min(used) <= stride <= max(used):
                branch = self.block(trunk[stride], parts.branches[str(stride)])
                found[stride] = run(branch, parts.laterals[str(stride)])
                if stride != max(used):
                    found[stride] = found[stride] + nearest_twice(found[2 * stride])
        return found

    def __call__(self, image: Array, strides: tuple[int, ...]) -> list[Array]:
        model = self.model
        dispatched = self.preprocessing(image, strides)
        x = dispatched[strides[0]]
        heatmaps = []
        for j, stride in enumerate(strides):
            post, *line = model.features[j]
            y = self.block(self.hourglass(x, model.hourglasses[j], self.depths[stride]), post)
            f = run(y, nn.Sequential(*line))
            heatmaps.append(run(f, model.heads[j]))
            if j == len(strides) - 1:
                break
            x = x + run(f, model.merge_features[j]) + run(heatmaps[j], model.merge_heatmaps[j])
            while stride > strides[j + 1]:
                x, stride = nearest_twice(x), stride // 2
            if self.fusion == "sum":
                x = x + dispatched[stride]
            else:
                x = run(np.concatenate([x, dispatched[stride]], axis=1), model.fusions[j].reduce)
        return heatmaps
