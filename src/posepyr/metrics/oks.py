"""Object keypoint similarity, and what COCO's protocol does with it before it scores."""

import numpy as np
import numpy.typing as npt

from posepyr.records import FloatArray

Mask = npt.NDArray[np.bool_]


def similarity(
    keypoints: FloatArray, others: FloatArray, area: float, other_areas: FloatArray, sigmas: FloatArray
) -> FloatArray:
    """OKS ``M`` of one pose ``K 2`` with others ``M K 2``, as the HRNet release takes it between two predictions.

    Every joint counts, seen or not, and the scale is the mean of both areas.
    """
    squares = ((keypoints - others) ** 2).sum(axis=-1)
    scale = (area + other_areas)[:, None] / 2 + np.spacing(1)
    exponent = squares / (2 * sigmas) ** 2 / scale / 2
    return np.asarray(np.exp(-exponent).mean(axis=1), np.float64)


def remaining(
    keypoints: FloatArray, scores: FloatArray, areas: FloatArray, sigmas: FloatArray, threshold: float
) -> Mask:
    """Which poses ``N K 2`` of one picture remain: those whose OKS with a better one that remains is not too high.

    Of poses with the same score the first is the better.
    """
    remain = np.ones(len(scores), np.bool_)
    order = np.argsort(-scores, kind="stable")
    for rank, index in enumerate(order):
        later = order[rank + 1 :]
        if remain[index] and len(later):
            alike = similarity(keypoints[index], keypoints[later], float(areas[index]), areas[later], sigmas)
            remain[later[alike > threshold]] = False
    return remain


def rescored(box_scores: FloatArray, joint_scores: FloatArray, threshold: float) -> FloatArray:
    """A pose's score ``N``: its box's times the mean of its joints' scores ``N K`` above a threshold, 0 without any.

    As released by HRNet, with a threshold of 0.2.
    """
    counted = joint_scores > threshold
    total = np.where(counted, joint_scores, 0.0).sum(axis=1)
    return np.asarray(box_scores * total / np.maximum(counted.sum(axis=1), 1), np.float64)
