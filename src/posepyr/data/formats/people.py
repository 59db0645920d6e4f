"""People of a split: held in arrays, seen with other joints, and all at once as what scores are taken against."""

import logging
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posepyr.data.formats.coco_file import annotated_pictures
from posepyr.data.formats.pictures import read_view
from posepyr.records import NOT_LABELLED, Annotation, FloatArray, Split, Truth, View

Visibility = npt.NDArray[np.uint8]


class People:
    """A split held in a few arrays, however many people it has, so that workers share it and pickles are small.

    ``images`` are the picture files of the ``N`` people, relative to the folder; ``boxes`` are ``N 4`` as
    ``(x, y, width, height)``, ``keypoints`` ``N K 2``, ``visibility`` ``N K``; ``measures`` as
    :class:`~posepyr.records.Split` has them. ``skipped`` says how many people of the file were left out, by reason.
    """

    def __init__(
        self,
        folder: Path,
        joints: tuple[str, ...],
        images: Sequence[str],
        *,
        boxes: FloatArray,
        keypoints: FloatArray,
        visibility: Visibility,
        measures: Mapping[str, npt.NDArray[Any]] | None = None,
        skipped: Mapping[str, int] | None = None,
    ) -> None:
        self.folder, self.joints = folder, joints
        self.measures = dict(measures or {})
        self.skipped = {reason: count for reason, count in (skipped or {}).items() if count}
        self._names, self._picture = np.unique(np.asarray(images, np.str_), return_inverse=True)
        self._boxes, self._keypoints, self._visibility = boxes, keypoints, visibility

    def __len__(self) -> int:
        return len(self._boxes)

    def __getitem__(self, index: int, /) -> Annotation:
        return Annotation(
            sample=int(range(len(self))[index]),
            image=f"{self.folder}/{self._names[self._picture[index]]}",
            box=self._boxes[index].copy(),
            keypoints=self._keypoints[index].copy(),
            visibility=self._visibility[index].copy(),
        )

    def view(self, annotation: Annotation, scale: float = 1.0) -> View:
        """Read the picture that the annotation lies in."""
        return read_view(annotation.image, scale)

    @property
    def pictures(self) -> list[str]:
        """Return the picture files that anybody is in, relative to the folder, sorted."""
        return [str(name) for name in self._names]

    def within(self, pictures: set[str]) -> "People":
        """Return the people in some of the pictures, numbered anew."""
        return self.only(np.isin(self._names, sorted(pictures))[self._picture])

    def only(self, chosen: npt.NDArray[np.bool_]) -> "People":
        """Return some of the people ``N``, numbered anew."""
        return People(
            self.folder,
            self.joints,
            self._names[self._picture[chosen]].tolist(),
            boxes=self._boxes[chosen],
            keypoints=self._keypoints[chosen],
            visibility=self._visibility[chosen],
            measures={name: values[chosen] for name, values in self.measures.items()},
            skipped=self.skipped,
        )


def describe_left_out(skipped: Mapping[str, int]) -> str:
    """Return the number of people left out, by reason, for a message."""
    return ", ".join(f"{count} {reason}" for reason, count in skipped.items() if count) or "none"


def clip_boxes(boxes: FloatArray, sizes: FloatArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Clip boxes ``N 4`` to pictures of sizes ``N 2`` ``(height, width)``, with a mask ``N`` of those that remain.

    The rule of the HRNet release, which takes both corners as pixels: a box ``(x, y, w, h)`` reaches to
    ``x + w - 1``. Deviation: a box of a single pixel counts as empty, since it has no extent to cut a crop by, and so
    does one of negative extent, which the release takes for a line.
    """
    low = np.maximum(boxes[:, :2], 0)
    high = np.minimum(low + np.maximum(boxes[:, 2:] - 1, 0), sizes[:, ::-1] - 1)
    extent = high - low
    clipped = np.concatenate([low, extent], axis=1)
    return clipped, has_extent(clipped) & (boxes[:, 2:] >= 0).all(axis=1)


def has_extent(boxes: FloatArray) -> npt.NDArray[np.bool_]:
    """Return a mask ``N`` of the boxes ``N 4`` that a crop can be cut by: a line will do, a point will not."""
    extent = boxes[:, 2:]
    return np.asarray((extent >= 0).all(axis=1) & (extent > 0).any(axis=1))


def box_around(keypoints: FloatArray, visibility: Visibility, margin: float = 0.1) -> FloatArray | None:
    """Return a box for a person without one: about the labelled joints ``K 2``; None where they span nothing.

    A body reaches beyond its joints, so the box is wider than they are by ``margin`` of its longer side, all round.
    """
    labelled = keypoints[visibility != NOT_LABELLED]
    if len(labelled) == 0:
        return None
    low, high = labelled.min(axis=0), labelled.max(axis=0)
    extra = margin * (high - low).max()
    return np.concatenate([low - extra, high - low + 2 * extra]) if extra > 0 else None


_log = logging.getLogger(__name__)


def matched(split: Split, joints: tuple[str, ...]) -> Split:
    """Return the split with these joints, in this order; those that it does not have are never labelled.

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
    return MatchedSplit(split, joints)


class MatchedSplit:
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


def truth_of(split: Split) -> Truth:
    """Gather everybody's annotation, without looking at a picture."""
    people = [split[index] for index in range(len(split))]
    joints = len(split.joints)
    return Truth(
        keypoints=np.array([person.keypoints for person in people], np.float64).reshape(-1, joints, 2),
        visibility=np.array([person.visibility for person in people], np.uint8).reshape(-1, joints),
        boxes=np.array([person.box for person in people], np.float64).reshape(-1, 4),
        images=np.array([person.image for person in people], np.str_),
        measures=split.measures,
    )


def against_file(truth: Truth, file: Path) -> Truth:
    """Have scores taken against all that an annotation file in COCO's layout holds, which is read when first needed."""
    return truth._replace(file=str(file), pictures=cache(partial(annotated_pictures, file)))
