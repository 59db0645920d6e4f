"""The residuals of the hourglasses once more, in plain tensor operations: written out from the papers, weights by name.

``w`` holds the weights of one block, ``outputs`` are its channels. All shortcuts are the identity where the
channels stay and nothing ``changed`` them.
"""

import math

import torch
from torch import Tensor

from support.naive_layers import bilinear, convolution, nearest, pool_rounded_up, shrunk
from support.weights import Weights, conv, norm, norm_relu, relu


def preactivation_residual(
    x: Tensor, w: Weights, outputs: int, *, inner=None, changed=False, preactivation=True, bare=False
) -> Tensor:
    """BN-ReLU-1x1, BN-ReLU-3x3, BN-ReLU-1x1, and nothing after the sum (Newell et al. 2016, section 3.1)."""
    inner = outputs // 2 if inner is None else inner
    y = norm_relu(x, w.at("main.0.0")) if preactivation else x
    y = conv(y, w.at("main.1"), inner, 1)
    y = norm_relu(y, w.at("main.2.0"))
    y = conv(y, w.at("main.3"), inner, 3)
    y = norm_relu(y, w.at("main.4.0"))
    y = conv(y, w.at("main.5"), outputs, 1)
    return y + shortcut(x, w.at("shortcut"), outputs, changed, bare)


def wide_residual(x: Tensor, w: Weights, outputs: int, *, fifths: int, **options) -> Tensor:
    """The widened baseline: a 3x3 convolution of more than half of the outputs (PyraNet, "Wide BS")."""
    return preactivation_residual(x, w, outputs, inner=outputs * fifths // 5, **options)


def shortcut(x: Tensor, w: Weights, outputs: int, changed: bool, bare: bool) -> Tensor:
    """The identity; else a 1x1 convolution, before which PyraNet has BN-ReLU and others have nothing."""
    if x.shape[1] == outputs and not changed:
        return x
    if bare:
        return conv(x, w, outputs, 1)
    return conv(norm_relu(x, w.at("0.0")), w.at("1"), outputs, 1)


def postactivation_residual(x: Tensor, w: Weights, outputs: int, *, changed=False, preactivation=False) -> Tensor:
    """1x1-BN-ReLU, 3x3-BN-ReLU, 1x1-BN, without biases; ReLU after the sum (PPNet's hourglass)."""
    assert not preactivation
    inner = outputs // 2
    y = relu(norm(conv(x, w.at("main.0.0"), inner, 1, bias=False), w.at("main.0.1")))
    y = relu(norm(conv(y, w.at("main.1.0"), inner, 3, bias=False), w.at("main.1.1")))
    y = norm(conv(y, w.at("main.2.0"), outputs, 1, bias=False), w.at("main.2.1"))
    plain = x.shape[1] == outputs and not changed
    return relu(y + (x if plain else conv(x, w.at("shortcut"), outputs, 1, bias=False)))


def pyramid_residual(
    x: Tensor,
    w: Weights,
    outputs: int,
    variant: str,
    *,
    levels=4,
    exponent=1.0,
    pool="fractional",
    width=None,
    changed=False,
    preactivation=True,
) -> Tensor:
    """PyraNet's equations 1 and 2: ``f0(x) + g(sum_c f_c(x))`` through BN-ReLU-1x1, plus the shortcut."""
    inner, width = outputs // 2, outputs // 9 if width is None else width
    f0 = norm_relu(x, w.at("original.0.0")) if preactivation else x
    f0 = conv(f0, w.at("original.1"), inner, 1)
    f0 = norm_relu(f0, w.at("original.2.0"))
    f0 = conv(f0, w.at("original.3"), inner, 3)

    z = norm_relu(x, w.at("reduce.0.0")) if preactivation else x
    if variant == "A":  # a map of its own for each level
        maps = [reduced(z, w.at(f"reductions.{c}"), width) for c in range(levels)]
    else:
        maps = [reduced(z, w.at("reduce"), width, first=1)] * levels
    if variant == "D":
        filtered = [conv(maps[c], w.at(f"filters.{c}"), width, 3, dilation=c + 1) for c in range(levels)]
    else:
        filtered = filtered_pyramid(maps, w, variant, exponent, pool)
    merged = torch.cat(filtered, dim=1) if variant == "C" else sum(filtered)

    g = conv(norm_relu(merged, w.at("expand.0.0")), w.at("expand.1"), inner, 1)
    y = conv(norm_relu(f0 + g, w.at("last.0.0")), w.at("last.1"), outputs, 1)
    return y + shortcut(x, w.at("shortcut"), outputs, changed, bare=False)


def reduced(z: Tensor, w: Weights, width: int, first: int = 0) -> Tensor:
    """1x1-BN-ReLU."""
    return norm_relu(conv(z, w.at(first), width, 1), w.at(f"{first + 1}.0"))


def filtered_pyramid(maps: list[Tensor], w: Weights, variant: str, exponent: float, pool: str) -> list[Tensor]:
    """Levels with filters of their own, or in B* with one for all."""
    if variant != "Bstar":
        return filtered_by_level(maps, w, exponent, pool)
    kernel, bias = w.take("filters.0.weight"), w.take("filters.0.bias")
    assert kernel.shape[2:] == (3, 3)
    small = pooled(maps, w, exponent, pool)
    return [bilinear(convolution(z, kernel) + bias[:, None, None], maps[0].shape[2:]) for z in small]


def filtered_by_level(maps: list[Tensor], w: Weights, exponent: float, pool: str, *, bias: bool = True) -> list[Tensor]:
    """Each level's map pooled, filtered by a 3x3 convolution of its own and enlarged again."""
    small = pooled(maps, w, exponent, pool)
    small = [conv(z, w.at(f"filters.{c}"), z.shape[1], 3, bias=bias) for c, z in enumerate(small)]
    return [bilinear(z, maps[0].shape[2:]) for z in small]


def pooled(maps: list[Tensor], w: Weights, exponent: float, pool: str) -> list[Tensor]:
    """Each level's map at ``2 ** (-exponent c / levels)`` of its size."""
    levels, full = len(maps), maps[0].shape[2:]
    offsets = region_offsets(w, levels) if pool == "fractional" else [None] * levels
    return [
        shrunk(z, pyramid_size(full, exponent * c / levels), pool, offsets[c - 1]) for c, z in enumerate(maps, start=1)
    ]


def pyramid_size(full: tuple[int, ...], halvings: float) -> tuple[int, ...]:
    """Equation 3, rounded down; a whole number stays one in floating point, and a pixel stays a pixel."""
    return tuple(max(1, math.floor(length * 2**-halvings + 1e-9)) for length in full)


def region_offsets(w: Weights, levels: int) -> list[tuple[float, float]]:
    """Of the pooling regions along x and y: as drawn in training, the middle in evaluation."""
    drawn = w.take("pools.regions")
    assert drawn.shape == (levels, 2)
    return [tuple(pair) for pair in drawn] if w.training else [(0.5, 0.5)] * levels


def inception_residual(
    x: Tensor, w: Weights, outputs: int, variant: str, *, width=None, changed=False, preactivation=True
) -> Tensor:
    """1x1, 3x3 beside 1x1, 3x3, 3x3; together, 1x1, and the shortcut (MSSH, figure 4).

    BN-ReLU stands before each convolution but the shortcut's. B does the second branch's 3x3 on half the size.
    """
    width = outputs // 4 if width is None else width
    short = norm_relu(x, w.at("short.0.0.0")) if preactivation else x
    short = conv(short, w.at("short.0.1"), width, 1)
    short = conv(norm_relu(short, w.at("short.1.0.0")), w.at("short.1.1"), width, 3)

    long = norm_relu(x, w.at("long_first.0.0")) if preactivation else x
    long = conv(long, w.at("long_first.1"), width, 1)
    long = pool_rounded_up(long) if variant == "B" else long
    long = conv(norm_relu(long, w.at("long_rest.0.0.0")), w.at("long_rest.0.1"), width, 3)
    long = conv(norm_relu(long, w.at("long_rest.1.0.0")), w.at("long_rest.1.1"), width, 3)
    long = nearest(long)[:, :, : x.shape[2], : x.shape[3]] if variant == "B" else long

    both = torch.cat([short, long], dim=1)
    y = conv(norm_relu(both, w.at("join.0.0")), w.at("join.1"), outputs, 1)
    return y + shortcut(x, w.at("shortcut"), outputs, changed, bare=True)
