"""COCO's results: written complete and finite, or not at all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posepyr.data.results.predictions import CocoResults, read_predictions
from posepyr.data.results.submissions import write_coco_results
from posepyr.records import Predictions, Truth

PEOPLE = 3


def parts() -> tuple[list[dict[str, Any]], Predictions, Truth]:
    """Three people in two pictures, of whom two poses remain."""
    found = Predictions(
        np.arange(PEOPLE), np.random.default_rng(0).uniform(0, 99, (PEOPLE, 17, 2)), np.ones((PEOPLE, 17))
    )
    images = np.array([139, 139, 285])
    truth = Truth(
        np.zeros((PEOPLE, 17, 2)), np.zeros((PEOPLE, 17), np.uint8), np.ones((PEOPLE, 4)), images.astype(str),
        {"image": images},
    )  # fmt: skip
    triples = np.concatenate([found.keypoints, found.scores[..., None]], axis=2).reshape(PEOPLE, -1)
    results = [
        {"image_id": int(images[index]), "category_id": 1, "keypoints": triples[index].tolist(), "score": 0.5}
        for index in (0, 2)
    ]
    return results, found, truth


def test_a_file_comes_back_and_holds_what_the_server_takes(tmp_path: Path) -> None:
    results, found, truth = parts()
    write_coco_results(tmp_path / "results.json", results, found, truth)
    content = json.loads((tmp_path / "results.json").read_text())
    assert [set(pose) for pose in content] == [{"image_id", "category_id", "keypoints", "score"}] * 2
    assert [(pose["image_id"], pose["category_id"], len(pose["keypoints"])) for pose in content] == [
        (139, 1, 51),
        (285, 1, 51),
    ]
    read = read_predictions(tmp_path / "results.json", 17)
    assert isinstance(read, CocoResults)
    np.testing.assert_allclose(read.triples[:, :, :2], found.keypoints[[0, 2]], atol=5e-4)


def _drop(results: list[dict[str, Any]], found: Predictions, _truth: Truth) -> tuple[Any, Any]:
    return results[:1], found


def _nobody(results: list[dict[str, Any]], found: Predictions, _truth: Truth) -> tuple[Any, Any]:
    return results, Predictions(*(field[:2] for field in found[:3]))


def _infinite(results: list[dict[str, Any]], found: Predictions, _truth: Truth) -> tuple[Any, Any]:
    found.keypoints[1, 0, 0] = np.inf
    return results, found


def _elsewhere(results: list[dict[str, Any]], found: Predictions, _truth: Truth) -> tuple[Any, Any]:
    return [*results, results[0] | {"image_id": 7}], found


def _score(results: list[dict[str, Any]], found: Predictions, _truth: Truth) -> tuple[Any, Any]:
    return [results[0] | {"score": float("nan")}, results[1]], found


def _joints(results: list[dict[str, Any]], found: Predictions, _truth: Truth) -> tuple[Any, Any]:
    return [results[0] | {"keypoints": [1.0] * 48}, results[1]], found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_drop, r"results must have a pose in each of 2 pictures, got none in 285"),
        (_nobody, r"predictions must be of all 3 people of the split, got 2: the first that is missing is 2"),
        (_infinite, r"predictions must be finite numbers, got others for person 1"),
        (_elsewhere, r"results\[2\]\.image_id must be a picture of the split, got 7"),
        (_score, r"results\[0\] must hold finite numbers"),
        (_joints, r"results\[0\]\.keypoints must be 51 numbers, got 48"),
    ],
)
def test_nothing_is_written_of_what_is_not_complete(tmp_path: Path, change: Any, message: str) -> None:
    results, found, truth = parts()
    results, found = change(results, found, truth)
    with pytest.raises(ValueError, match=message):
        write_coco_results(tmp_path / "results.json", results, found, truth)
    assert not list(tmp_path.iterdir())
