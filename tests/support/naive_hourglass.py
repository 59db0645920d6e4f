"""The stacked hourglass once more, in plain tensor operations: the networks of four projects, weights by name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from support.naive_layers import max_pool, nearest, normalised, overlapping_max_pool
from support.naive_residuals import postactivation_residual, preactivation_residual, pyramid_residual
from support.weights import Weights, conv, norm_relu

Block = Callable[..., Tensor]
"""``block(x, w, outputs)``, perhaps with ``changed`` and ``preactivation``."""

MPII_MEAN = (0.4404, 0.4440, 0.4327)


def hourglass(
    x: Tensor, w: Weights, depth: int, place: Callable[..., Tensor], pool: Callable[[Tensor], Tensor]
) -> Tensor:
    """``skip(x) + twice(up(inner(down(pool(x)))))``; ``place(x, w, level, role)`` is what stands at a place."""
    low = place(pool(x), w.at("down"), depth, "down")
    if depth > 1:
        low = hourglass(low, w.at("inner"), depth - 1, place, pool)
    else:
        low = place(low, w.at("inner"), depth, "inner")
    low = place(low, w.at("up"), depth, "up")
    return place(x, w.at("skip"), depth, "skip") + nearest(low)


def is_pyramid(level: int, role: str) -> bool:
    """PyraNet's release: modules at 16x16 and above, where the outermost of four levels works at 64x64."""
    side = 4 * 2**level if role == "skip" else 2 * 2**level
    return side >= 16


@dataclass(frozen=True)
class Blocks:
    """What stands outside the hourglasses, and inside of them on small maps."""

    outside: Block
    small: Block

    def at(self, level: int, role: str) -> Block:
        return self.outside if is_pyramid(level, role) else self.small


def pyramids(variant: str, **options) -> Blocks:
    return Blocks(partial(pyramid_residual, variant=variant, **options), preactivation_residual)


def everywhere(block: Block) -> Blocks:
    return Blocks(block, block)


@dataclass(frozen=True)
class Project:
    """How one of the four builds its network, by default as PyraNet's baseline."""

    blocks: Blocks
    heavy: bool = False
    """The stem widens in its second module."""
    residual: bool = False
    """A module after each hourglass, in place of BN-ReLU."""
    preactivation: bool = False
    """BN-ReLU before the stem's first module, which comes after BN-ReLU."""
    bias: bool = True
    pool: Callable[[Tensor], Tensor] = max_pool
    changed: bool = False
    """A convolution in the shortcut of the modules before each upsampling."""


BARE = everywhere(partial(preactivation_residual, bare=True))

PROJECTS = {
    "newell": Project(BARE, residual=True),
    "pyranet": Project(everywhere(preactivation_residual), changed=True),
    "pytorch_pose": Project(BARE, heavy=True, residual=True, preactivation=True),
    "ppnet": Project(
        everywhere(postactivation_residual), heavy=True, residual=True, bias=False, pool=overlapping_max_pool
    ),
}


def stacked_hourglass(
    image: Tensor, w: Weights, project: Project, *, joints: int, width: int, stacks: int, depth: int, modules: int
) -> list[Tensor]:
    """Newell et al. 2016, section 3: each stack gets the map, features and heatmaps of the one before, summed."""

    def place(x: Tensor, w: Weights, level: int, role: str) -> Tensor:
        block = project.blocks.at(level, role)
        if role == "up" and project.changed:
            block = partial(block, changed=True)
        return in_series(x, w, block, width, modules)

    x = stem(normalised(image, MPII_MEAN), w.at("stem"), project, width)
    heatmaps = []
    for stack in range(stacks):
        y = hourglass(x, w.at(f"hourglasses.{stack}"), depth, place, project.pool)
        y = features(y, w.at(f"features.{stack}"), project, width, modules)
        heatmaps.append(conv(y, w.at(f"heads.{stack}"), joints, 1))
        if stack < stacks - 1:
            from_features = conv(y, w.at(f"merge_features.{stack}"), width, 1)
            x = x + from_features + conv(heatmaps[-1], w.at(f"merge_heatmaps.{stack}"), width, 1)
    return heatmaps


def in_series(x: Tensor, w: Weights, block: Block, width: int, modules: int) -> Tensor:
    for number in range(modules):
        x = block(x, w.at(number), width)
    return x


def stem(x: Tensor, w: Weights, project: Project, width: int) -> Tensor:
    """7x7 and BN-ReLU, halving; a module and pooling, halving; two modules more."""
    block = project.blocks.outside
    x = norm_relu(conv(x, w.at("0"), width // 4, 7, stride=2, bias=project.bias), w.at("1.0"))
    x = project.pool(block(x, w.at("2"), width // 2, preactivation=project.preactivation))
    x = block(x, w.at("4"), width if project.heavy else width // 2)
    return block(x, w.at("5"), width)


def features(y: Tensor, w: Weights, project: Project, width: int, modules: int) -> Tensor:
    """Modules or BN-ReLU, then 1x1-BN-ReLU."""
    if project.residual:
        y = in_series(y, w.at("0"), project.blocks.outside, width, modules)
    else:
        y = norm_relu(y, w.at("0.0"))
    return norm_relu(conv(y, w.at("1"), width, 1, bias=project.bias), w.at("2.0"))
