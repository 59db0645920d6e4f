"""Predictions of a file, one for each person of a split."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.records import FloatArray, Predictions, Truth


class Found(NamedTuple):
    """What a file says was found of people who are known one by one. Coordinates count from 0."""

    file: Path
    layout: str
    """As a report names it."""
    predictions: Predictions
    joints: tuple[str, ...] | None = None
    """None where the file does not tell: those of the truth, in its order."""
    images: npt.NDArray[np.str_] | None = None
    """``N``: names of the pictures, where the file tells."""
    truth: Truth | None = None
    """What the people's numbers refer to, where the file has that too; its joints are the predictions'."""

    @property
    def not_found(self) -> int:
        """Joints whose place is not a number: they count as missed."""
        return int((~np.isfinite(self.predictions.keypoints).all(axis=2)).sum())


def in_order(keypoints: FloatArray) -> Predictions:
    """Keypoints ``N K 2`` of everybody, in the order of the split, without scores of their own."""
    return Predictions(np.arange(len(keypoints)), keypoints, np.ones(keypoints.shape[:2]))


def check_complete(found: Predictions, people: int, split: str) -> None:
    """Raise unless everybody of a split was found once, with numbers everywhere: a server takes nothing less."""
    lacking = np.setdiff1d(np.arange(people), found.sample)
    if len(lacking):
        raise ValueError(
            f"predictions must be of all {people} people of {split}, got {len(np.unique(found.sample))}: "
            f"the first that is missing is {lacking[0]}"
        )
    if len(found.sample) != people:
        raise ValueError(f"predictions must be of the {people} people of {split}, each once, got {len(found.sample)}")
    wrong = np.flatnonzero(~(np.isfinite(found.keypoints).all(axis=(1, 2)) & np.isfinite(found.scores).all(axis=1)))
    if len(wrong):
        raise ValueError(
            f"predictions must be finite numbers, got others for person {found.sample[wrong[0]]} of {split}"
        )
