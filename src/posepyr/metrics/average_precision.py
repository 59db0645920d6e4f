"""OKS average precision: COCO's score, for any set of joints."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from posepyr.metrics import coco_evaluation
from posepyr.metrics.coco_evaluation import CATEGORY, Name
from posepyr.metrics.functional import distances
from posepyr.metrics.oks import remaining, rescored
from posepyr.metrics.scorer import Asked
from posepyr.records import NOT_LABELLED, FloatArray, Predictions, Truth
from posepyr.skeleton import Skeleton

TAKEN = (
    "OKS AP and AR over thresholds 0.50 to 0.95, the "
    f"{coco_evaluation.MOST_PEOPLE} best poses of a picture, COCO's areas of medium and large people"
)
"""How COCO scores results, in words."""


class AveragePrecision:
    """AP and AR over OKS thresholds from 0.50 to 0.95.

    Gives ``ap``, ``ap50``, ``ap75``, ``ap_medium``, ``ap_large``, ``ar`` and its like, and ``ap@0.50`` to ``ap@0.95``.
    As the HRNet release does, a person's score is that of the box times the mean of the joints' scores above
    ``joint_threshold``, and of poses whose OKS is above ``suppression`` the best remains. Data from a COCO file is
    scored against all that it holds, crowds and people without joints too. The area of a person that no measure
    states is that of the box. ``by`` people adds ``ap_by_people/1``, ``/2`` and ``/3+``, of the pictures with so many
    people of labelled joints; by size there are ``ap_medium`` and ``ap_large``.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        suppression: float = 0.9,
        joint_threshold: float = 0.2,
        library: Name = "fastest",
        by: Sequence[Literal["people"]] = (),
    ) -> None:
        if not skeleton.sigmas:
            raise ValueError(
                f"skeleton {skeleton.name!r} must have sigmas for OKS, one number a joint for how far annotators "
                "disagree on it; COCO's go from 0.025 of the eyes to 0.107 of the hips"
            )
        self.skeleton, self.suppression, self.joint_threshold = skeleton, suppression, joint_threshold
        for way in by:
            if way != "people":
                raise ValueError(
                    f"metrics.ap.by must hold nothing but people, got {way!r}: sizes are in ap_medium and ap_large, "
                    "and poses are found or missed as a whole, visible joints with occluded ones"
                )
        self.library, self.by = coco_evaluation.library(library), by
        self._sigmas = np.array(skeleton.sigmas)

    def __call__(self, found: Predictions, truth: Truth, asked: Asked | None = None) -> dict[str, float]:
        reference = reference_of(truth, self.skeleton)
        if not reference["annotations"]:
            return {}  # Pictures whose labels are not public.
        pictures = pictures_of(truth)
        everybody = len(found.sample) == len(truth.boxes)
        wanted = [image["id"] for image in reference["images"]] if everybody else pictures[found.sample].tolist()
        results = self.results(found, truth)
        images = list(dict.fromkeys(wanted))
        scores = coco_evaluation.evaluate(reference, results, images, self._sigmas, self.library)
        for part, some in by_people(images, reference).items() if self.by else ():
            apart = coco_evaluation.evaluate(reference, results, some, self._sigmas, self.library) if some else {}
            scores |= {f"ap_by_people/{part}": score for name, score in apart.items() if name == "ap"}
        return scores

    def results(self, found: Predictions, truth: Truth) -> list[dict[str, Any]]:
        """The predictions as COCO results: rescored, and without those too much like a better one."""
        boxes, pictures = truth.boxes[found.sample], pictures_of(truth)[found.sample]
        measures = {name: values[found.sample] for name, values in truth.measures.items()}
        scores = rescored(measures.get("score", np.ones(len(boxes))), found.scores, self.joint_threshold)
        areas = measures.get("crop_area", boxes[:, 2] * boxes[:, 3])
        remain = np.zeros(len(scores), np.bool_)
        for members in grouped(pictures):
            people = found.keypoints[members]
            remain[members] = remaining(people, scores[members], areas[members], self._sigmas, self.suppression)
        triples = np.concatenate([found.keypoints, found.scores[..., None]], axis=2)
        return [
            {
                "image_id": pictures[index].item(),
                "category_id": CATEGORY,
                "keypoints": triples[index].ravel().tolist(),
                "score": float(scores[index]),
            }
            for index in np.flatnonzero(remain)
        ]

    @property
    def protocol(self) -> str:
        """How the score is taken, in words."""
        return f"{TAKEN}; rescored, and poses alike beyond {self.suppression:g} left out, as the HRNet release does"

    @property
    def unit(self) -> str:
        """What distances are shares of, in words."""
        return "root of the person's area"

    def measure(self, found: Predictions, truth: Truth) -> tuple[FloatArray, FloatArray]:
        """Distances ``N K`` from the truth in pixels, and the root of each person's area ``N``, as OKS takes it."""
        away = distances(found.keypoints, truth.keypoints[found.sample])
        return away, np.sqrt(areas_of(truth))[found.sample]


def by_people(images: Sequence[Any], reference: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The pictures with ``1``, ``2`` and ``3+`` people who have labelled joints."""
    people = (person for person in reference["annotations"] if person["num_keypoints"] and not person["iscrowd"])
    count = Counter(person["image_id"] for person in people)
    kinds = {"1": range(1, 2), "2": range(2, 3), "3+": range(3, len(reference["annotations"]) + 1)}
    return {kind: [image for image in images if count[image] in numbers] for kind, numbers in kinds.items()}


def areas_of(truth: Truth) -> FloatArray:
    """Each person's area ``N``, that of the box where no measure states it."""
    extent = truth.boxes[:, 2] * truth.boxes[:, 3]
    stated = np.asarray(truth.measures.get("area", np.full(len(extent), np.nan)), np.float64)
    return np.asarray(np.where(np.isnan(stated), extent, stated), np.float64)


def pictures_of(truth: Truth) -> npt.NDArray[Any]:
    """The number of each person's picture: its file's own, else that of its name in alphabetical order."""
    if truth.file is not None:
        return truth.measures["image"]
    return np.unique(truth.images, return_inverse=True)[1]


def grouped(pictures: npt.NDArray[Any]) -> list[npt.NDArray[np.int64]]:
    """Positions of the people of each picture."""
    number = np.unique(pictures, return_inverse=True)[1]
    order = np.argsort(number, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(number[order])) + 1)


def reference_of(truth: Truth, skeleton: Skeleton) -> dict[str, Any]:
    """The truth as a COCO data set: its file's, or one made of its people."""
    if truth.file is not None:
        return reference_from(Path(truth.file), skeleton)
    numbers = pictures_of(truth)
    areas = areas_of(truth)
    people = [
        _person(index + 1, number.item(), truth.keypoints[index], truth.visibility[index])
        | {"bbox": truth.boxes[index].tolist(), "area": float(areas[index]), "iscrowd": 0}
        for index, number in enumerate(numbers)
    ]
    return {"images": [{"id": number} for number in np.unique(numbers).tolist()], "annotations": people}


def reference_from(file: Path, skeleton: Skeleton) -> dict[str, Any]:
    """A COCO annotation file with the joints of a skeleton, in its order; those that it lacks are not labelled."""
    content = json.loads(file.read_text(encoding="utf-8"))
    images = [{"id": image["id"]} for image in content["images"]]
    if not content.get("annotations"):
        return {"images": images, "annotations": []}
    category = next(one for one in content["categories"] if one.get("keypoints"))
    names = category["keypoints"]
    columns = np.array([names.index(joint) if joint in names else len(names) for joint in skeleton.joints])
    people = []
    for annotation in content["annotations"]:
        if annotation["category_id"] == category["id"]:
            triples = np.array(annotation.get("keypoints") or [0] * 3 * len(names), np.float64).reshape(-1, 3)
            chosen = np.concatenate([triples, np.zeros((1, 3))])[columns]
            kept = {key: annotation[key] for key in ("bbox", "area") if key in annotation}
            person = _person(annotation["id"], annotation["image_id"], chosen[:, :2], chosen[:, 2])
            people.append({"iscrowd": annotation.get("iscrowd", 0), **kept, **person})
    return {"images": images, "annotations": people}


def _person(identity: Any, picture: Any, keypoints: FloatArray, visibility: npt.NDArray[Any]) -> dict[str, Any]:
    return {
        "id": identity,
        "image_id": picture,
        "category_id": CATEGORY,
        "keypoints": np.column_stack([keypoints, visibility]).ravel().tolist(),
        "num_keypoints": int((visibility != NOT_LABELLED).sum()),
    }
