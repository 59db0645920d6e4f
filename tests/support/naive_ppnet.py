"""PPNet once more, in plain tensor operations: written out from the paper's section III, weights by name."""

from dataclasses import dataclass

from torch import Tensor

from support.naive_postactivation import (
    basic_block,
    bottleneck,
    classify,
    conv_norm_relu,
    exchange,
    imagenet,
    spread,
    stem,
)
from support.weights import Weights, conv


@dataclass(frozen=True)
class Network:
    """PPNet of ``modules``; ``widths`` and ``depths`` are the branches' channels and residuals.

    ``bottlenecks``: residual modules, a quarter as wide inside, in place of residual blocks (table VII).
    ``from_inputs``: what a module found is added to its inputs, as the paper words it, in place of its branches'
    outputs, as the released code does.
    """

    modules: int
    widths: list[int]
    depths: list[int]
    ratios: tuple[int, ...] = (2, 2)
    bottlenecks: bool = False
    from_inputs: bool = False

    def heatmaps(self, image: Tensor, w: Weights, joints: int) -> list[Tensor]:
        """Each module's heatmaps and features go back into the highest resolution, fused maps into the others."""
        width, found = self.widths[0], []
        maps = self.begin(image, w)
        for k in range(self.modules):
            last = k == self.modules - 1
            branches, fused = self.module(maps, w, k, [0] if last else [*range(len(maps))])
            features = conv_norm_relu(fused[0], w.at(f"features.{k}"), width, 1)
            found.append(head(features, w.at(f"heads.{k}"), joints))
            if not last:
                from_features = conv(features, w.at(f"merge_features.{k}"), width, 1)
                back = from_features + conv(found[-1], w.at(f"merge_heatmaps.{k}"), width, 1)
                base = maps if self.from_inputs else branches
                maps = [base[0] + back] + [x + y for x, y in zip(base[1:], fused[1:], strict=True)]
        return found

    def logits(self, image: Tensor, w: Weights, classes: int) -> Tensor:
        """Without heatmaps: fused maps of all resolutions go on, and the last module's to the classifier."""
        maps = self.begin(image, w)
        for k in range(self.modules):
            branches, fused = self.module(maps, w, k, [*range(len(maps))])
            base = maps if self.from_inputs else branches
            maps = [x + y for x, y in zip(base, fused, strict=True)]
        return classify(fused, w.at("head"), self.ratios, classes)

    def begin(self, image: Tensor, w: Weights) -> list[Tensor]:
        return spread(stem(imagenet(image), w.at("stem")), w.at("spread"), self.widths, self.ratios)

    def module(self, maps: list[Tensor], w: Weights, k: int, targets: list[int]) -> tuple[list[Tensor], list[Tensor]]:
        """The branches' outputs, and their exchange."""
        branches = []
        for r, x in enumerate(maps):
            for block in range(self.depths[r]):
                x = self.residual(x, w.at(f"pyramids.{k}.paths.{r}.{block}"))
            branches.append(x)
        return branches, exchange(branches, w.at(f"exchanges.{k}"), self.ratios, targets)

    def residual(self, x: Tensor, w: Weights) -> Tensor:
        return bottleneck(x, w, x.shape[1] // 4, x.shape[1]) if self.bottlenecks else basic_block(x, w)


def head(x: Tensor, w: Weights, joints: int, width: int = 32) -> Tensor:
    """3x3-BN-ReLU twice, ``width`` wide, then 1x1."""
    x = conv_norm_relu(conv_norm_relu(x, w.at("0"), width, 3), w.at("1"), width, 3)
    return conv(x, w.at("2"), joints, 1)
