"""What was found of people, before it leaves the device."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Found(NamedTuple):
    """Joints of ``B`` people."""

    keypoints: Tensor
    """``B K 2``."""
    scores: Tensor
    """``B K`` from 0 to 1."""
    visibility: Tensor | None
    """``B K``, VISIBLE or OCCLUDED; None where the codec does not tell."""


def joined(parts: Sequence[Found]) -> Found:
    """The people of all parts, one after the other."""
    told = [part.visibility for part in parts if part.visibility is not None]
    return Found(
        torch.cat([part.keypoints for part in parts]),
        torch.cat([part.scores for part in parts]),
        torch.cat(told) if told else None,
    )
