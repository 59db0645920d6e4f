"""What a stack of heatmaps is trained on."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class StagedMSE(nn.Module):
    """Squared error of every supervised output: mean over pixels, joints and batch, stages kept apart.

    PyraNet eq. 5 sums over pixels and halves; the release takes the mean, and so do we: RMSProp does not see the
    factor. A joint of weight 0 adds nothing but still counts in the mean, as in HRNet's release.
    """

    def forward(self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor) -> Tensor:
        """Losses ``S`` of outputs and targets ``B K h w`` by stage; ``weights`` is ``B K``. The loss is their sum."""
        scale = weights[..., None, None]
        return torch.stack(
            [
                (scale * (heatmaps.float() - target) ** 2).mean()
                for heatmaps, target in zip(outputs, targets, strict=True)
            ]
        )
