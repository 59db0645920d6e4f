"""Predictions of anybody: every layout of an array, lists of people, and files that are neither."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io

from posepyr.data.results.predictions import CocoResults, PredictionFile, read_predictions
from posepyr.skeleton import MPII_JOINTS
from support import mpii_files as files

POSES = np.random.default_rng(0).uniform(1, 500, (5, 16, 2)).round(2)
"""Counted from 1, as in files."""


def found_in(file: Path) -> PredictionFile:
    found = read_predictions(file, 16)
    assert isinstance(found, PredictionFile)
    return found


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("name", ["preds", "pred"])
def test_arrays_with_any_order_of_axes(tmp_path: Path, axes: tuple[int, int, int], name: str) -> None:
    turned = POSES.transpose(axes)
    scipy.io.savemat(tmp_path / "found.mat", {name: turned.astype(np.float32)})
    with h5py.File(tmp_path / "found.h5", "w") as stream:
        stream[name] = turned
    for file in ("found.mat", "found.h5"):
        found = found_in(tmp_path / file)
        np.testing.assert_allclose(found.predictions.keypoints, POSES - 1, rtol=1e-6)
        assert found.predictions.sample.tolist() == [0, 1, 2, 3, 4]
        assert found.joints is None


def test_joints_that_a_file_names_come_in_the_order_of_mpii(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(16)
    codes = np.array([[files.CODES[index] for index in order]], dtype=object)
    content = {"pos_pred_src": POSES[:, order].transpose(1, 2, 0), "dataset_joints": codes}
    scipy.io.savemat(tmp_path / "tompson.mat", content)
    found = found_in(tmp_path / "tompson.mat")
    np.testing.assert_allclose(found.predictions.keypoints, POSES - 1)
    assert found.joints == MPII_JOINTS


def test_json_of_people_or_of_their_joints_alone(tmp_path: Path) -> None:
    people = [{"image": f"{index}.jpg", "joints": pose} for index, pose in enumerate(POSES.tolist())]
    for content in (people, {"preds": POSES.tolist()}):
        (tmp_path / "found.json").write_text(json.dumps(content))
        np.testing.assert_allclose(found_in(tmp_path / "found.json").predictions.keypoints, POSES - 1)
    (tmp_path / "found.json").write_text(json.dumps(people))
    images = found_in(tmp_path / "found.json").images
    assert images is not None
    assert images.tolist() == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"]


def test_what_is_not_a_number_was_not_found(tmp_path: Path) -> None:
    poses = POSES.copy()
    poses[1, 2] = np.nan
    poses[3, 4, 0] = np.inf
    scipy.io.savemat(tmp_path / "found.mat", {"preds": poses})
    assert found_in(tmp_path / "found.mat").not_found == 2


def test_coco_results(tmp_path: Path) -> None:
    pose = {"image_id": 7, "category_id": 1, "keypoints": [1, 2, 0.5, 3, 4, 0.25], "score": 0.75}
    (tmp_path / "results.json").write_text(json.dumps([pose]))
    found = read_predictions(tmp_path / "results.json", 2)
    assert isinstance(found, CocoResults)
    assert found.results([1, 0]) == [pose | {"keypoints": [3, 4, 0.25, 1, 2, 0.5]}]


def pose(**changes: Any) -> dict[str, Any]:
    content = {"image_id": 7, "category_id": 1, "keypoints": [1.0] * 48, "score": 0.75} | changes
    return {name: value for name, value in content.items() if value is not None}


FAULTS: dict[str, tuple[Any, str]] = {
    "nobody": ([], r"f\.json: the file must hold somebody's pose, got \[\]"),
    "another mapping": ({"poses": []}, r"f\.json: the file must be a list of people, .*got 'poses'"),
    "no mapping": ([5], r"f\.json: \[0\]: it must map names to values, got 5"),
    "no joints": ([{"image": "a.jpg"}], r"f\.json: \[0\]: joints must be given"),
    "fourteen joints": (
        [{"joints": [[1, 2]] * 14}],
        r"\[0\]: joints must be 16 pairs of x and y, as many as",
    ),
    "text": ([{"joints": [["1", 2]] * 16}], r"\[0\]: joints must hold finite numbers .* got '1'"),
    "preds of nothing": ({"preds": [[[1]]]}, r"\[0\]: joints must be 16 pairs"),
    "a picture of no name": ([pose(image_id=1.5)], r"\[0\]: image_id must be a whole number or a text, got 1.5"),
    "no score": ([pose(), pose(score=None)], r"\[1\]: score must be given"),
    "a score of text": ([pose(score="1")], r"\[0\]: score must hold finite numbers"),
    "another category": ([pose(category_id=2)], r"\[0\]: category_id must be 1, the people's, got 2"),
    "too few numbers": ([pose(keypoints=[1] * 51)], r"\[0\]: keypoints must be a list of 48 numbers, got '51 entries'"),
    "infinite": ([pose(keypoints=[float("inf")] * 48)], r"\[0\]: keypoints must hold finite numbers"),
    "cut": ('[{"joints"', r"f\.json must be whole, valid JSON"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_json_that_is_none_of_these(tmp_path: Path, fault: str) -> None:
    content, message = FAULTS[fault]
    (tmp_path / "f.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ValueError, match=message):
        read_predictions(tmp_path / "f.json", 16)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"heatmaps": np.zeros(3)},
            r"f\.mat: one of its arrays must be called preds or pred or pos_pred_src, got",
        ),
        (
            {"preds": np.zeros((5, 14, 2))},
            r"preds must have the shape n x joints x 2 .* got \(5, 14, 2\)",
        ),
        ({"preds": np.zeros((5, 16))}, r"preds must have the shape"),
        ({"preds": "many"}, r"preds must hold numbers"),
    ],
)
def test_arrays_that_are_none_of_these(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    scipy.io.savemat(tmp_path / "f.mat", content)
    with pytest.raises(ValueError, match=message):
        read_predictions(tmp_path / "f.mat", 16)


@pytest.mark.parametrize("start", [b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"MATLAB 7.3 MAT-file"])
def test_damaged_files_are_named(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "found").write_bytes(start + b"\0" * 200)
    with pytest.raises(ValueError, match="found must be a whole"):
        read_predictions(tmp_path / "found", 16)
    with pytest.raises(ValueError, match="nothing must be a readable file"):
        read_predictions(tmp_path / "nothing", 16)
