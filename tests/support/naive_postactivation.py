"""The layers of ResNet, HRNet and PPNet once more, in plain tensor operations: weights by name.

Written out from He et al. 2016 (figure 5), HRNet's section 3 and PPNet's section III. Maps go from the highest
resolution to the lowest; ``ratios`` are how many times smaller each is than the one before it.
"""

import math

from torch import Tensor

from support.naive_layers import nearest, normalised
from support.weights import Weights, conv, linear, norm, relu


def imagenet(image: Tensor) -> Tensor:
    """Pixels as ImageNet's networks see them."""
    return normalised(image, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def conv_norm(x: Tensor, w: Weights, outputs: int, kernel: int, stride: int = 1) -> Tensor:
    """A convolution without bias, then batch norm."""
    return norm(conv(x, w.at("0"), outputs, kernel, stride=stride, bias=False), w.at("1"))


def conv_norm_relu(x: Tensor, w: Weights, outputs: int, kernel: int, stride: int = 1) -> Tensor:
    return relu(conv_norm(x, w, outputs, kernel, stride))


def basic_block(x: Tensor, w: Weights) -> Tensor:
    """3x3-BN-ReLU, 3x3-BN, plus the input; ReLU."""
    width = x.shape[1]
    y = conv_norm_relu(x, w.at("main.0"), width, 3)
    return relu(conv_norm(y, w.at("main.1"), width, 3) + x)


def bottleneck(x: Tensor, w: Weights, inner: int, outputs: int, stride: int = 1) -> Tensor:
    """1x1-BN-ReLU, 3x3-BN-ReLU, 1x1-BN, plus the input or its 1x1-BN where size or channels change; ReLU."""
    y = conv_norm_relu(x, w.at("main.0"), inner, 1)
    y = conv_norm_relu(y, w.at("main.1"), inner, 3, stride)
    y = conv_norm(y, w.at("main.2"), outputs, 1)
    same = x.shape[1] == outputs and stride == 1
    return relu(y + (x if same else conv_norm(x, w.at("shortcut"), outputs, 1, stride)))


def stem(x: Tensor, w: Weights) -> Tensor:
    """Two 3x3-BN-ReLU of 64 channels that halve, and four bottlenecks of 64 and 256 channels."""
    x = conv_norm_relu(x, w.at("0"), 64, 3, stride=2)
    x = conv_norm_relu(x, w.at("1"), 64, 3, stride=2)
    for block in range(4):
        x = bottleneck(x, w.at(f"2.{block}"), 64, 256)
    return x


def downwards(x: Tensor, w: Weights, outputs: int, ratios: tuple[int, ...], *, rectified: bool) -> Tensor:
    """3x3-BN strided by each ratio, the largest first; ReLU between them, where the channels stay, and perhaps last."""
    *before, last = sorted(ratios, reverse=True)
    for number, ratio in enumerate(before):
        x = conv_norm_relu(x, w.at(number), x.shape[1], 3, ratio)
    x = conv_norm(x, w.at(len(before)), outputs, 3, last)
    return relu(x) if rectified else x


def upwards(x: Tensor, w: Weights, outputs: int, factor: int) -> Tensor:
    """1x1-BN, then each pixel ``factor`` times in both directions."""
    return nearest(conv_norm(x, w.at("0"), outputs, 1), factor)


def spread(x: Tensor, w: Weights, widths: list[int], ratios: tuple[int, ...]) -> list[Tensor]:
    """Each resolution from one map: 3x3-BN-ReLU to the highest, strided ones to the others."""
    return [
        downwards(x, w.at(f"paths.{r}"), width, ratios[:r] if r else (1,), rectified=True)
        for r, width in enumerate(widths)
    ]


def exchange(maps: list[Tensor], w: Weights, ratios: tuple[int, ...], targets: list[int]) -> list[Tensor]:
    """``Y_i = ReLU(sum_j a_ij(X_j))`` for i in ``targets``; HRNet, figure 3."""
    return [fused(maps, w.at(f"targets.{target}"), ratios, target) for target in targets]


def fused(maps: list[Tensor], w: Weights, ratios: tuple[int, ...], i: int) -> Tensor:
    width, total = maps[i].shape[1], 0
    for j, x in enumerate(maps):
        if j < i:
            x = downwards(x, w.at(f"paths.{j}"), width, ratios[j:i], rectified=False)
        elif j > i:
            x = upwards(x, w.at(f"paths.{j}"), width, math.prod(ratios[i:j]))
        total = total + x
    return relu(total)


def classify(maps: list[Tensor], w: Weights, ratios: tuple[int, ...], classes: int) -> Tensor:
    """HRNet's classifier: bottlenecks of 128, 256, ... outputs, joined from the highest resolution down, the logits.

    A joint is a strided 3x3 convolution, with a bias, BN and ReLU, as the 1x1 to 2048 features before the mean is.
    """
    y = bottleneck(maps[0], w.at("widen.0"), 32, 128)
    for r, (x, ratio) in enumerate(zip(maps[1:], ratios, strict=True), start=1):
        lower = w.at(f"lower.{r - 1}")
        from_above = relu(norm(conv(y, lower.at("0"), 128 * 2**r, 3, stride=ratio), lower.at("1")))
        y = bottleneck(x, w.at(f"widen.{r}"), 32 * 2**r, 128 * 2**r) + from_above
    y = relu(norm(conv(y, w.at("features.0"), 2048, 1), w.at("features.1")))
    return linear(y.mean((2, 3)), w.at("classify"), classes)
