"""COCO's evaluation: the truth as a COCO data set, scored by pycocotools or by the faster faster-coco-eval."""

import contextlib
import importlib
import importlib.util
import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.records import NOT_LABELLED, AnnotatedPictures, FloatArray, Truth
from posepyr.skeleton import Skeleton

LibraryName = Literal["fastest", "pycocotools", "faster_coco_eval"]

CATEGORY = 1
"""Of people, in what is handed to the libraries."""

MOST_PEOPLE = 20
"""In a picture, by falling score: as COCO's server counts."""

QUANTITIES = ("ap", "ap50", "ap75", "ap_medium", "ap_large", "ar", "ar50", "ar75", "ar_medium", "ar_large")
"""In the order in which both libraries sum up."""


class Library(NamedTuple):
    """The classes of a library that hold a data set and evaluate."""

    data: Any
    evaluation: Any


def find_library(name: LibraryName) -> Library:
    """Return a library by name, or the fastest that is installed."""
    faster = importlib.util.find_spec("faster_coco_eval") is not None
    if name == "faster_coco_eval" and not faster:
        raise ValueError(
            "library must be installed, got faster_coco_eval, which is not: pip install faster-coco-eval, "
            "or choose pycocotools"
        )
    if faster and name != "pycocotools":
        module = importlib.import_module("faster_coco_eval")
        return Library(module.COCO, module.COCOeval_faster)
    return Library(
        importlib.import_module("pycocotools.coco").COCO, importlib.import_module("pycocotools.cocoeval").COCOeval
    )


def evaluate(
    reference: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    images: Sequence[Any],
    *,
    sigmas: FloatArray,
    library: Library,
) -> dict[str, float]:
    """Return the scores of a list of COCO results against a COCO data set, over some of its images."""
    if not results:
        return {"ap": 0.0, "ar": 0.0}
    # Both libraries print on stdout, and write into what they are handed.
    with contextlib.redirect_stdout(io.StringIO()):
        truth = library.data()
        people = [dict(person) for person in reference["annotations"]]
        truth.dataset = {**reference, "annotations": people, "categories": [{"id": CATEGORY, "name": "person"}]}
        truth.createIndex()
        run = library.evaluation(truth, truth.loadRes([dict(result) for result in results]), "keypoints")
        run.params.kpt_oks_sigmas = sigmas
        run.params.imgIds = sorted(images)
        run.print_function = lambda *_, **__: None  # faster-coco-eval prints its summary by this
        run.evaluate()
        run.accumulate()
        run.summarize()
    scores = {name: float(value) for name, value in zip(QUANTITIES, run.stats, strict=False)}
    precision = np.asarray(run.eval["precision"])[:, :, 0, 0, -1]  # T R
    for threshold, row in zip(run.params.iouThrs, precision, strict=True):
        scores[f"ap@{threshold:.2f}"] = float(row[row > -1].mean()) if (row > -1).any() else -1.0
    # The libraries return -1 where there is nobody of a size.
    return {name: value for name, value in scores.items() if value >= 0}


def reference_of(truth: Truth, skeleton: Skeleton) -> dict[str, Any]:
    """Return the truth as a COCO data set: all that its annotation file holds, or one made of its people."""
    if truth.pictures is not None:
        return reference_from(truth.pictures(), skeleton)
    images = pictures_of(truth)
    areas = areas_of(truth)
    people = [
        _person(index + 1, image.item(), truth.keypoints[index], truth.visibility[index])
        | {"bbox": truth.boxes[index].tolist(), "area": float(areas[index]), "iscrowd": 0}
        for index, image in enumerate(images)
    ]
    return {"images": [{"id": image} for image in np.unique(images).tolist()], "annotations": people}


def reference_from(pictures: AnnotatedPictures, skeleton: Skeleton) -> dict[str, Any]:
    """Return a file's content with the joints of a skeleton, in its order; those that it lacks are not labelled."""
    names = pictures.joints
    columns = np.array([names.index(joint) if joint in names else len(names) for joint in skeleton.joints])
    people = []
    for annotation in pictures.people:
        triples = np.array(annotation.get("keypoints") or [0] * 3 * len(names), np.float64).reshape(-1, 3)
        chosen = np.concatenate([triples, np.zeros((1, 3))])[columns]
        kept = {key: annotation[key] for key in ("bbox", "area") if key in annotation}
        person = _person(annotation["id"], annotation["image_id"], chosen[:, :2], chosen[:, 2])
        people.append({"iscrowd": annotation.get("iscrowd", 0), **kept, **person})
    return {"images": [{"id": image} for image in pictures.images], "annotations": people}


def pictures_of(truth: Truth) -> npt.NDArray[Any]:
    """Return the number of each person's picture ``N``: the file's own, else its name's in alphabetical order."""
    if truth.pictures is not None:
        return truth.measures["image"]
    return np.unique(truth.images, return_inverse=True)[1]


def areas_of(truth: Truth) -> FloatArray:
    """Return each person's area ``N``, that of the box where no measure states it."""
    extent = truth.boxes[:, 2] * truth.boxes[:, 3]
    stated = np.asarray(truth.measures.get("area", np.full(len(extent), np.nan)), np.float64)
    return np.asarray(np.where(np.isnan(stated), extent, stated), np.float64)


def _person(identity: Any, image: Any, keypoints: FloatArray, visibility: npt.NDArray[Any]) -> dict[str, Any]:
    return {
        "id": identity,
        "image_id": image,
        "category_id": CATEGORY,
        "keypoints": np.column_stack([keypoints, visibility]).ravel().tolist(),
        "num_keypoints": int((visibility != NOT_LABELLED).sum()),
    }
