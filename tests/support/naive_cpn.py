"""CPN once more, in plain tensor operations: from the paper and the readings that the class names, weights by name.

``bilinear`` keeps the corner pixels, as everywhere in posepyr; the paper says only that it enlarges.
"""

import torch
from torch import Tensor

from support.naive_layers import bilinear
from support.naive_postactivation import bottleneck, conv_norm_relu, imagenet
from support.naive_resnet import resnet
from support.weights import Weights, conv

RESIDUALS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""He et al. 2016, table 1."""


def cpn(image: Tensor, w: Weights, *, joints: int, depth: int, width: int, channels: int) -> list[Tensor]:
    """GlobalNet's heatmaps from the deepest stage's to the first one's, and RefineNet's (figure 1)."""
    c2, c3, c4, c5 = resnet(imagenet(image), w.at("backbone"), RESIDUALS[depth], width)
    g = w.at("global_net")
    size = c2.shape[2:]
    p5 = lateral(c5, g.at("laterals.3"), channels)
    p4 = lateral(c4, g.at("laterals.2"), channels) + raised(p5, g.at("merges.2"), c4.shape[2:])
    p3 = lateral(c3, g.at("laterals.1"), channels) + raised(p4, g.at("merges.1"), c3.shape[2:])
    p2 = lateral(c2, g.at("laterals.0"), channels) + raised(p3, g.at("merges.0"), size)
    outputs = [level_heatmaps(p, g.at(f"heads.{i}"), joints, size) for i, p in ((3, p5), (2, p4), (1, p3), (0, p2))]

    r = w.at("refine_net")
    for j in range(3):
        p5 = bottleneck(p5, r.at(f"branches.3.{j}"), channels // 2, channels)
    for j in range(2):
        p4 = bottleneck(p4, r.at(f"branches.2.{j}"), channels // 2, channels)
    p3 = bottleneck(p3, r.at("branches.1.0"), channels // 2, channels)
    together = torch.cat([p2, bilinear(p3, size), bilinear(p4, size), bilinear(p5, size)], dim=1)
    refined = bottleneck(together, r.at("join"), channels // 2, channels)
    return [*outputs, conv(refined, r.at("head"), joints, 3)]


def lateral(x: Tensor, w: Weights, channels: int) -> Tensor:
    """1x1-BN-ReLU."""
    return conv_norm_relu(x, w, channels, 1)


def raised(deeper: Tensor, w: Weights, size: tuple[int, ...]) -> Tensor:
    """Enlarged, then 1x1 with a bias, as the release has it; nothing follows."""
    return conv(bilinear(deeper, size), w, deeper.shape[1], 1)


def level_heatmaps(p: Tensor, w: Weights, joints: int, size: tuple[int, ...]) -> Tensor:
    """1x1-BN-ReLU, 3x3, enlarged to the heatmaps' size."""
    y = conv_norm_relu(p, w.at("0"), p.shape[1], 1)
    return bilinear(conv(y, w.at("1"), joints, 3), size)
