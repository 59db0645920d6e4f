"""The classifiers of PyraNet's table 3 once more, in plain tensor operations: from its readings, weights by name."""

from collections.abc import Callable

import torch
from torch import Tensor

from support.naive_layers import convolution, normalised
from support.naive_residuals import filtered_by_level
from support.weights import Weights, conv, linear, norm, norm_relu, relu

Path = Callable[..., Tensor]
"""``path(x, w, outputs, width, stride)`` beside a block: a pyramid."""


def pyramid_path(
    x: Tensor, w: Weights, outputs: int, width: int, stride: int = 1, *, levels=4, exponent=1.0, pool="fractional"
) -> Tensor:
    """1x1-BN-ReLU; each level pooled, filtered by 3x3 and enlarged; the sum, BN-ReLU-1x1."""
    reduced = norm_relu(conv(x, w.at("reduce.0"), width, 1, stride=stride, bias=False), w.at("reduce.1"))
    total = sum(filtered_by_level([reduced] * levels, w, exponent, pool, bias=False))
    return conv(norm_relu(total, w.at("expand.0")), w.at("expand.2"), outputs, 1, bias=False)


def cifar10(image: Tensor) -> Tensor:
    """Pixels as CIFAR-10's networks see them."""
    return normalised(image, (0.4914, 0.4824, 0.4467), (0.2471, 0.2435, 0.2616))


def wide_resnet(
    image: Tensor, w: Weights, *, classes: int, widen: int, blocks: int, path: Path | None = None, widths=None
) -> Tensor:
    """3x3, three stages of blocks of 16, 32 and 64 times ``widen`` channels, BN-ReLU, the mean and the logits."""
    x = conv(cifar10(image), w.at("stem"), 16, 3, bias=False)
    for number in range(3 * blocks):
        stage, outputs = number // blocks, 16 * widen * 2 ** (number // blocks)
        stride = 2 if number in (blocks, 2 * blocks) else 1
        width = outputs // 4 if widths is None else widths[stage]
        x = wide_block(x, w.at(f"blocks.{number}"), outputs, width, stride, path)
    x = norm_relu(x, w.at("last.0"))
    return linear(x.mean((2, 3)), w.at("classify"), classes)


def wide_block(x: Tensor, w: Weights, outputs: int, width: int, stride: int, path: Path | None) -> Tensor:
    """BN-ReLU-3x3, BN-ReLU-3x3, plus the input, or a 1x1 of what BN-ReLU made of it, plus the pyramid of that."""
    active = norm_relu(x, w.at("norm"))
    y = conv(active, w.at("main.0"), outputs, 3, stride=stride, bias=False)
    y = conv(norm_relu(y, w.at("main.1")), w.at("main.3"), outputs, 3, bias=False)
    same = x.shape[1] == outputs and stride == 1
    y = y + (x if same else conv(active, w.at("shortcut"), outputs, 1, stride=stride, bias=False))
    return y if path is None else y + path(active, w.at("path"), outputs, width, stride)


def resnext(
    image: Tensor,
    w: Weights,
    *,
    classes: int,
    groups: int,
    group: int,
    blocks: int,
    path: Path | None = None,
    widths=None,
) -> Tensor:
    """3x3-BN-ReLU of 64 channels, three stages of blocks of 256, 512 and 1024, the mean and the logits."""
    x = relu(norm(conv(cifar10(image), w.at("stem.0"), 64, 3, bias=False), w.at("stem.1")))
    for number in range(3 * blocks):
        stage = number // blocks
        stride = 2 if number in (blocks, 2 * blocks) else 1
        width = group * 2**stage
        beside = None if path is None else (path, width if widths is None else widths[stage])
        x = grouped_block(x, w.at(f"blocks.{number}"), 256 * 2**stage, groups, groups * width, stride, beside)
    return linear(x.mean((2, 3)), w.at("classify"), classes)


def grouped_block(
    x: Tensor, w: Weights, outputs: int, groups: int, inner: int, stride: int, beside: tuple[Path, int] | None
) -> Tensor:
    """1x1-BN-ReLU, 3x3-BN-ReLU in groups, 1x1-BN, plus the input or its 1x1-BN, plus the pyramid's BN; ReLU."""
    y = relu(norm(conv(x, w.at("main.0"), inner, 1, bias=False), w.at("main.1")))
    y = relu(norm(grouped(y, w.at("main.3"), groups, inner, stride), w.at("main.4")))
    y = norm(conv(y, w.at("main.6"), outputs, 1, bias=False), w.at("main.7"))
    if x.shape[1] == outputs and stride == 1:
        y = y + x
    else:
        y = y + norm(conv(x, w.at("shortcut.0"), outputs, 1, stride=stride, bias=False), w.at("shortcut.1"))
    if beside is not None:
        path, width = beside
        y = y + norm(path(x, w.at("path.0"), outputs, width, stride), w.at("path.1"))
    return relu(y)


def grouped(x: Tensor, w: Weights, groups: int, outputs: int, stride: int) -> Tensor:
    """Each group of outputs sees its own group of inputs."""
    weight = w.take("weight")
    assert weight.shape == (outputs, x.shape[1] // groups, 3, 3)
    inputs, filters = x.chunk(groups, dim=1), weight.chunk(groups)
    return torch.cat([convolution(*pair, stride) for pair in zip(inputs, filters, strict=True)], dim=1)
