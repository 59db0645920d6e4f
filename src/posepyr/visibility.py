"""Visibility in training: target heights and loss weights by the state of a joint's annotation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from posepyr.records import NOT_LABELLED, OCCLUDED, Source
from posepyr.skeleton import Skeleton


@dataclass(frozen=True)
class VisibilityPolicy:
    """The height of each joint's target peak, and its weight in the loss.

    | the joint is          | height of its peak | its weight            |
    |-----------------------|--------------------|-----------------------|
    | labelled and visible  | 1                  | 1                     |
    | labelled and occluded | ``occluded``       | ``occluded_weight``   |
    | not labelled          | 0: an empty map    | ``unlabelled_weight`` |
    | labelled, too far out | 0: an empty map    | ``outside_weight``    |

    A joint outside the crop has its state's target and weight as long as its Gaussian reaches the heatmap, as in the
    releases of HRNet and pytorch-pose (``drawn`` is ``reaching``). With ``inside`` every joint outside is too far out.
    Weights are multiplied by those of ``joints``, which names joints with or without their side: ``wrist`` is both.
    By default an occluded joint counts as a visible one, and a joint without a target adds nothing to the loss, as in
    HRNet's release. MSSH has ``occluded`` -1; the hourglass releases train an empty map wherever a joint is absent.
    """

    occluded: float = 1.0
    occluded_weight: float = 1.0
    unlabelled_weight: float = 0.0
    outside_weight: float = 0.0
    joints: Mapping[str, float] = field(default_factory=dict)
    drawn: Literal["reaching", "inside"] = "reaching"

    def __post_init__(self) -> None:
        if not -1 <= self.occluded <= 1:
            raise ValueError(f"occluded must lie between -1 and 1, got {self.occluded}")
        weights = {name: getattr(self, name) for name in ("occluded_weight", "unlabelled_weight", "outside_weight")}
        weights |= {f"joints.{joint}": weight for joint, weight in self.joints.items()}
        for name, weight in weights.items():
            if weight < 0:
                raise ValueError(f"{name} must not be negative, got {weight}")

    def drawn_states(self, labelled: Tensor, inside: Tensor, reaching: Tensor) -> Tensor:
        """Return the states ``B K`` of joints that have a target, NOT_LABELLED of the others.

        ``labelled`` ``B K`` are the states as annotated, ``inside`` is True for joints in the crop, and ``reaching``
        for those whose Gaussians reach the heatmaps.
        """
        return labelled.masked_fill(~(reaching if self.drawn == "reaching" else inside), NOT_LABELLED)

    @property
    def needs_occlusion(self) -> bool:
        """Return True if an occluded joint is trained otherwise than a visible one."""
        return self.occluded != 1 or self.occluded_weight != 1

    def peaks(self, visibility: Tensor) -> Tensor:
        """Return the heights ``B K`` of target peaks, for joints with states ``visibility`` as they are drawn."""
        heights = torch.ones_like(visibility, dtype=torch.float32)
        heights = heights.masked_fill(visibility == OCCLUDED, self.occluded)
        return heights.masked_fill(visibility == NOT_LABELLED, 0.0)

    def weights(self, visibility: Tensor, labelled: Tensor, skeleton: Skeleton) -> Tensor:
        """Return the weights ``B K`` in the loss; ``labelled`` is the state as annotated, drawn or not."""
        weights = torch.ones_like(visibility, dtype=torch.float32)
        weights = weights.masked_fill(visibility == OCCLUDED, self.occluded_weight)
        absent = visibility == NOT_LABELLED
        weights = weights.masked_fill(absent, self.unlabelled_weight)
        weights = weights.masked_fill(absent & (labelled != NOT_LABELLED), self.outside_weight)
        return weights * weights.new_tensor(self._by_joint(skeleton))

    def _by_joint(self, skeleton: Skeleton) -> list[float]:
        sideless = [joint.removeprefix("left_").removeprefix("right_") for joint in skeleton.joints]
        for name in self.joints:
            if name not in skeleton.joints and name not in sideless:
                raise ValueError(
                    f"joints must name joints of skeleton {skeleton.name!r}, got {name!r}; "
                    f"its joints are {', '.join(skeleton.joints)}"
                )
        return [
            self.joints.get(joint, self.joints.get(alike, 1.0))
            for joint, alike in zip(skeleton.joints, sideless, strict=True)
        ]


def require_occlusion(source: Source, split: str, taker: str) -> None:
    """Raise where annotations cannot tell the occluded joints that ``taker``, an argument of a run, is made for.

    Of a mixture it is enough that one data set tells them, unless another would by another of its files.
    """
    lacking = [part.lacks_occlusion(split) for part in source.parts(split)]
    remedies = [remedy for remedy in lacking if remedy]
    if remedies or None not in lacking:
        raise ValueError(
            f"source must tell occluded joints from visible ones in {split}, as {taker} needs, got annotations that do "
            f"not: {'; '.join(remedies) or 'no file of the data set does'}"
        )
