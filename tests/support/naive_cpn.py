"""CPN once more, in plain numpy: written out from the paper and the readings that the class names, weights by name.

``bilinear`` keeps the corner pixels, as everywhere in posepyr; the paper says only that it enlarges.
"""

import numpy as np

from support.naive_layers import Array, bilinear, overlapping_max_pool
from support.weights import Weights, conv, norm, relu

MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
RESIDUALS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""He et al. 2016, table 1."""


def cpn(image: Array, w: Weights, *, joints: int, depth: int, width: int, channels: int) -> list[Array]:
    """GlobalNet's heatmaps from the deepest stage's to the first one's, and RefineNet's (figure 1)."""
    x = (image / 255 - MEAN[:, None, None]) / STD[:, None, None]
    c2, c3, c4, c5 = resnet_maps(x, w.at("backbone"), RESIDUALS[depth], width)
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
    together = np.concatenate([p2, bilinear(p3, size), bilinear(p4, size), bilinear(p5, size)], axis=1)
    refined = bottleneck(together, r.at("join"), channels // 2, channels)
    return [*outputs, conv(refined, r.at("head"), joints, 3)]


def lateral(x: Array, w: Weights, channels: int) -> Array:
    """1x1-BN-ReLU."""
    return relu(norm(conv(x, w.at("0"), channels, 1, bias=False), w.at("1")))


def raised(deeper: Array, w: Weights, size: tuple[int, ...]) -> Array:
    """Enlarged, then 1x1 with a bias, as the release has it; nothing follows."""
    return conv(bilinear(deeper, size), w, deeper.shape[1], 1)


def level_heatmaps(p: Array, w: Weights, joints: int, size: tuple[int, ...]) -> Array:
    """1x1-BN-ReLU, 3x3, enlarged to the heatmaps' size."""
    y = relu(norm(conv(p, w.at("0.0"), p.shape[1], 1, bias=False), w.at("0.1")))
    return bilinear(conv(y, w.at("1"), joints, 3), size)


def resnet_maps(x: Array, w: Weights, residuals: tuple[int, ...], width: int) -> list[Array]:
    """The output of each of ResNet's stages: C2 to C5."""
    x = relu(norm(conv(x, w.at("stem.0.0"), width, 7, stride=2, bias=False), w.at("stem.0.1")))
    x = overlapping_max_pool(x)
    maps = []
    for stage, count in enumerate(residuals):
        inner = width * 2**stage
        for block in range(count):
            stride = 2 if stage > 0 and block == 0 else 1
            x = bottleneck(x, w.at(f"stages.{stage}.{block}"), inner, 4 * inner, stride)
        maps.append(x)
    return maps


def bottleneck(x: Array, w: Weights, inner: int, outputs: int, stride: int = 1) -> Array:
    """1x1-BN-ReLU, 3x3-BN-ReLU, 1x1-BN and the identity, or 1x1-BN where size or channels change; ReLU of the sum."""
    y = relu(norm(conv(x, w.at("main.0.0"), inner, 1, bias=False), w.at("main.0.1")))
    y = relu(norm(conv(y, w.at("main.1.0"), inner, 3, stride=stride, bias=False), w.at("main.1.1")))
    y = norm(conv(y, w.at("main.2.0"), outputs, 1, bias=False), w.at("main.2.1"))
    if stride > 1 or x.shape[1] != outputs:
        x = norm(conv(x, w.at("shortcut.0"), outputs, 1, stride=stride, bias=False), w.at("shortcut.1"))
    return relu(y + x)
