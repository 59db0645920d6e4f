"""Checks of annotations: every fault that shows in the numbers, without looking at pixels."""

from collections.abc import Callable, Iterator

import numpy as np

from posepyr.data.formats.people import has_extent
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, FloatArray
from posepyr.studies.datasets.findings import BoolArray, Finding, Offender, SplitAnnotations

TINY = 16.0
"""Pixels that the longer side of a box has at least, if there is anything to see in it."""

ALIKE = 0.01
"""People of one picture whose joints lie within this share of their box's diagonal, on average, are the same."""

FEWEST = 3
"""Joints that two people must share before they can be called the same."""

APART = 0.25
"""Share of the torso's length by which a pair of joints must lie apart, if it is to tell which way somebody faces."""

CROWD = 50
"""People that it takes to say how most of them stand."""

_STATES = (NOT_LABELLED, OCCLUDED, VISIBLE)


def check_people(annotations: SplitAnnotations) -> list[Finding]:
    """Return the findings in a split's annotations."""
    if not len(annotations.truth.boxes):
        return [Finding("splits without anybody", True, [Offender(annotations.name, "nobody")])]
    return [Finding(kind, is_error, list(check(annotations))) for kind, is_error, check in _CHECKS]


def _labelled(annotations: SplitAnnotations) -> BoolArray:
    return np.asarray(annotations.truth.visibility != NOT_LABELLED)


def _not_numbers(annotations: SplitAnnotations) -> Iterator[Offender]:
    boxes = np.asarray(~np.isfinite(annotations.truth.boxes).all(axis=1))
    yield from annotations.people(boxes, [f"box {_numbers(box)}" for box in annotations.truth.boxes[boxes]])
    for person, joint in np.argwhere(_labelled(annotations) & ~np.isfinite(annotations.truth.keypoints).all(axis=2)):
        position = annotations.truth.keypoints[person, joint]
        yield annotations.person(person, f"{annotations.joints[joint]} at {_numbers(position)}")


def _unknown_states(annotations: SplitAnnotations) -> Iterator[Offender]:
    for person, joint in np.argwhere(~np.isin(annotations.truth.visibility, _STATES)):
        state = annotations.truth.visibility[person, joint]
        yield annotations.person(person, f"{annotations.joints[joint]} has state {state}")


def _no_area(annotations: SplitAnnotations) -> Iterator[Offender]:
    boxes = annotations.truth.boxes
    wrong = np.isfinite(boxes).all(axis=1) & ~has_extent(boxes)
    yield from annotations.people(wrong, [f"box {_numbers(box)}" for box in boxes[wrong]])


def _beside(annotations: SplitAnnotations) -> Iterator[Offender]:
    low, extent, size = annotations.truth.boxes[:, :2], annotations.truth.boxes[:, 2:], annotations.sizes[:, ::-1]
    # Comparisons with what is not a number are false: only pictures that were checked at can be missed.
    wrong = ((low > size - 0.5) | (low + extent < -0.5)).any(axis=1) & has_extent(annotations.truth.boxes)
    wrong &= ~np.isnan(size).any(axis=1)
    values = [
        f"box {_numbers(box)} of {width:.0f} x {height:.0f}"
        for box, (height, width) in zip(annotations.truth.boxes[wrong], annotations.sizes[wrong], strict=True)
    ]
    yield from annotations.people(wrong, values)


def _unlabelled(annotations: SplitAnnotations) -> Iterator[Offender]:
    nobody = np.asarray(~_labelled(annotations).any(axis=1))
    if not nobody.all():
        yield from annotations.people(nobody, "no joint is labelled")
    elif annotations.name == "train":
        yield Offender(annotations.name, "nobody has a labelled joint")


def _without_truth(annotations: SplitAnnotations) -> Iterator[Offender]:
    if annotations.name != "train" and not _labelled(annotations).any():
        yield Offender(
            annotations.name, f"none of {len(annotations.truth.boxes)} people has a labelled joint: nothing to score"
        )


def _outside(annotations: SplitAnnotations) -> Iterator[Offender]:
    x, y = annotations.truth.keypoints[..., 0], annotations.truth.keypoints[..., 1]
    height, width = annotations.sizes[:, :1], annotations.sizes[:, 1:]
    out = (x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5)
    for person, joint in np.argwhere(out & _labelled(annotations) & ~np.isnan(height)):
        at = _numbers(annotations.truth.keypoints[person, joint])
        size = f"{annotations.sizes[person, 1]:.0f} x {annotations.sizes[person, 0]:.0f}"
        yield annotations.person(person, f"{annotations.joints[joint]} at {at} of {size}")


def _tiny(annotations: SplitAnnotations) -> Iterator[Offender]:
    boxes = annotations.truth.boxes
    small = has_extent(boxes) & (boxes[:, 2:].max(axis=1) < TINY)
    yield from annotations.people(small, [f"box of {box[2]:.1f} x {box[3]:.1f}" for box in boxes[small]])


def _twice(annotations: SplitAnnotations) -> Iterator[Offender]:
    """Find people who have the joints of an earlier person in the same picture."""
    labelled = _labelled(annotations)
    _, picture = np.unique(annotations.truth.images, return_inverse=True)
    order = np.argsort(picture, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(picture[order])) + 1):
        if len(group) < 2:
            continue
        shared = labelled[group][:, None] & labelled[group][None]
        apart = np.linalg.norm(
            annotations.truth.keypoints[group][:, None] - annotations.truth.keypoints[group][None], axis=-1
        )
        count = shared.sum(axis=-1)
        mean = np.where(shared, apart, 0).sum(axis=-1) / np.maximum(count, 1)
        diagonal = np.hypot(annotations.truth.boxes[group, 2], annotations.truth.boxes[group, 3])
        alike = (count >= FEWEST) & (mean <= ALIKE * diagonal[:, None])
        for first, second in np.argwhere(np.triu(alike, 1)):
            yield annotations.person(group[second], f"the joints of person {group[first]}")


def _never_labelled(annotations: SplitAnnotations) -> Iterator[Offender]:
    never = ~_labelled(annotations).any(axis=0)
    if not never.all():
        for joint in np.flatnonzero(never):
            yield Offender(annotations.name, annotations.joints[joint])


def _facing(annotations: SplitAnnotations, part: str) -> FloatArray | None:
    """Return by how many torso lengths the left joint of a pair is right of the right one; None without the joints.

    Positive for somebody who faces the camera, not a number where it cannot be told.
    """
    names = [f"{side}_{pair}" for pair in (part, "shoulder", "hip") for side in ("left", "right")]
    if not set(names) <= set(annotations.joints):
        return None
    columns = [annotations.joints.index(name) for name in names]
    positions = np.where(_labelled(annotations)[:, columns, None], annotations.truth.keypoints[:, columns], np.nan)
    torso = np.linalg.norm((positions[:, 2] + positions[:, 3]) / 2 - (positions[:, 4] + positions[:, 5]) / 2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        turned: FloatArray = (positions[:, 0, 0] - positions[:, 1, 0]) / torso
    return np.where(np.isfinite(turned), turned, np.nan)


def _crossed(annotations: SplitAnnotations) -> Iterator[Offender]:
    shoulders, hips = _facing(annotations, "shoulder"), _facing(annotations, "hip")
    if shoulders is not None and hips is not None:
        wrong = (shoulders * hips < 0) & (np.abs(shoulders) > APART) & (np.abs(hips) > APART)
        yield from annotations.people(wrong, "shoulders and hips face opposite ways")


def _backs(annotations: SplitAnnotations) -> Iterator[Offender]:
    shoulders = _facing(annotations, "shoulder")
    clear = np.zeros(0) if shoulders is None else shoulders[np.abs(shoulders) > APART]
    if len(clear) >= CROWD and (clear > 0).mean() < 0.5:
        share = f"{(clear < 0).mean():.0%} of {len(clear)} people"
        yield Offender(annotations.name, f"{share} turn their backs: are left and right the person's own?")


def _numbers(values: FloatArray) -> str:
    return f"({', '.join(f'{value:.1f}' for value in values.tolist())})"


_CHECKS: tuple[tuple[str, bool, Callable[[SplitAnnotations], Iterator[Offender]]], ...] = (
    ("places that are no numbers", True, _not_numbers),
    ("joints in unknown states", True, _unknown_states),
    ("boxes that are reversed or empty", True, _no_area),
    ("boxes beside their picture", True, _beside),
    ("people without a labelled joint", True, _unlabelled),
    ("splits without labels", False, _without_truth),
    ("joints outside their picture", False, _outside),
    ("people annotated twice", False, _twice),
    ("tiny boxes", False, _tiny),
    ("joints that are never labelled", False, _never_labelled),
    ("left and right crossed", False, _crossed),
    ("more backs than faces", False, _backs),
)
