"""What MPII's test server takes: the official list of test pictures with the joints that were found written in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posepyr.data.export.writing import Struct, structs, write_mat
from posepyr.data.formats.matlab import read_mat
from posepyr.data.formats.mpii.layout import JOINTS
from posepyr.data.formats.mpii.official import read_release
from posepyr.data.results.found import check_complete
from posepyr.records import FloatArray, Predictions

Pair = tuple[int, int]


def write_mpii_submission(
    path: Path,
    official: Path,
    found: Predictions,
    measures: Mapping[str, npt.NDArray[Any]],
    joints: tuple[str, ...] = JOINTS,
) -> int:
    """Write ``pred``, the elements of ``RELEASE.annolist`` that are no training pictures; how many people are in it.

    Every person of the test set that has a position and a scale gets ``annopoints.point`` with ``id``, ``x`` and ``y``
    of all 16 joints, counted from 1; the others stay as they are. ``official`` is ``mpii_human_pose_v1_u12_1.mat``;
    ``measures`` are those of the split that ``found`` numbers, whose ``image`` and ``person`` say who is who. The
    server scores the 7,247 that stand apart, which some lists have alone; it still takes the list of all 11,731.
    """
    lacking = [joint for joint in JOINTS if joint not in joints]
    if lacking:
        raise ValueError(f"joints must be all of MPII's for its server, got none for {', '.join(lacking)}")
    poses = _poses(found, measures, [joints.index(joint) for joint in JOINTS])
    release = read_release(official)
    tested = ~release.training & release.rectangles.placed
    numbers = release.rectangles.measures
    wanted = set(zip(numbers["image"][tested].tolist(), numbers["person"][tested].tolist(), strict=True))
    if wanted != set(poses):
        missing, strange = len(wanted - set(poses)), len(set(poses) - wanted)
        raise ValueError(
            f"predictions must be of the {len(wanted)} people whom {official} has for testing, got {len(poses)}: "
            f"{missing} are missing and {strange} are none of them"
        )
    write_mat(path, {"pred": _filled(official, poses)})
    return len(poses)


def _poses(found: Predictions, measures: Mapping[str, npt.NDArray[Any]], columns: list[int]) -> dict[Pair, FloatArray]:
    """Joints ``16 2`` by the numbers of picture and rectangle."""
    for name in ("image", "person"):
        if name not in measures:
            raise ValueError(
                f"measures must have {name}, the number in the official file, got {', '.join(measures) or 'none'}; "
                "read the test people from the official .mat or from test.h5"
            )
    check_complete(found, len(measures["image"]), "the test set")
    image, person = (measures[name][found.sample].tolist() for name in ("image", "person"))
    return dict(zip(zip(image, person, strict=True), found.keypoints[:, columns], strict=True))


def _filled(official: Path, poses: Mapping[Pair, FloatArray]) -> Struct:
    """The test pictures of the official file, as they are but for the joints."""
    release = read_mat(official)["RELEASE"][0, 0]
    pictures = release["annolist"].reshape(-1)
    numbers = np.flatnonzero(np.ravel(release["img_train"]) == 0)
    tested: Struct = pictures[numbers].copy()
    for place, number in enumerate(numbers.tolist()):
        people = tested[place]["annorect"]
        if people.dtype.names:
            tested[place]["annorect"] = _people(people.reshape(-1), number, poses)
    return tested.reshape(1, -1)


def _people(people: Struct, image: int, poses: Mapping[Pair, FloatArray]) -> Struct:
    names = people.dtype.names or ()
    found = []
    for person, rectangle in enumerate(people):
        entry = {name: rectangle[name] for name in names} | {"annopoints": np.zeros((0, 0))}
        if (image, person) in poses:
            entry["annopoints"] = structs([{"point": structs(_points(poses[image, person]))}])
        found.append(entry)
    return structs(found)


def _points(keypoints: FloatArray) -> list[dict[str, float]]:
    return [{"x": x, "y": y, "id": float(identity)} for identity, (x, y) in enumerate((keypoints + 1).tolist())]
