"""HRNet once more, in plain tensor operations: written out from the paper's section 3, weights by name."""

from dataclasses import dataclass

from torch import Tensor

from support.naive_postactivation import basic_block, classify, conv_norm_relu, exchange, imagenet, spread, stem
from support.weights import Weights, conv


@dataclass(frozen=True)
class Network:
    """HRNet of ``width`` channels at a quarter of the image, twice as many at each half of it.

    ``branches`` are the resolutions of each stage after the first, ``modules`` its modules, ``blocks`` the residuals
    of each branch of a module. ``exchanges`` are the modules, as (stage, number), that exchange; the last one's outputs
    are the branches ``outputs``.
    """

    width: int
    branches: tuple[int, ...]
    modules: tuple[int, ...]
    blocks: int
    exchanges: set[tuple[int, int]]
    outputs: tuple[int, ...] = (0,)

    def maps(self, x: Tensor, w: Weights) -> list[Tensor]:
        """Figure 1: a stage's branches, its new one of half the size, and the exchange."""
        ratios = (2,) * (self.branches[-1] - 1)
        widths = [self.width * 2**r for r in range(self.branches[0])]
        maps = spread(stem(x, w.at("stem")), w.at("spread"), widths, ratios)
        for stage, modules in enumerate(self.modules):
            if len(maps) < self.branches[stage]:
                lowest = maps[-1]
                added = conv_norm_relu(lowest, w.at(f"extensions.{stage}.path.0"), 2 * lowest.shape[1], 3, stride=2)
                maps = [*maps, added]
            for number in range(modules):
                here = w.at(f"stages.{stage}.{number}")
                maps = self.residuals(maps, here.at("branches"))
                if (stage, number) in self.exchanges:
                    last = stage == len(self.modules) - 1 and number == modules - 1
                    targets = [*self.outputs] if last else [*range(len(maps))]
                    maps = exchange(maps, here.at("exchange"), ratios, targets)
        return maps

    def residuals(self, maps: list[Tensor], w: Weights) -> list[Tensor]:
        found = []
        for r, x in enumerate(maps):
            for block in range(self.blocks):
                x = basic_block(x, w.at(f"paths.{r}.{block}"))
            found.append(x)
        return found

    def heatmaps(self, image: Tensor, w: Weights, joints: int) -> list[Tensor]:
        """A 1x1 convolution of each output."""
        maps = self.maps(imagenet(image), w.at("body"))
        return [conv(x, w.at(f"heads.{number}"), joints, 1) for number, x in enumerate(maps)]

    def logits(self, image: Tensor, w: Weights, classes: int) -> Tensor:
        return classify(self.maps(imagenet(image), w.at("body")), w.at("head"), (2, 2, 2), classes)
