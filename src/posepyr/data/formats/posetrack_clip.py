"""A video with its people as an annotation file has them, whatever its layout."""

from collections import Counter
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.data.formats.archive import Record
from posepyr.data.formats.people import Visibility
from posepyr.records import NOT_LABELLED, FloatArray

MARGIN = 0.15
"""By how much of their extent a person's box reaches beyond the joints, at either end of each axis.

HRNet's paper, section 4.3, extends the box of the joints "by 15% in length". This reads it as 15% at each end, 1.30
times in all, because the boxes that the files of 2018 state are made so. Of the whole length it would be 0.075, 1.15
times in all.
"""

HEAD_SIZE = 0.6
"""What PCKh calls the size of a head, as a share of the diagonal of its rectangle."""


class Frame(NamedTuple):
    """A picture of a video, with or without people in it."""

    video: str
    """Name of the video's annotation file, without its ending: what files of results are called."""
    number: int
    """Place in the video, from 0."""
    image: int | str
    """As in ``measures`` of the people in it."""
    file: str
    """The picture, relative to the data set's folder."""
    size: tuple[float, float]
    """``(height, width)``; larger than any picture where the file does not tell."""
    labelled: bool
    """Whether people were annotated here; most frames of a video were passed over."""
    ignored: tuple[FloatArray, ...]
    """Regions to leave out of scores, because people in them were not annotated: corners ``P 2`` of polygons."""


class BoxRule(NamedTuple):
    """The rule by which people of a file come by their boxes."""

    stated: bool = True
    """Whether boxes that the file states are taken; of everybody else they are drawn about the joints."""
    margin: float = MARGIN


class Clip(NamedTuple):
    """The content of an annotation file: the frames in order, and ``N`` people in the order of the frames."""

    frames: list[Frame]
    frame: npt.NDArray[np.intp]
    """``N``: which of the frames a person is in."""
    boxes: FloatArray
    """``N 4``."""
    boxed: npt.NDArray[np.bool_]
    """``N``: whose box has an area."""
    keypoints: FloatArray
    """``N 15 2``."""
    visibility: Visibility
    """``N 15``."""
    track: npt.NDArray[np.int64]
    """``N``: numbers by which people are the same within the video."""
    person: npt.NDArray[np.int64]
    """``N``: the file's own numbers."""
    head_size: FloatArray
    """``N``: the unit of PCKh in pixels, not a number where there is no rectangle."""
    scores: FloatArray
    """``N 15``: of joints that were found, not a number where the file gives none."""
    skipped: Counter[str]


PER_PERSON = ("frame", "boxes", "boxed", "keypoints", "visibility", "track", "person", "head_size", "scores")
"""The fields of a clip that have an entry for each person."""


def boxes_around(
    keypoints: FloatArray, visibility: Visibility, margin: float
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return boxes ``N 4`` about the labelled joints ``N K 2``, with a mask ``N`` of those that span anything.

    They reach beyond the joints by a ``margin`` of their extent at either end.
    """
    labelled = (visibility != NOT_LABELLED)[:, :, None]
    low = np.where(labelled, keypoints, np.inf).min(axis=1)
    high = np.where(labelled, keypoints, -np.inf).max(axis=1)
    spans = labelled.any(axis=(1, 2)) & (high > low).any(axis=1)
    low, high = np.where(spans[:, None], low, 0), np.where(spans[:, None], high, 0)
    extent = high - low
    return np.concatenate([low - margin * extent, extent * (1 + 2 * margin)], axis=1), spans


def usable(clip: Clip) -> Clip:
    """Keep the people with a labelled joint and a box, frame by frame; the others are counted."""
    labelled = (clip.visibility != NOT_LABELLED).any(axis=1)
    left_out = {
        "without labelled joints": int((~labelled).sum()),
        "with boxes that have no area": int((labelled & ~clip.boxed).sum()),
    }
    chosen = np.flatnonzero(labelled & clip.boxed)
    order = chosen[np.argsort(clip.frame[chosen], kind="stable")]
    people = {name: getattr(clip, name)[order] for name in PER_PERSON}
    return clip._replace(**people, skipped=clip.skipped + Counter(left_out))


def head_sizes(extents: FloatArray) -> FloatArray:
    """Return the unit of PCKh ``N`` from the heads' widths and heights ``N 2``."""
    return HEAD_SIZE * np.hypot(extents[:, 0], extents[:, 1])


def polygon(x: object, y: object, record: Record, field: str) -> FloatArray:
    """Return a region's corners ``P 2``."""
    if not isinstance(x, list) or not isinstance(y, list) or len(x) != len(y):
        raise record.error(field, "be lists of as many x as y for each region", [x, y])
    return np.stack([record.numbers(x, field, len(x)), record.numbers(y, field, len(y))], axis=-1)


def folder_of(file: str) -> str:
    """Return the innermost folder that a picture lies in: in the archives, one a video."""
    return PurePosixPath(file).parent.name
