"""One data set's joints seen as another's: matched by name."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from posepyr.records import NOT_LABELLED, Annotation, Split, View

_log = logging.getLogger(__name__)


def matched(split: Split, joints: tuple[str, ...]) -> Split:
    """The split with these joints, in this order; those that it does not have are never labelled.

    So a network of one skeleton is trained, fine-tuned and scored on the data of another, with the joints that both
    have.
    """
    if split.joints == joints:
        return split
    shared = [joint for joint in joints if joint in split.joints]
    if not shared:
        raise ValueError(
            f"source must have joints of the skeleton, got {', '.join(split.joints)}; the skeleton has "
            f"{', '.join(joints)}; choose the skeleton of the data with skeleton="
        )
    lacking = [joint for joint in joints if joint not in shared]
    if lacking:
        _log.warning("the data has %d of the skeleton's %d joints; it lacks %s", len(shared), len(joints), lacking)
    return Matched(split, joints)


class Matched:
    """A split whose annotations have other joints than their file."""

    def __init__(self, split: Split, joints: tuple[str, ...]) -> None:
        self._split, self.joints = split, joints
        self._columns = np.array([split.joints.index(joint) if joint in split.joints else -1 for joint in joints])

    @property
    def measures(self) -> Mapping[str, npt.NDArray[Any]]:
        return self._split.measures

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, index: int, /) -> Annotation:
        annotation = self._split[index]
        lacking = self._columns < 0
        keypoints, visibility = annotation.keypoints[self._columns], annotation.visibility[self._columns]
        keypoints[lacking], visibility[lacking] = 0.0, NOT_LABELLED
        return annotation._replace(keypoints=keypoints, visibility=visibility)

    def view(self, annotation: Annotation, scale: float = 1.0) -> View:
        return self._split.view(annotation, scale)
