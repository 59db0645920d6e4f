"""How a crop is looked at: the one path from pixels to keypoints, in validation, testing and prediction alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn

from posepyr import geometry
from posepyr.codec import Codec
from posepyr.inference.found import Found, joined
from posepyr.inference.scales import find_in_picture


@dataclass(frozen=True)
class Protocol:
    """A crop is seen once, or with ``flip`` also in the mirror, and the heatmaps are averaged.

    With ``scales`` a person is cut several times, from a box so many times as large, and the heatmaps are averaged in
    the picture: PyraNet tests with 0.8, 0.9, 1.0, 1.1, 1.2 and 1.3. Validation while training, which but chooses among
    weights, takes the :meth:`glance`. With ``stages`` every supervised output of the network is scored beside the last.
    """

    flip: bool = True
    scales: Sequence[float] = (1.0,)
    stages: bool = False

    def __post_init__(self) -> None:
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"protocol.scales must be one or more positive numbers, got {list(self.scales)}")

    def glance(self) -> "Protocol":
        """The same with one crop a person: where there are several scales, the box's own."""
        return self if len(self.scales) == 1 else replace(self, scales=(1.0,))

    def heatmaps(
        self, model: nn.Module, codec: Codec, image: Tensor, flip_order: tuple[int, ...]
    ) -> tuple[Tensor, ...]:
        """Heatmaps ``B K h w`` of crops ``B 3 H W``, by supervised output; the last is the prediction."""
        outputs: tuple[Tensor, ...] = model(image)
        wanted = outputs if self.stages else outputs[-1:]
        if not self.flip:
            return wanted
        mirrored: tuple[Tensor, ...] = model(image.flip(-1))[-len(wanted) :]
        height, width = image.shape[-2:]
        pairs = zip(wanted, mirrored, strict=True)
        return tuple(codec.merge_flipped(one, other, flip_order, (height, width)) for one, other in pairs)

    def find(
        self, model: nn.Module, codec: Codec, image: Tensor, to_image: Tensor, flip_order: tuple[int, ...]
    ) -> list[Found]:
        """Keypoints in image pixels, by supervised output; the last is the prediction.

        ``image`` are crops ``B 3 H W`` and ``to_image`` their affines ``B 2 3``; with several scales each person's
        crops stand one after the other, and there are as many people as ``B`` over the scales.
        """
        height, width = image.shape[-2:]
        outputs = self.heatmaps(model, codec, image, flip_order)
        if len(self.scales) > 1:
            return [self._average(heatmaps, to_image, codec, (height, width)) for heatmaps in outputs]
        found = []
        for heatmaps in outputs:
            keypoints, scores = codec.decode(heatmaps, (height, width))
            keypoints_image = geometry.apply(to_image, keypoints.to(to_image.dtype))
            found.append(Found(keypoints_image, scores, codec.visibility(heatmaps)))
        return found

    def _average(self, heatmaps: Tensor, to_image: Tensor, codec: Codec, input_size: tuple[int, int]) -> Found:
        count = len(self.scales)
        maps_of = heatmaps.view(-1, count, *heatmaps.shape[1:])
        people = zip(maps_of, to_image.view(-1, count, 2, 3), strict=True)
        return joined([find_in_picture(maps, affines, codec, input_size) for maps, affines in people])
