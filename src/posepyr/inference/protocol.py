"""How a crop is looked at: the one path from pixels to keypoints, in validation, testing and prediction alike."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from posepyr import geometry
from posepyr.codec import Codec


class Found(NamedTuple):
    """Keypoints ``B K 2`` and their scores ``B K`` from 0 to 1."""

    keypoints: Tensor
    scores: Tensor


@dataclass(frozen=True)
class Protocol:
    """A crop is seen once, or with ``flip`` also in the mirror, and the heatmaps are averaged."""

    flip: bool = True

    def heatmaps(self, model: nn.Module, codec: Codec, image: Tensor, flip_order: tuple[int, ...]) -> Tensor:
        """The prediction's heatmaps ``B K h w`` of crops ``B 3 H W``."""
        heatmaps: Tensor = model(image)[-1]
        if not self.flip:
            return heatmaps
        mirrored: Tensor = model(image.flip(-1))[-1]
        height, width = image.shape[-2:]
        return codec.merge_flipped(heatmaps, mirrored, flip_order, (height, width))

    def find(
        self, model: nn.Module, codec: Codec, image: Tensor, to_image: Tensor, flip_order: tuple[int, ...]
    ) -> Found:
        """Keypoints in image pixels, through the crops' affines ``to_image`` ``B 2 3``."""
        height, width = image.shape[-2:]
        heatmaps = self.heatmaps(model, codec, image, flip_order)
        keypoints, scores = codec.decode(heatmaps, (height, width))
        return Found(geometry.apply(to_image, keypoints.to(to_image.dtype)), scores)
