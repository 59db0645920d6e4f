"""The classifier's head on branches of several resolutions: HRNet's, and here PPNet's too."""

from collections.abc import Sequence

from torch import Tensor, nn

from posepyr.layers.pointwise import Pointwise
from posepyr.layers.postactivation import Bottleneck

FIRST = 128
"""Channels to which the highest resolution is widened; each lower one gets twice as many as the one before it."""

FEATURES = 2048
"""Channels before the last layer, as many as ResNet's."""


class MultiscaleHead(nn.Module):
    """Maps from the highest resolution to the lowest, ``B widths[r] H_r W_r``, to logits ``B classes``.

    ``y_0 = u_0(x_0)`` and ``y_r = u_r(x_r) + d_r(y_{r-1})``, where u is a bottleneck that widens and d a 3x3
    convolution strided by ``ratios[r - 1]``; of the last y, 2048 features averaged over the map. The paper on HRNet
    gives classification a paragraph and no layers (its supplement, "Results on the ImageNet Validation Set"): these
    are the authors' published networks.
    """

    def __init__(self, widths: Sequence[int], ratios: Sequence[int], classes: int) -> None:
        super().__init__()
        if classes < 2:
            raise ValueError(f"classes must be at least 2, got {classes}")
        outputs = [FIRST * 2**branch for branch in range(len(widths))]
        self.widen = nn.ModuleList(
            Bottleneck(width, output // 4, output) for width, output in zip(widths, outputs, strict=True)
        )
        self.lower = nn.ModuleList(
            _activated(nn.Conv2d(outputs[step], outputs[step + 1], kernel_size=3, stride=ratio, padding=1))
            for step, ratio in enumerate(ratios)
        )
        self.features = _activated(Pointwise(outputs[-1], FEATURES))
        self.classify = nn.Linear(FEATURES, classes)

    def forward(self, maps: list[Tensor]) -> Tensor:
        first, *others = (widen(x) for widen, x in zip(self.widen, maps, strict=True))
        y = first
        for lower, x in zip(self.lower, others, strict=True):
            y = x + lower(y)
        logits: Tensor = self.classify(self.features(y).mean(dim=(2, 3)))
        return logits


def _activated(convolution: nn.Conv2d) -> nn.Sequential:
    """Build a convolution with batch norm and ReLU; the published heads keep its bias all the same."""
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True))
