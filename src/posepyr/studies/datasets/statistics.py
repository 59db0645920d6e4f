"""Statistics of a data set: people, joints, boxes, pictures and classes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from posepyr.data.classification.labelled import LabelledSource
from posepyr.data.formats.people import matched, truth_of
from posepyr.data.module import ClassificationDataModule
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, Source, Split, Truth
from posepyr.skeleton import Skeleton
from posepyr.studies.datasets.check import Data
from posepyr.studies.datasets.pictures import (
    CheckedPictures,
    Progress,
    check_pictures,
    check_split_pictures,
    class_counts,
    no_progress,
)

SHARES = (0, 5, 25, 50, 75, 95, 100)
"""Percentiles that describe a distribution."""

DRAWN = 16
"""Drawn pictures that are painted to see how large they are; of files the headers are read, of all of them."""


def data_statistics(data: Data, name: str, progress: Progress = no_progress) -> dict[str, Any]:
    """Measure a split of a data module's data set; returns plain data."""
    if isinstance(data, ClassificationDataModule):
        return labelled_statistics(data.source, name, progress)
    return pose_statistics(data.source, data.skeleton, name, progress)


def pose_statistics(source: Source, skeleton: Skeleton, name: str, progress: Progress = no_progress) -> dict[str, Any]:
    """Measure a split of people, with the joints of the skeleton."""
    split = matched(source.split(name), skeleton.joints)
    if not len(split):
        raise ValueError(f"--split must name a split with somebody in it, got {name}, which has nobody")
    truth = truth_of(split)
    pictures, people = np.unique(truth.images, return_counts=True)
    labelled = (truth.visibility != NOT_LABELLED).sum(axis=1)
    return {
        "people": len(split),
        "pictures": len(pictures),
        "people_in_a_picture": percentiles(people),
        "labelled_joints_of_a_person": percentiles(labelled),
        "joints": _joints(truth, skeleton),
        "boxes": _boxes(truth),
        "units": _units(truth, skeleton),
        "picture_sizes": _sizes(check_pictures(_drawn(split, truth), DRAWN, progress)),
    }


def labelled_statistics(source: LabelledSource, name: str, progress: Progress = no_progress) -> dict[str, Any]:
    """Measure a split of pictures of one class each."""
    split = source.split(name)
    counts = class_counts(split, source.classes)
    return {
        "pictures": len(split),
        "pictures_in_a_class": percentiles(np.array(list(counts.values()))),
        "classes": counts,
        "picture_sizes": _sizes(check_split_pictures(split, DRAWN, progress)),
    }


def percentiles(values: npt.NDArray[Any]) -> dict[str, float]:
    """Return a distribution by its mean and percentiles."""
    if not len(values):
        return {}
    found = np.percentile(values, SHARES)
    return {"mean": float(np.mean(values))} | {f"p{share}": float(at) for share, at in zip(SHARES, found, strict=True)}


def _drawn(split: Split, truth: Truth) -> Mapping[str, Any]:
    names, firsts = np.unique(truth.images, return_index=True)
    return {
        str(name): partial(lambda index: split.view(split[index]).pixels, first)
        for name, first in zip(names.tolist(), firsts.tolist(), strict=True)
    }


def _joints(truth: Truth, skeleton: Skeleton) -> dict[str, dict[str, float]]:
    """Return the share of the people whose joint is in each of the states."""
    states = {"visible": VISIBLE, "occluded": OCCLUDED, "not_labelled": NOT_LABELLED}
    return {
        joint: {name: float((truth.visibility[:, column] == state).mean()) for name, state in states.items()}
        for column, joint in enumerate(skeleton.joints)
    }


def _boxes(truth: Truth) -> dict[str, dict[str, float]]:
    width, height = truth.boxes[:, 2], truth.boxes[:, 3]
    flat = height <= 0
    return {
        "width": percentiles(width),
        "height": percentiles(height),
        "width_by_height": percentiles(width[~flat] / height[~flat]),
    }


def _units(truth: Truth, skeleton: Skeleton) -> dict[str, float]:
    """Return the shares of people with the lengths that scores measure distances by."""
    shares = {}
    if skeleton.unit_indices is not None:
        pair = list(skeleton.unit_indices)
        measurable = (truth.visibility[:, pair] != NOT_LABELLED).all(axis=1)
        shares["pck"] = float(measurable.mean())
    for score, measure in (("pckh", "head_size"), ("oks", "area")):
        values = truth.measures.get(measure)
        shares[score] = 0.0 if values is None else float((np.isfinite(values) & (values > 0)).mean())
    return shares


def _sizes(checked: CheckedPictures) -> dict[str, Any]:
    """Measure the pictures whose size is known; the commonest sizes are ``height x width``."""
    sizes: Sequence[tuple[int, int]] = list(checked.sizes.values())
    array = np.array(sizes, np.float64).reshape(-1, 2)
    common = Counter(f"{height}x{width}" for height, width in sizes).most_common(5)
    return {
        "known": len(sizes),
        "height": percentiles(array[:, 0]),
        "width": percentiles(array[:, 1]),
        "commonest": dict(common),
    }
