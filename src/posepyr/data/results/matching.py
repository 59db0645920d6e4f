"""Predictions and truth about the same people and the same joints."""

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from posepyr.data.results.found import Found
from posepyr.data.results.truths import Known
from posepyr.records import NOT_LABELLED, FloatArray, Predictions, Truth


def match(found: Found, known: Known, joints: tuple[str, ...]) -> tuple[Predictions, Truth]:
    """Both with the joints of a skeleton, which the truth need not have, but the predictions if the truth has them.

    Predictions may be of the tested people alone. Those with a truth of their own keep it where the other is a
    COCO-style file, which people are not numbered by.
    """
    truth = _truth_of(found, known)
    wanted = [joint for joint in joints if joint in known.joints]
    if not wanted:
        raise ValueError(f"{known.file} must have joints of the skeleton, got {', '.join(known.joints)}")
    own = found.joints or known.joints
    lacking = [joint for joint in wanted if joint not in own]
    if lacking:
        raise ValueError(
            f"{found.file} must have the joints that {known.file} labels, got none for {', '.join(lacking)}; "
            "choose a skeleton of joints that both have with --skeleton"
        )
    _check_pictures(found, truth, known)
    held = own if found.truth is not None and known.truth.file is not None else known.joints
    return (
        Predictions(found.predictions.sample, *_found(found.predictions, own, joints)),
        _labelled(truth, held, joints),
    )


def _truth_of(found: Found, known: Known) -> Truth:
    """What the predictions' numbers refer to."""
    if found.truth is not None and known.truth.file is not None:
        # People of a detector's boxes, perhaps: the annotation file has others.
        return found.truth._replace(file=known.truth.file)
    count = len(found.predictions.sample if found.truth is None else found.truth.boxes)
    tested = _only(known.truth, known.tested)
    for truth in (known.truth, tested):
        if len(truth.boxes) == count:
            return truth
    people = len(known.truth.boxes)
    named = (
        f"{people} people" if len(tested.boxes) == people else f"{people} people (or the {len(tested.boxes)} tested)"
    )
    raise ValueError(f"{found.file} must hold one pose for each of the {named} of {known.file}, in order, got {count}")


def _only(truth: Truth, chosen: slice) -> Truth:
    measures = {name: values[chosen] for name, values in truth.measures.items()}
    return truth._replace(
        keypoints=truth.keypoints[chosen],
        visibility=truth.visibility[chosen],
        boxes=truth.boxes[chosen],
        images=truth.images[chosen],
        measures=measures,
    )


def _check_pictures(found: Found, truth: Truth, known: Known) -> None:
    """Raise where both say which picture a person is in, and say different ones."""
    if found.images is None or not truth.images.all():
        return
    expected = truth.images[found.predictions.sample]
    for number, (ours, theirs) in enumerate(zip(found.images.tolist(), expected.tolist(), strict=True)):
        if PurePosixPath(ours).name != PurePosixPath(theirs).name:
            raise ValueError(
                f"{found.file}: [{number}]: image must be {theirs!r}, as of that person in {known.file}, got {ours!r}"
            )


def _columns(joints: Sequence[str], wanted: tuple[str, ...]) -> list[int]:
    """Where wanted joints stand; -1 for those that are not there."""
    return [joints.index(joint) if joint in joints else -1 for joint in wanted]


def _found(found: Predictions, joints: Sequence[str], wanted: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    columns = np.array(_columns(joints, wanted))
    lacking = columns < 0
    keypoints, scores = found.keypoints[:, columns], found.scores[:, columns]
    keypoints[:, lacking], scores[:, lacking] = np.nan, 0.0
    return keypoints, scores


def _labelled(truth: Truth, joints: Sequence[str], wanted: tuple[str, ...]) -> Truth:
    columns = np.array(_columns(joints, wanted))
    keypoints, visibility = truth.keypoints[:, columns], truth.visibility[:, columns]
    keypoints[:, columns < 0], visibility[:, columns < 0] = 0.0, NOT_LABELLED
    return truth._replace(keypoints=keypoints, visibility=visibility)
