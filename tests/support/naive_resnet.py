"""ResNet and SimpleBaseline once more, in plain tensor operations: written out from the papers, weights by name."""

import torch
from torch import Tensor

from support.naive_layers import overlapping_max_pool
from support.naive_postactivation import bottleneck, conv_norm_relu, imagenet
from support.weights import Weights, conv, linear, norm, relu


def resnet(x: Tensor, w: Weights, blocks: tuple[int, ...], width: int) -> list[Tensor]:
    """7x7-BN-ReLU and 3x3 max pooling, both halving, and bottlenecks; each stage after the first halves too.

    He et al. 2016, table 1; the stride in the 3x3 convolution of a stage's first bottleneck, as the releases have it.
    The map of every stage.
    """
    x = overlapping_max_pool(conv_norm_relu(x, w.at("stem.0"), width, 7, stride=2))
    maps = []
    for stage, number in enumerate(blocks):
        inner = width * 2**stage
        for block in range(number):
            stride = 2 if stage and not block else 1
            x = bottleneck(x, w.at(f"stages.{stage}.{block}"), inner, 4 * inner, stride)
        maps.append(x)
    return maps


def simple_baseline(
    image: Tensor, w: Weights, *, joints: int, blocks: tuple[int, ...], width: int, upsampling: list[int]
) -> list[Tensor]:
    """A transposed convolution for each doubling, and 1x1; Xiao et al. 2018, section 2."""
    x = resnet(imagenet(image), w.at("backbone"), blocks, width)[-1]
    for number, outputs in enumerate(upsampling):
        x = doubling(x, w.at("upsampling"), outputs, first=3 * number)
    return [conv(x, w.at("head"), joints, 1)]


def classifier(image: Tensor, w: Weights, classes: int, **backbone) -> Tensor:
    x = resnet(imagenet(image), w.at("backbone"), **backbone)[-1]
    return linear(x.mean((2, 3)), w.at("classify"), classes)


def doubling(x: Tensor, w: Weights, outputs: int, first: int = 0) -> Tensor:
    """A transposed 4x4 convolution without bias, BN and ReLU, numbered from ``first``.

    Each pixel adds a 4x4 window, two pixels from the next one's, to the result, which loses a pixel all around.
    """
    weight = w.take(f"{first}.weight")
    assert weight.shape == (x.shape[1], outputs, 4, 4)
    height, width = x.shape[2:]
    out = x.new_zeros(len(x), outputs, 2 * height + 2, 2 * width + 2)
    for i in range(4):
        for j in range(4):
            reached = torch.einsum("io,bihw->bohw", weight[..., i, j], x)
            out[:, :, i : i + 2 * height : 2, j : j + 2 * width : 2] += reached
    return relu(norm(out[:, :, 1:-1, 1:-1], w.at(first + 1)))
