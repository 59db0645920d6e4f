"""OKS average precision: COCO's score, for any set of joints."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from posepyr.metrics.coco_evaluation import (
    CATEGORY,
    MOST_PEOPLE,
    QUANTITIES,
    LibraryName,
    areas_of,
    evaluate,
    find_library,
    pictures_of,
    reference_of,
)
from posepyr.metrics.functional import Mask, distances
from posepyr.metrics.scorer import Scorer, group_names
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import Skeleton

RULES = (
    "OKS AP and AR: averages over thresholds 0.50 to 0.95 of the similarity OKS, for the "
    f"{MOST_PEOPLE} best poses of a picture, with COCO's areas of medium and large people"
)
"""COCO's way of scoring results, in words."""


class AveragePrecision(Scorer):
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
        *,
        suppression: float = 0.9,
        joint_threshold: float = 0.2,
        library: LibraryName = "fastest",
        by: Sequence[Literal["people"]] = (),
    ) -> None:
        if not skeleton.sigmas:
            raise ValueError(
                f"skeleton {skeleton.name!r} must have sigmas for OKS, one number a joint for how far annotators "
                "disagree on it; COCO's go from 0.025 of the eyes to 0.107 of the hips"
            )
        for name in by:
            if name != "people":
                raise ValueError(
                    f"by must hold nothing but people, got {name!r}: sizes are in ap_medium and ap_large, "
                    "and poses are found or missed as a whole, visible joints with occluded ones"
                )
        self.skeleton, self.suppression, self.joint_threshold = skeleton, suppression, joint_threshold
        self.library, self.by = find_library(library), by
        self._sigmas = np.array(skeleton.sigmas)

    def __call__(self, predictions: Predictions, truth: Truth, mask: Mask | None = None) -> dict[str, float]:
        reference = reference_of(truth, self.skeleton)
        if not reference["annotations"]:
            return {}  # Pictures whose labels are not public.
        complete = len(predictions.sample) == len(truth.boxes)
        own = pictures_of(truth)[predictions.sample].tolist()
        images = list(dict.fromkeys([image["id"] for image in reference["images"]] if complete else own))
        results = self.results(predictions, truth)
        scores = self._evaluate(reference, results, images)
        for number, some in by_people(images, reference).items() if self.by else ():
            part = self._evaluate(reference, results, some) if some else {}
            scores |= {f"ap_by_people/{number}": score for name, score in part.items() if name == "ap"}
        return scores

    @property
    def score_names(self) -> tuple[str, ...]:
        at_thresholds = [f"ap@{hundredths / 100:.2f}" for hundredths in range(50, 100, 5)]
        return (*QUANTITIES, *at_thresholds, *(f"ap_by_{group}" for group in group_names(self.by)))

    def _evaluate(
        self, reference: Mapping[str, Any], results: Sequence[Mapping[str, Any]], images: Sequence[Any]
    ) -> dict[str, float]:
        return evaluate(reference, results, images, sigmas=self._sigmas, library=self.library)

    def results(self, predictions: Predictions, truth: Truth) -> list[dict[str, Any]]:
        """Return the predictions as COCO results: rescored, and without those too much like a better one."""
        boxes, images = truth.boxes[predictions.sample], pictures_of(truth)[predictions.sample]
        measures = {name: values[predictions.sample] for name, values in truth.measures.items()}
        scores = rescored(measures.get("score", np.ones(len(boxes))), predictions.scores, self.joint_threshold)
        areas = measures.get("crop_area", boxes[:, 2] * boxes[:, 3])
        remain = np.zeros(len(scores), np.bool_)
        for members in grouped(images):
            people = predictions.keypoints[members]
            remain[members] = remaining(
                people, scores[members], areas[members], sigmas=self._sigmas, threshold=self.suppression
            )
        triples = np.concatenate([predictions.keypoints, predictions.scores[..., None]], axis=2)
        return [
            {
                "image_id": images[index].item(),
                "category_id": CATEGORY,
                "keypoints": triples[index].ravel().tolist(),
                "score": float(scores[index]),
            }
            for index in np.flatnonzero(remain)
        ]

    @property
    def protocol(self) -> str:
        return (
            f"{RULES}; a pose's score is its box's times the mean of its joints', and of poses with an OKS above "
            f"{self.suppression:g} the best is kept, as in the HRNet release"
        )

    @property
    def unit(self) -> str:
        return "root of the person's area"

    def measure(self, predictions: Predictions, truth: Truth) -> tuple[FloatArray, FloatArray]:
        """Return distances ``N K`` from the truth in pixels, and the root of each person's area ``N``, OKS's unit."""
        pixels = distances(predictions.keypoints, truth.keypoints[predictions.sample])
        return pixels, np.sqrt(areas_of(truth))[predictions.sample]


def by_people(images: Sequence[Any], reference: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Group pictures by how many people in them have labelled joints: ``1``, ``2`` and ``3+``."""
    people = (person for person in reference["annotations"] if person["num_keypoints"] and not person["iscrowd"])
    count = Counter(person["image_id"] for person in people)
    kinds = {"1": range(1, 2), "2": range(2, 3), "3+": range(3, len(reference["annotations"]) + 1)}
    return {kind: [image for image in images if count[image] in numbers] for kind, numbers in kinds.items()}


def grouped(pictures: npt.NDArray[Any]) -> list[npt.NDArray[np.int64]]:
    """Return the positions of the people of each picture, by rising picture."""
    number = np.unique(pictures, return_inverse=True)[1]
    order = np.argsort(number, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(number[order])) + 1)


def similarity(
    pose: FloatArray, others: FloatArray, *, area: float, other_areas: FloatArray, sigmas: FloatArray
) -> FloatArray:
    """Return the OKS ``M`` of one pose ``K 2`` with others ``M K 2``, as the HRNet release takes it of predictions.

    Every joint counts, seen or not, and the scale is the mean of both areas.
    """
    squares = ((pose - others) ** 2).sum(axis=-1)
    scale = (area + other_areas)[:, None] / 2 + np.spacing(1)
    exponent = squares / (2 * sigmas) ** 2 / scale / 2
    return np.asarray(np.exp(-exponent).mean(axis=1), np.float64)


def remaining(
    poses: FloatArray, scores: FloatArray, areas: FloatArray, *, sigmas: FloatArray, threshold: float
) -> Mask:
    """Choose the poses ``N K 2`` of one picture whose OKS with every better one that remains is not too high.

    Of poses with the same score the first is the better.
    """
    remain = np.ones(len(scores), np.bool_)
    order = np.argsort(-scores, kind="stable")
    for rank, index in enumerate(order):
        later = order[rank + 1 :]
        if remain[index] and len(later):
            alike = similarity(
                poses[index], poses[later], area=float(areas[index]), other_areas=areas[later], sigmas=sigmas
            )
            remain[later[alike > threshold]] = False
    return remain


def rescored(box_scores: FloatArray, joint_scores: FloatArray, threshold: float) -> FloatArray:
    """Return a pose's score ``N``: its box's times the mean of its joints' scores ``N K`` above a threshold.

    As released by HRNet, with a threshold of 0.2; 0 where no joint is above it.
    """
    counted = joint_scores > threshold
    total = np.where(counted, joint_scores, 0.0).sum(axis=1)
    return np.asarray(box_scores * total / np.maximum(counted.sum(axis=1), 1), np.float64)
