"""COCO's results: a list of poses, each of a picture and with a score. The people are matched by the evaluation."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from posepyr.data.formats.archive import LARGEST, Record, table
from posepyr.data.formats.coco_people import PERSON
from posepyr.data.results.submissions import check_complete
from posepyr.files import write_text
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import COCO_JOINTS

_DECIMALS = 3

Result = Mapping[str, Any]


class CocoResults(NamedTuple):
    """Poses ``N`` of a file."""

    file: Path
    images: list[Any]
    """``N`` ids of the pictures."""
    triples: FloatArray
    """``N K 3``: x, y and whatever the file has third; of joints in the truth's order."""
    scores: FloatArray
    """``N``."""

    def results(self, columns: Sequence[int]) -> list[dict[str, Any]]:
        """As evaluations take them, with some of the joints in another order."""
        chosen = self.triples[:, list(columns)].reshape(len(self.images), -1).tolist()
        return [
            {"image_id": image, "category_id": PERSON, "keypoints": keypoints, "score": score}
            for image, keypoints, score in zip(self.images, chosen, self.scores.tolist(), strict=True)
        ]


def read_coco_results(content: list[Any], file: Path, joints: int) -> CocoResults:
    """Needed are ``image_id``, ``category_id`` 1, ``keypoints`` (three numbers a joint) and ``score``."""
    records = [Record(file, f"[{index}]") for index in range(len(content))]
    poses = [record.mapping(pose) for pose, record in zip(content, records, strict=True)]
    images = [record.value(pose, "image_id") for pose, record in zip(poses, records, strict=True)]
    for pose, image, record in zip(poses, images, records, strict=True):
        if type(image) not in (int, str):
            raise record.error("image_id", "be a whole number or a text", image)
        if record.value(pose, "category_id") != PERSON:
            raise record.error("category_id", f"be {PERSON}, the people's", pose["category_id"])
    rows = [record.value(pose, "keypoints") for pose, record in zip(poses, records, strict=True)]
    stated = [[record.value(pose, "score")] for pose, record in zip(poses, records, strict=True)]
    triples = table(rows, records, "keypoints", 3 * joints).reshape(-1, joints, 3)
    return CocoResults(file, images, triples, table(stated, records, "score", 1, LARGEST)[:, 0])


def write_coco_results(path: Path, results: Sequence[Result], found: Predictions, truth: Truth) -> None:
    """Write a file for COCO's server, whole or not at all.

    ``results`` are what :meth:`~posepyr.metrics.average_precision.AveragePrecision.results` makes of ``found``, which
    must be of everybody in ``truth``: the suppression leaves somebody in every picture that anybody was looked at in.
    """
    check_complete(found, len(truth.boxes), "the split")
    allowed = set(truth.measures["image"].tolist())
    lacking = sorted(allowed - {result["image_id"] for result in results}, key=str)
    if lacking:
        raise ValueError(f"results must have a pose in each of {len(allowed)} pictures, got none in {lacking[0]!r}")
    poses = [_pose(result, allowed, number) for number, result in enumerate(results)]
    write_text(path, json.dumps(poses))


def _pose(result: Result, allowed: set[Any], number: int) -> dict[str, Any]:
    keypoints, score = np.array(result["keypoints"], np.float64), float(result["score"])
    where = f"results[{number}]"
    if result["image_id"] not in allowed:
        raise ValueError(f"{where}.image_id must be a picture of the split, got {result['image_id']!r}")
    if keypoints.shape != (3 * len(COCO_JOINTS),):
        raise ValueError(f"{where}.keypoints must be {3 * len(COCO_JOINTS)} numbers, got {keypoints.size}")
    if not (np.isfinite(keypoints).all() and np.isfinite(score)):
        raise ValueError(f"{where} must hold finite numbers, got others")
    return {
        "image_id": result["image_id"],
        "category_id": PERSON,
        "keypoints": keypoints.round(_DECIMALS).tolist(),
        "score": score,
    }
