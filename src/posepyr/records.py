"""The records that pass between the parts: annotations, batches of crops, predicted poses."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from posepyr.errors import UsageError
from posepyr.skeleton import Skeleton

FloatArray = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

NOT_LABELLED, OCCLUDED, VISIBLE = 0, 1, 2
"""The states of a joint, numbered as in COCO's files."""


class Annotation(NamedTuple):
    """One person in one picture. Coordinates are ``(x, y)`` in image pixels, pixel centres at integers."""

    sample: int
    """Number of this person in its split: what predictions are gathered and sorted by."""
    image: str
    """What the split finds the pixels by: a path, or a name of its own."""
    box: FloatArray
    """The person's box, unpadded: ``(x, y, width, height)``."""
    keypoints: FloatArray
    """``K 2``."""
    visibility: npt.NDArray[np.uint8]
    """``K``: NOT_LABELLED, OCCLUDED or VISIBLE."""
    rotation: float = 0.0
    """Degrees by which augmentation turns the picture clockwise about the box's centre."""
    flip: bool = False
    """Whether augmentation mirrors the crop."""


class View(NamedTuple):
    """A picture as it was read: whole or in part, in its own size or in a smaller one."""

    pixels: Pixels
    """``H W 3`` in RGB."""
    matrix: FloatArray
    """The affine ``2 3`` from image pixels, which annotations are in, to these."""


class Split(Protocol):
    """A sequence of annotated people, and their pictures."""

    @property
    def joints(self) -> tuple[str, ...]:
        """Return the joints that are annotated, in the order of every annotation's."""
        ...

    @property
    def measures(self) -> Mapping[str, npt.NDArray[Any]]:
        """Return what the data set says of its people beside joints and boxes, by name, ``N`` each.

        Scores are taken with them: ``head_size`` (PCKh's unit, in pixels), ``area``, ``image`` and ``person`` (the
        data set's own numbers), ``track``, ``score`` (of a detector's box).
        """
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Annotation: ...

    def view(self, annotation: Annotation, scale: float = 1.0) -> View:
        """Return the picture that the annotation lies in, or as much of it as a crop at ``scale`` shows.

        ``scale`` is the crop's pixels for each of the image's: the view may be as much smaller than the image.
        """
        ...


BoxKind = Literal["annotated", "detected"]


class PublishedCount(NamedTuple):
    """A number of people, pictures or videos that others report of a split."""

    number: int
    unit: Literal["people", "pictures", "videos"]
    where: str
    """Who reports it."""


class Source(ABC):
    """A data set of people: its splits by name, and everything else that can be asked of it.

    A data set of one's own derives from this class and needs :meth:`split` alone.
    """

    @abstractmethod
    def split(self, name: str) -> Split:
        """Return ``train``, ``val`` or ``test``."""

    def require_files(self, name: str) -> None:
        """Raise unless a split's files are there: before a training begins, and without reading them if that is long.

        By default the split is read.
        """
        self.split(name)

    def parts(self, name: str) -> "Sequence[Source]":
        """Return the data sets that a split is put together from: this one, unless it mixes several."""
        return (self,)

    def scored(self, name: str) -> "Source":
        """Return the data set whose annotations a split is scored against: one of its own for a mixture."""
        return self

    def labelled(self, name: str) -> bool:
        """Return True if a split has annotated people; those of some test pictures are not public."""
        return True

    def lacks_occlusion(self, name: str) -> str | None:
        """Return None if a split's annotations can tell occluded joints from visible ones.

        Otherwise say what is wrong and which file of the data set tells; an empty text where none does.
        """
        return None

    def published(self, name: str) -> "Sequence[PublishedCount]":
        """Return the counts that others report of a split, any one of which is right."""
        return ()

    def complete(self, name: str, truth: "Truth") -> "Truth":
        """Return a split's truth with what its scores take beside the people: ``file``, ``pictures``, ``videos``."""
        return truth

    def box_kinds(self, name: str) -> tuple[BoxKind, ...]:
        """Return the kinds of boxes that a split is scored in, each in a row of its own.

        None where a data set has boxes of one kind alone, so that its row needs no name for them.
        """
        return ()

    def in_boxes(self, kind: BoxKind) -> "Source":
        """Return the same data set with people in boxes of one kind."""
        return self

    def boxes(self, name: str) -> str:
        """Return in words how a split's boxes came about, as in "500 people in annotated boxes"."""
        return "annotated"

    def check_submission(self, name: str, skeleton: Skeleton, path: Path) -> None:
        """Raise unless a benchmark's server takes a network's predictions of a split, written to ``path``."""
        raise UsageError(
            "submission must be of COCO, of MPII's official file or of PoseTrack, whose servers take one; "
            f"got data of {type(self).__name__}"
        )

    def write_submission(
        self, name: str, skeleton: Skeleton, path: Path, predictions: "Predictions", truth: "Truth"
    ) -> None:
        """Write what the benchmark's server takes: the predictions of everybody in a split."""
        self.check_submission(name, skeleton, path)


class PoseBatch(NamedTuple):
    """Crops of people, ready for the device. A single sample is the same record without the batch axis."""

    image: Tensor
    """``B 3 H W`` uint8."""
    keypoints: Tensor
    """``B K 2`` in crop pixels."""
    visibility: Tensor
    """``B K`` uint8: as annotated, inside the crop or not, in the order of the keypoints."""
    inside: Tensor
    """``B K``: True for joints that lie on a pixel of the crop, labelled or not."""
    to_image: Tensor
    """``B 2 3``: the affine from crop pixels back to image pixels."""
    truth: Tensor
    """``B K 2`` keypoints in image pixels, as annotated."""
    labelled: Tensor
    """``B K`` uint8: visibility as annotated, in the order of ``truth``: not that of a mirrored crop's keypoints."""
    sample: Tensor
    """``B`` numbers of the people in their split."""


class AnnotatedPictures(NamedTuple):
    """Everything that a file in COCO's layout holds of its pictures: crowds and people without labelled joints too."""

    joints: tuple[str, ...]
    """The joints of the file, in its order; none where nobody is annotated."""
    images: Sequence[Any]
    """Numbers of the pictures, in the file's order."""
    people: Sequence[Mapping[str, Any]]
    """The file's annotations of people: ``id``, ``image_id``, ``iscrowd``, ``bbox``, ``area``, ``keypoints``."""


class Truth(NamedTuple):
    """The annotations of a split's ``N`` people, whom ``sample`` numbers: predictions are scored against them."""

    keypoints: FloatArray
    """``N K 2`` in image pixels."""
    visibility: npt.NDArray[np.uint8]
    """``N K``, as annotated."""
    boxes: FloatArray
    """``N 4`` as ``(x, y, width, height)``."""
    images: npt.NDArray[np.str_]
    """``N`` names of the pictures that the people are in."""
    measures: Mapping[str, npt.NDArray[Any]]
    """As a split has them: ``N`` each."""
    file: str | None = None
    """The annotation file, where scores are taken against all that it holds."""
    pictures: Callable[[], AnnotatedPictures] | None = None
    """Reads all that the annotation file holds, once; None where scores are taken against the people alone."""
    videos: Callable[[], Mapping[str, Any]] | None = None
    """Reads all frames of videos by the numbers of their pictures, once: what PoseTrack's scores are taken against."""


class Predictions(NamedTuple):
    """Predicted poses of ``N`` people of a split, by rising ``sample``."""

    sample: npt.NDArray[np.int64]
    """``N`` numbers of the people in their split."""
    keypoints: FloatArray
    """``N K 2`` in image pixels."""
    scores: FloatArray
    """``N K``: the heights of the peaks as they are, by which poses are ranked; they may lie above 1 or below 0."""
    visibility: npt.NDArray[np.uint8] | None = None
    """``N K``, VISIBLE or OCCLUDED, where the codec reads it off the heatmaps' signs."""


class Poses(NamedTuple):
    """Predicted people of one picture, in image pixels."""

    keypoints: npt.NDArray[np.float32]
    """``N K 2``."""
    scores: npt.NDArray[np.float32]
    """``N K``: the height of each joint's peak, cut to 0 to 1."""
    boxes: npt.NDArray[np.float32]
    """``N 4``: the boxes that were looked into, ``(x, y, width, height)``."""
    visibility: npt.NDArray[np.uint8] | None = None
    """``N K``, VISIBLE or OCCLUDED, where the codec reads it off the heatmaps' signs."""

    def to_dict(self, joints: tuple[str, ...]) -> list[dict[str, Any]]:
        """Return the people as plain data: joints by name, to a thousandth of a pixel, ``visible`` where known."""
        people: list[dict[str, Any]] = []
        for number, box in enumerate(self.boxes):
            found: dict[str, dict[str, Any]] = {
                name: {"x": round(float(x), 3), "y": round(float(y), 3), "score": round(float(score), 3)}
                for name, (x, y), score in zip(joints, self.keypoints[number], self.scores[number], strict=True)
            }
            if self.visibility is not None:
                for name, state in zip(joints, self.visibility[number], strict=True):
                    found[name]["visible"] = bool(state == VISIBLE)
            people.append({"box": [round(value, 3) for value in box.tolist()], "joints": found})
        return people
