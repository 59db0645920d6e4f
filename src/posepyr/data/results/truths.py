"""Truth that predictions are scored against, read from files of benchmarks and releases, and matched to them."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from posepyr.data.formats import lsp
from posepyr.data.formats.archive import Record
from posepyr.data.formats.coco_people import read_coco
from posepyr.data.formats.containers import kind_of, read_json, read_mat
from posepyr.data.formats.mpii_layout import Rectangles, read_ground_truth
from posepyr.data.formats.mpii_releases import read_hourglass, read_hrnet
from posepyr.data.formats.people import Visibility, against_file, box_around, truth_of
from posepyr.data.results.posepyr_file import read_saved
from posepyr.data.results.predictions import PredictionFile
from posepyr.records import NOT_LABELLED, VISIBLE, FloatArray, Predictions, Truth
from posepyr.skeleton import LSP_JOINTS, MPII_JOINTS


class TruthFile(NamedTuple):
    """The truth of a file about ``N`` people. Coordinates count from 0."""

    file: Path
    layout: str
    """As a report names it."""
    joints: tuple[str, ...]
    truth: Truth
    lacks: tuple[str, ...] = ()
    """Groups that the file cannot tell scores of apart, as ``visibility``."""
    tested: slice = slice(None)
    """The people whom the benchmark tests on, where the file holds more and does not say which."""


def read_truth(file: Path) -> TruthFile:
    """Read the people of a file, whose layout is recognised by its content.

    TruthFile are MPII's ``detections_our_format.mat`` and ``gt_valid.mat``, the hourglass release's HDF5 and the HRNet
    release's JSON (with ``gt_<name>.mat`` beside it for the size of heads), LSP's ``joints.mat``, COCO-style JSON, and
    what ``posepyr evaluate`` saves.
    """
    kind = kind_of(file)
    if kind == "MATLAB":
        return _matlab(file)
    if kind == "HDF5":
        return _rectangles(read_hourglass(file), file, "MPII, the hourglass release's HDF5")
    if kind == "NumPy":
        saved = read_saved(file)
        return TruthFile(file, "saved by posepyr", saved.joints, saved.truth)
    content = read_json(file)
    if isinstance(content, list):
        return _rectangles(read_hrnet(file), file, "MPII, the HRNet release's JSON", "visibility")
    people = read_coco(file, Path())
    _check_areas(content, file)
    return TruthFile(file, "COCO-style JSON", people.joints, against_file(truth_of(people), file))


def _matlab(file: Path) -> TruthFile:
    content = read_mat(file)
    if "pos_gt_src" in content:
        return _ground_truth(file)
    if "joints" in content:
        return _leeds(lsp.read_joints(file), file)
    if "RELEASE" in content:
        raise ValueError(
            f"{file} must hold the validation people alone, got all of MPII; name detections_our_format.mat, "
            "gt_valid.mat, valid.json or valid.h5"
        )
    known = ", ".join(name for name in content if not name.startswith("__"))
    raise Record(file).error("one of its arrays", "be called pos_gt_src (MPII) or joints (LSP)", known or "nothing")


def _leeds(labels: lsp.Labels, file: Path) -> TruthFile:
    """Return everybody of LSP or of LSP-extended, one a picture."""
    people = len(labels.keypoints)
    pictures = [labels.layout.picture.format(number) for number in range(1, people + 1)]
    truth = _truth(labels.keypoints, labels.visibility, {}, pictures)
    first, end = labels.layout.splits.get("test", (0, None))
    tested = slice(first, end) if people == end else slice(None)
    return TruthFile(file, f"{labels.layout.name}'s joints.mat", LSP_JOINTS, truth, ("people",), tested)


def _ground_truth(file: Path) -> TruthFile:
    known = read_ground_truth(file)
    visibility = np.where(known.missing, NOT_LABELLED, VISIBLE).astype(np.uint8)
    truth = _truth(known.keypoints, visibility, {"head_size": known.head_size}, [""] * len(visibility))
    return TruthFile(file, "MPII, the layout of Tompson et al.", MPII_JOINTS, truth, ("visibility", "people"))


def _rectangles(people: Rectangles, file: Path, layout: str, *lacks: str) -> TruthFile:
    labelled = people.visibility != NOT_LABELLED
    keypoints = np.where(labelled[:, :, None], people.joints - 1, 0.0)
    return TruthFile(
        file, layout, MPII_JOINTS, _truth(keypoints, people.visibility, people.measures, people.images), lacks
    )


def _truth(keypoints: FloatArray, visibility: Visibility, measures: Any, images: list[str]) -> Truth:
    """Return the truth with boxes about the joints: files have boxes of different rules, or none."""
    drawn = [box_around(*person) for person in zip(keypoints, visibility, strict=True)]
    boxes = np.array([np.zeros(4) if box is None else box for box in drawn]).reshape(-1, 4)
    return Truth(keypoints, visibility, boxes, np.array(images, np.str_), measures)


def _check_areas(content: dict[str, Any], file: Path) -> None:
    """Raise unless everybody in a COCO-style file has a box and an area, which similarity is measured with."""
    for index, annotation in enumerate(content["annotations"]):
        record = Record(file, f"annotations[{index}]")
        record.numbers(record.value(annotation, "bbox"), "bbox", 4)
        record.numbers([record.value(annotation, "area")], "area", 1, 1e12)
        record.value(annotation, "id")


def match(found: PredictionFile, known: TruthFile, joints: tuple[str, ...]) -> tuple[Predictions, Truth]:
    """Return both with the joints of a skeleton; predictions must have those of them that the truth has.

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
        _with_joints(truth, held, joints),
    )


def _truth_of(found: PredictionFile, known: TruthFile) -> Truth:
    """Return the truth that the predictions' numbers refer to."""
    if found.truth is not None and known.truth.file is not None:
        # People of a detector's boxes, perhaps: the annotation file has others.
        return found.truth._replace(file=known.truth.file, pictures=known.truth.pictures)
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


def _check_pictures(found: PredictionFile, truth: Truth, known: TruthFile) -> None:
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
    """Return the places of wanted joints; -1 for those that are not there."""
    return [joints.index(joint) if joint in joints else -1 for joint in wanted]


def _found(found: Predictions, joints: Sequence[str], wanted: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    columns = np.array(_columns(joints, wanted))
    lacking = columns < 0
    keypoints, scores = found.keypoints[:, columns], found.scores[:, columns]
    keypoints[:, lacking], scores[:, lacking] = np.nan, 0.0
    return keypoints, scores


def _with_joints(truth: Truth, joints: Sequence[str], wanted: tuple[str, ...]) -> Truth:
    columns = np.array(_columns(joints, wanted))
    keypoints, visibility = truth.keypoints[:, columns], truth.visibility[:, columns]
    keypoints[:, columns < 0], visibility[:, columns < 0] = 0.0, NOT_LABELLED
    return truth._replace(keypoints=keypoints, visibility=visibility)
