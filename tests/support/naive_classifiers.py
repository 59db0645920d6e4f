"""The classifiers of PyraNet's table 3 once more, in plain numpy: written from its readings, in float64."""

import math

import numpy as np
from torch import nn

from support.naive_layers import Array, array, bilinear, shrunk


def convolution(x: Array, layer: nn.Conv2d) -> Array:
    """Without a bias; each group of outputs sees its own group of inputs."""
    assert layer.bias is None
    weight, (stride, _), (pad, _) = array(layer.weight), layer.stride, layer.padding
    size = weight.shape[-1]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    height, width = ((n + 2 * pad - size) // stride + 1 for n in x.shape[2:])
    out = np.zeros((len(x), len(weight), height, width))
    share = len(weight) // layer.groups
    seen = weight.shape[1]
    for group in range(layer.groups):
        inputs = padded[:, group * seen : (group + 1) * seen]
        filters = weight[group * share : (group + 1) * share]
        for i in range(height):
            for j in range(width):
                patch = inputs[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
                out[:, group * share : (group + 1) * share, i, j] = np.tensordot(patch, filters, ([1, 2, 3], [1, 2, 3]))
    return out


def norm(x: Array, layer: nn.BatchNorm2d) -> Array:
    if layer.training:
        mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
    else:
        mean, variance = array(layer.running_mean), array(layer.running_var)
    scale = array(layer.weight) / np.sqrt(variance + 1e-5)
    return (x - mean[:, None, None]) * scale[:, None, None] + array(layer.bias)[:, None, None]


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def pyramid_path(z: Array, path: nn.Module, levels: int = 4, exponent: float = 1.0, pool: str = "fractional") -> Array:
    """conv1x1, BN, ReLU; pooled by 2 ** (-exponent c / levels), 3x3, enlarged; the sum, BN, ReLU, conv1x1."""
    reduce, reduce_norm, _ = path.reduce
    u = relu(norm(convolution(z, reduce), reduce_norm))
    total = np.zeros_like(u)
    for c in range(1, levels + 1):
        size = tuple(max(1, math.floor(n * 2 ** (-exponent * c / levels) + 1e-9)) for n in u.shape[2:])
        offsets = array(path.pools.regions[c - 1]) if pool == "fractional" and path.training else (0.5, 0.5)
        total += bilinear(convolution(shrunk(u, size, pool, offsets), path.filters[c - 1]), u.shape[2:])
    expand_norm, _, expand = path.expand
    return convolution(relu(norm(total, expand_norm)), expand)


def wide_block(x: Array, block: nn.Module) -> Array:
    a = relu(norm(x, block.norm))
    first, middle, _, second = block.main
    out = convolution(relu(norm(convolution(a, first), middle)), second)
    out = out + (x if block.shortcut is None else convolution(a, block.shortcut))
    return out if block.path is None else out + pyramid_path(a, block.path)


def grouped_block(x: Array, block: nn.Module) -> Array:
    first, first_norm, _, second, second_norm, _, third, third_norm = block.main
    out = relu(norm(convolution(x, first), first_norm))
    out = relu(norm(convolution(out, second), second_norm))
    out = norm(convolution(out, third), third_norm)
    if isinstance(block.shortcut, nn.Identity):
        out = out + x
    else:
        shortcut, shortcut_norm = block.shortcut
        out = out + norm(convolution(x, shortcut), shortcut_norm)
    if block.path is not None:
        path, path_norm = block.path
        out = out + norm(pyramid_path(x, path), path_norm)
    return relu(out)


def classify(x: Array, layer: nn.Linear) -> Array:
    return x.mean(axis=(2, 3)) @ array(layer.weight).T + array(layer.bias)


def wide_resnet(x: Array, model: nn.Module) -> Array:
    x = convolution(x, model.stem)
    for block in model.blocks:
        x = wide_block(x, block)
    return classify(relu(norm(x, model.last[0])), model.classify)


def resnext(x: Array, model: nn.Module) -> Array:
    stem, stem_norm, _ = model.stem
    x = relu(norm(convolution(x, stem), stem_norm))
    for block in model.blocks:
        x = grouped_block(x, block)
    return classify(x, model.classify)
