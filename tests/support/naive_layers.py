"""The layers of the papers once more, in plain numpy and loops: what the library is held against.

Written from the papers' equations and the released construction, not from the library's code. Arrays are
``B C H W`` in float64; weights are read from the library's modules, whose parameters are named by role.
"""

import math

import numpy as np
import numpy.typing as npt
from torch import nn

Array = npt.NDArray[np.float64]


def array(tensor) -> Array:
    return tensor.detach().numpy().astype(np.float64)


def convolution(x: Array, layer: nn.Conv2d) -> Array:
    """Each output pixel is a weighted sum of the pixels under the kernel."""
    weight, (stride, _), (pad, _), (dilation, _) = array(layer.weight), layer.stride, layer.padding, layer.dilation
    size = dilation * (weight.shape[-1] - 1) + 1
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    height = (padded.shape[2] - size) // stride + 1
    width = (padded.shape[3] - size) // stride + 1
    out = np.zeros((x.shape[0], weight.shape[0], height, width))
    for i in range(height):
        for j in range(width):
            top, left = i * stride, j * stride
            patch = padded[:, :, top : top + size : dilation, left : left + size : dilation]
            out[:, :, i, j] = np.tensordot(patch, weight, axes=([1, 2, 3], [1, 2, 3]))
    return out if layer.bias is None else out + array(layer.bias)[None, :, None, None]


def norm_relu(x: Array, norm: nn.BatchNorm2d) -> Array:
    return np.maximum(normalised(x, norm), 0)


def normalised(x: Array, norm: nn.BatchNorm2d) -> Array:
    """Batch norm by the batch's statistics in training, by the running ones otherwise."""
    if norm.training:
        mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
    else:
        mean, variance = array(norm.running_mean), array(norm.running_var)
    scale = array(norm.weight) / np.sqrt(variance + 1e-5)
    return (x - mean[None, :, None, None]) * scale[None, :, None, None] + array(norm.bias)[None, :, None, None]


def starts(inputs: int, outputs: int, u: float) -> list[int]:
    """Graham's pseudo-random sequence: where each window of two begins."""
    if outputs == 1:
        return [inputs - 2]
    alpha = (inputs - 2) / (outputs - 1)
    return [int((i + u) * alpha) - int(u * alpha) for i in range(outputs - 1)] + [inputs - 2]


def fractional_max_pool(x: Array, size: tuple[int, int], u: tuple[float, float]) -> Array:
    rows, columns = starts(x.shape[2], size[0], u[1]), starts(x.shape[3], size[1], u[0])
    out = np.empty((*x.shape[:2], *size))
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            out[:, :, i, j] = x[:, :, top : top + 2, left : left + 2].max(axis=(2, 3))
    return out


def adaptive_max_pool(x: Array, size: tuple[int, int]) -> Array:
    """The maxima of cells of equal size, each grown to whole pixels."""
    (h, w), (height, width) = size, x.shape[2:]
    out = np.empty((*x.shape[:2], h, w))
    for i in range(h):
        for j in range(w):
            rows = slice(math.floor(i * height / h), math.ceil((i + 1) * height / h))
            columns = slice(math.floor(j * width / w), math.ceil((j + 1) * width / w))
            out[:, :, i, j] = x[:, :, rows, columns].max(axis=(2, 3))
    return out


def shrunk(x: Array, size: tuple[int, int], level: int, pools, pool: str) -> Array:
    """A map as one level of a pyramid sees it; levels count from 1."""
    if pool != "fractional":
        return (adaptive_max_pool if pool == "adaptive" else bilinear)(x, size)
    offsets = array(pools.regions[level - 1]) if pools.training else (0.5, 0.5)
    return fractional_max_pool(x, size, tuple(offsets))


def bilinear(x: Array, size: tuple[int, int]) -> Array:
    """Linear interpolation along rows, then along columns, the corner pixels kept."""
    for axis, length in ((2, size[0]), (3, size[1])):
        position = np.linspace(0, x.shape[axis] - 1, length)
        x = np.apply_along_axis(lambda line, p=position: np.interp(p, np.arange(len(line)), line), axis, x)
    return x


def max_pool(x: Array) -> Array:
    b, c, h, w = x.shape
    return x.reshape(b, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))


def overlapping_max_pool(x: Array) -> Array:
    """The maxima of 3x3 windows around every second pixel."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    shifted = [padded[:, :, i : i + x.shape[2] : 2, j : j + x.shape[3] : 2] for i in range(3) for j in range(3)]
    return np.max(shifted, axis=0)


def nearest_twice(x: Array) -> Array:
    return x.repeat(2, axis=2).repeat(2, axis=3)


def run(x: Array, module: nn.Module) -> Array:
    """A chain of plain layers."""
    if isinstance(module, nn.Sequential):
        layers = list(module)
        if len(layers) == 2 and isinstance(layers[0], nn.BatchNorm2d):
            assert isinstance(layers[1], nn.ReLU)
            return norm_relu(x, layers[0])
        for layer in layers:
            x = run(x, layer)
        return x
    if isinstance(module, nn.Identity):
        return x
    if isinstance(module, nn.BatchNorm2d):
        return normalised(x, module)
    if isinstance(module, nn.ReLU):
        return np.maximum(x, 0)
    assert isinstance(module, nn.Conv2d), module
    return convolution(x, module)


def residual(x: Array, module) -> Array:
    return run(x, module.main) + run(x, module.shortcut)


def postactivation_residual(x: Array, module) -> Array:
    return np.maximum(residual(x, module), 0)


def pyramid_residual(
    x: Array, module, variant: str, levels: int = 4, exponent: float = 1.0, pool: str = "fractional"
) -> Array:
    """PyraNet's equations 1 to 3 and figure 3, by variant."""
    sizes = [
        tuple(math.floor(n * 2 ** (-exponent * c / levels) + 1e-9) for n in x.shape[2:]) for c in range(levels + 1)
    ]
    parts = [pyramid_level(x, module, variant, c, sizes[c], pool) for c in range(1, levels + 1)]
    merged = np.concatenate(parts, axis=1) if variant == "C" else sum(parts)
    both = run(x, module.original) + run(merged, module.expand)
    return run(both, module.last) + run(x, module.shortcut)


def pyramid_level(x: Array, module, variant: str, c: int, size: tuple[int, int], pool: str) -> Array:
    """Reduced by one filter, or in A by each level's own; then pooled, filtered and resized, or in D dilated."""
    reduced = run(x, module.reduce)
    if variant == "A":
        reduced = run(reduced, module.reductions[c - 1])
    layer = module.filters[0] if variant == "Bstar" else module.filters[c - 1]
    if variant == "D":
        assert layer.dilation == (c, c)
        return convolution(reduced, layer)
    return bilinear(convolution(shrunk(reduced, size, c, module.pools, pool), layer), x.shape[2:])
