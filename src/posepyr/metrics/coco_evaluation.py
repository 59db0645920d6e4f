"""COCO's evaluation by the libraries that do it: pycocotools, and faster-coco-eval where it is installed."""

import contextlib
import importlib
import importlib.util
import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from posepyr.records import FloatArray

Name = Literal["fastest", "pycocotools", "faster_coco_eval"]

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


def library(name: Name) -> Library:
    """A library by name, or the fastest that is installed."""
    faster = importlib.util.find_spec("faster_coco_eval") is not None
    if name == "faster_coco_eval" and not faster:
        raise ValueError(
            "metrics.ap.library must be installed, got faster_coco_eval, which is not: pip install faster-coco-eval, "
            "or choose metrics.ap.library=pycocotools"
        )
    if faster and name != "pycocotools":
        module = importlib.import_module("faster_coco_eval")
        return Library(module.COCO, module.COCOeval_faster)
    return Library(
        importlib.import_module("pycocotools.coco").COCO, importlib.import_module("pycocotools.cocoeval").COCOeval
    )


def _silent(*_: object, **__: object) -> None:
    """What faster-coco-eval sums up with."""


def evaluate(
    reference: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    images: Sequence[Any],
    sigmas: FloatArray,
    chosen: Library,
) -> dict[str, float]:
    """Scores of a list of COCO results against a COCO data set, over some of its images."""
    if not results:
        return {"ap": 0.0, "ar": 0.0}
    # Both libraries speak on stdout, and write into what they are given.
    with contextlib.redirect_stdout(io.StringIO()):
        truth = chosen.data()
        people = [dict(person) for person in reference["annotations"]]
        truth.dataset = {**reference, "annotations": people, "categories": [{"id": CATEGORY, "name": "person"}]}
        truth.createIndex()
        run = chosen.evaluation(truth, truth.loadRes([dict(result) for result in results]), "keypoints")
        run.params.kpt_oks_sigmas = sigmas
        run.params.imgIds = sorted(images)
        run.print_function = _silent
        run.evaluate()
        run.accumulate()
        run.summarize()
    scores = {name: float(value) for name, value in zip(QUANTITIES, run.stats, strict=False)}
    precision = np.asarray(run.eval["precision"])[:, :, 0, 0, -1]  # T R
    for threshold, row in zip(run.params.iouThrs, precision, strict=True):
        scores[f"ap@{threshold:.2f}"] = float(row[row > -1].mean()) if (row > -1).any() else -1.0
    # The libraries say -1 where there is nobody of a size.
    return {name: value for name, value in scores.items() if value >= 0}
