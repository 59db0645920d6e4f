"""Truth read from every layout that benchmarks and releases keep it in."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from posepyr.data.results.truths import read_truth
from support import mpii_files as files


def test_mpii_in_three_layouts_is_the_same_people(tmp_path: Path) -> None:
    offsets, images = [100.0, 200.0], ["a.jpg", "b.jpg"]
    matlab = read_truth(files.write_truth(tmp_path / "gt_valid.mat", files.truth(offsets)))
    pairs = [(0, 0), (1, 0)]
    table = files.table(images, offsets, pairs, part=np.array([files.joints(o) for o in offsets]))
    hdf5 = read_truth(files.write_table(tmp_path / "anything", table))
    entries = [files.entry(image, offset) for image, offset in zip(images, offsets, strict=True)]
    json_file = read_truth(files.write_entries(tmp_path / "valid.json", entries))
    expected = np.array([files.joints(offset) for offset in offsets]) - 1
    for known in (matlab, hdf5, json_file):
        np.testing.assert_allclose(known.truth.keypoints, expected)
        np.testing.assert_allclose(known.truth.measures["head_size"], [30.0, 30.0])  # 0.6 of 30 x 40's diagonal
        # About the joints and a tenth of the longer side beyond: 150 x 75 pixels.
        np.testing.assert_allclose(known.truth.boxes[:, 2:], [[180.0, 105.0]] * 2)
    assert hdf5.truth.images.tolist() == json_file.truth.images.tolist() == images
    assert matlab.lacks == ("visibility", "people")
    assert json_file.lacks == ("visibility",)
    assert hdf5.lacks == ()


def test_missing_joints_are_not_labelled(tmp_path: Path) -> None:
    missing = np.zeros((16, 1), np.uint8)
    missing[3] = 1
    known = read_truth(files.write_truth(tmp_path / "gt.mat", files.truth([100], jnt_missing=missing)))
    assert np.flatnonzero(known.truth.visibility[0] == 0).tolist() == [3]


@pytest.mark.parametrize(("people", "tested"), [(2000, 1000), (30, 30)])
def test_the_last_thousand_of_lsp_are_tested_on(tmp_path: Path, people: int, tested: int) -> None:
    joints = np.zeros((3, 14, people))
    joints[:2] = np.arange(people) + 1
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": joints})
    known = read_truth(tmp_path / "joints.mat")
    assert len(known.truth.keypoints) == people
    chosen = known.truth.keypoints[known.tested]
    assert (len(chosen), chosen[0, 0, 0]) == (tested, people - tested)
    assert known.truth.images[people - 1] == f"images/im{people:04d}.jpg"


def test_a_coco_file_is_what_its_people_are_scored_against(tmp_path: Path, coco_content: dict[str, Any]) -> None:
    file = tmp_path / "people.json"
    file.write_text(json.dumps(coco_content))
    known = read_truth(file)
    assert known.joints == ("nose", "left_hand", "right_hand")
    assert known.truth.file == str(file)
    assert known.truth.measures["image"].tolist() == [7]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"area": None}, r"people\.json: annotations\[0\]: area must hold finite numbers"),
        ({"bbox": None}, r"people\.json: annotations\[0\]: bbox must be a list of 4 numbers"),
    ],
)
def test_similarity_needs_boxes_and_areas(
    tmp_path: Path, coco_content: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    file = tmp_path / "people.json"
    coco_content["annotations"].append(coco_content["annotations"][0] | {"id": 4, "iscrowd": 1} | changes)
    coco_content["annotations"].reverse()
    file.write_text(json.dumps(coco_content))
    with pytest.raises(ValueError, match=message):
        read_truth(file)


def test_what_is_no_truth_is_refused(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "preds.mat", {"preds": np.zeros((2, 16, 2))})
    with pytest.raises(ValueError, match=r"preds\.mat: one of its arrays must be called pos_gt_src .* got 'preds'"):
        read_truth(tmp_path / "preds.mat")
    files.write_official(tmp_path / "official.mat", [files.picture("a.jpg", files.complete(100))], [1])
    with pytest.raises(ValueError, match=r"official\.mat must hold the validation people alone"):
        read_truth(tmp_path / "official.mat")
    (tmp_path / "text").write_text("people")
    with pytest.raises(ValueError, match=r"text must be a MATLAB, HDF5, JSON or posepyr \.npz file"):
        read_truth(tmp_path / "text")
