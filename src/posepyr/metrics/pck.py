"""PCK as a metric that accumulates over batches and processes."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from posepyr.metrics.functional import pck, unit_length
from posepyr.skeleton import Skeleton


class PCK(Metric):
    """Share of labelled joints found within ``threshold`` times the skeleton's unit length.

    ``compute`` gives ``pck``, the mean over joints, and ``pck/<joint>`` with left and right taken together.
    People whose unit cannot be measured are left out; ``left_out`` counts them.
    """

    full_state_update = False
    correct: Tensor
    counted: Tensor
    left_out: Tensor

    def __init__(self, skeleton: Skeleton, threshold: float = 0.2, floor: float = 5.0, **keywords: Any) -> None:
        super().__init__(**keywords)
        pair = skeleton.unit_indices
        if pair is None:
            raise ValueError(
                f"skeleton {skeleton.name!r} must name a unit for PCK: the two joints whose distance the threshold "
                "is a share of, as unit: [left_hip, right_shoulder]"
            )
        if threshold <= 0:
            raise ValueError(f"metrics.threshold must be positive, got {threshold}")
        self.skeleton = skeleton
        self.threshold = threshold
        self.floor = floor
        self.pair = pair
        joints = len(skeleton)
        self.add_state("correct", torch.zeros(joints, dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("counted", torch.zeros(joints, dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("left_out", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, truth: Tensor, labelled: Tensor) -> None:
        """Add people: keypoints ``B K 2`` in image pixels, ``labelled`` ``B K``."""
        unit = unit_length(truth, labelled, self.pair, self.floor)
        counts = pck(predicted, truth, labelled, unit, self.threshold)
        self.correct += counts.correct
        self.counted += counts.counted
        self.left_out += counts.left_out

    def compute(self) -> dict[str, Tensor]:
        """The scores by name; a joint that was never labelled has none."""
        share = self.correct.double() / self.counted.double()
        scores = {"pck": share.nanmean()}
        for kind, members in joint_kinds(self.skeleton.joints).items():
            score = share[members].nanmean()
            if not score.isnan():
                scores[f"pck/{kind}"] = score
        return scores


def joint_kinds(joints: tuple[str, ...]) -> dict[str, list[int]]:
    """Joints grouped under their name without its side."""
    kinds: dict[str, list[int]] = {}
    for index, joint in enumerate(joints):
        kinds.setdefault(joint.removeprefix("left_").removeprefix("right_"), []).append(index)
    return kinds
