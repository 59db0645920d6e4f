"""MPII's people from the HRNet release's JSON, the hourglass release's HDF5, and the truth that scores are made of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from posepyr.data.formats.mpii_layout import read_ground_truth
from posepyr.data.formats.mpii_releases import read_hourglass, read_hrnet
from posepyr.data.sources.mpii import Mpii
from support import mpii_files as files
from support.damage import complaints

CODES = files.CODES


def test_joints_that_are_missing_in_the_json(tmp_path: Path) -> None:
    flags = [1, 0] * 8
    person = files.entry("a.jpg", 100, joints_vis=flags)
    rectangles = read_hrnet(files.write_entries(tmp_path / "people.json", [person]))
    assert rectangles.visibility.tolist() == [[2, 0] * 8]
    assert np.isnan(rectangles.measures["head_size"]).all()


def test_people_without_a_place_in_the_json(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    people = [
        files.entry("a.jpg", 100),
        files.entry("a.jpg", 100, center=[-1, -1]),
        files.entry("a.jpg", 100, scale=-1),
        files.entry("b.jpg", 100, joints_vis=[0] * 16),
        files.entry("b.jpg", 100, joints_vis=[0] * 15 + [1]),
    ]
    files.write_entries(tmp_path / "people.json", people)
    split = Mpii(str(tmp_path), annotations="people.json").split("train")
    assert len(split) == 2
    assert split.skipped == {"without position or scale": 2, "without labelled joints": 1}
    assert split.measures["people"].tolist() == [3, 2]
    # Unlabelled joints are nowhere, whatever the file has in their place.
    np.testing.assert_array_equal(split[1].keypoints[:15], 0)


def test_heads_beside_the_json(tmp_path: Path) -> None:
    file = files.write_entries(tmp_path / "people.json", [files.entry("a.jpg", 100), files.entry("b.jpg", 200)])
    heads = np.moveaxis(np.array([[[0, 0], [30, 40]], [[1, 1], [4, 5]]], np.float64), 0, -1)
    files.write_truth(tmp_path / "gt_people.mat", files.truth([100, 200], headboxes_src=heads))
    np.testing.assert_allclose(read_hrnet(file).measures["head_size"], [0.6 * 50, 0.6 * 5])


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ([100], r"gt_people\.mat: pos_gt_src must hold the 2 people of .*people\.json, got 1"),
        ([100, 300], r"gt_people\.mat: person 1: pos_gt_src must be where .*people\.json has them"),
    ],
)
def test_heads_of_other_people_are_refused(tmp_path: Path, offsets: list[float], message: str) -> None:
    file = files.write_entries(tmp_path / "people.json", [files.entry("a.jpg", 100), files.entry("b.jpg", 200)])
    files.write_truth(tmp_path / "gt_people.mat", files.truth(offsets))
    with pytest.raises(ValueError, match=message):
        read_hrnet(file)


JSON_FAULTS: dict[str, tuple[Any, str]] = {
    "no JSON": ("[{", r"people\.json must be whole, valid JSON"),
    "no list": ({}, r"people\.json: the file must be a list of people, got \{\}"),
    "nobody": ([], r"people\.json must hold somebody"),
    "a person that is none": ([5], r"\[0\]: it must map names to values, got 5"),
    "a misspelt name": ([{"images": "a.jpg"}], r"\[0\]: image must be given, but is missing; did you mean images\?"),
    "a name of a wrong type": ([files.entry("", 1)], r"\[0\]: image must name the picture's file, got ''"),
    "a centre of three": ([files.entry("a", 1, center=[1, 2, 3])], r"\[0\]: center must be a list of 2 numbers"),
    "a centre of text": ([files.entry("a", 1, center=["1", 2])], r"\[0\]: center must hold finite numbers.*got '1'"),
    "a scale of text": ([files.entry("a", 1, scale="1")], r"\[0\]: scale must hold finite numbers.*got '1'"),
    "an infinite scale": ([files.entry("a", 1, scale=float("inf"))], r"scale must hold finite numbers.*got inf"),
    "a huge scale": ([files.entry("a", 1, scale=10**400)], r"scale must hold finite numbers"),
    "no joints": ([{"image": "a", "center": [1, 2], "scale": 1}], r"\[0\]: joints must be given"),
    "joints in a row": ([files.entry("a", 1, joints=[1] * 32)], r"\[0\]: joints must be 16 pairs of x and y"),
    "15 joints": ([files.entry("a", 1, joints=[[1, 2]] * 15)], r"\[0\]: joints must be 16 pairs of x and y"),
    "joints of triples": ([files.entry("a", 1, joints=[[1, 2, 3]] * 16)], r"joints must be 16 pairs of x and y"),
    "null": ([files.entry("a", 1, joints=[[None, 2]] * 16)], r"\[0\]: joints must hold finite numbers.*got None"),
    "15 flags": ([files.entry("a", 1, joints_vis=[1] * 15)], r"joints_vis must be a list of 16 numbers"),
    "a flag of 2": ([files.entry("a", 1, joints_vis=[2] * 16)], r"joints_vis must hold 0 or 1 for each joint"),
    "flags for some": (
        [files.entry("a", 1), {name: value for name, value in files.entry("a", 1).items() if name != "joints_vis"}],
        r"\[1\]: joints_vis must be given",
    ),
}


@pytest.mark.parametrize("fault", JSON_FAULTS)
def test_faults_of_the_json_are_named(tmp_path: Path, fault: str) -> None:
    content, message = JSON_FAULTS[fault]
    (tmp_path / "images").mkdir()
    files.write_entries(tmp_path / "people.json", content)
    with pytest.raises(ValueError, match=message):
        Mpii(str(tmp_path), annotations="people.json").split("train")


def hourglass(tmp_path: Path, **changes: Any) -> Path:
    """Two people in one picture."""
    content = files.table(["a.jpg", "a.jpg"], [100, 200], [(6, 0), (6, 2)], **changes)
    return files.write_table(tmp_path / "people.h5", content)


def test_the_hdf5_s_place_is_brought_back(tmp_path: Path) -> None:
    rectangles = read_hourglass(hourglass(tmp_path))
    np.testing.assert_allclose(rectangles.position, [[180, 60.5], [280, 60.5]])
    np.testing.assert_allclose(rectangles.scale, 1.5)
    assert rectangles.images == ["a.jpg", "a.jpg"]
    assert rectangles.measures["people"].tolist() == [2, 2]
    assert rectangles.measures["person"].tolist() == [0, 2]


def test_what_is_missing_in_the_hdf5(tmp_path: Path) -> None:
    """Both coordinates 0; visible is 0 for what is missing and what is occluded."""
    part = np.full((2, 16, 2), 50.0)
    part[0, 0], part[0, 1], part[0, 2] = (0, 0), (0, 7), (7, 0)
    part[1] = -1
    visible = np.ones((2, 16))
    visible[0, :5], visible[1] = 0, -1
    rectangles = read_hourglass(hourglass(tmp_path, part=part, visible=visible))
    assert rectangles.visibility[0].tolist() == [0, 1, 1, 1, 1] + [2] * 11
    assert not rectangles.visibility[1].any()


def test_the_head_of_nobody_is_not_measured(tmp_path: Path) -> None:
    head = read_hourglass(hourglass(tmp_path, normalize=np.array([12.0, -1.0]))).measures["head_size"]
    np.testing.assert_array_equal(head, [12, np.nan])


def test_test_people_of_the_hdf5_need_no_joints(tmp_path: Path) -> None:
    content = dict.fromkeys(("part", "visible", "normalize"))
    rectangles = read_hourglass(hourglass(tmp_path, **content), unlabelled=True)
    assert not rectangles.labelled.any()
    assert rectangles.placed.all()


def test_names_of_any_kind_of_text(tmp_path: Path) -> None:
    names = np.array(["ä.jpg", "b.jpg"], object)
    assert read_hourglass(hourglass(tmp_path, imgname=names)).images == ["ä.jpg", "b.jpg"]


HDF5_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no centre": ({"center": None}, r"people\.h5: center must be given, but is missing; it holds imgname, index"),
    "a centre of three": ({"center": np.ones((2, 3))}, r"center must have the shape n x 2, got \(2, 3\)"),
    "a centre of text": ({"center": np.array([["a", "b"]] * 2, "S")}, r"center must hold numbers, got '\|S1'"),
    "an infinite centre": (
        {"center": np.array([[1, 2], [3, np.inf]])},
        r"center\[1, 1\] must hold finite numbers of at most 1e\+06 in size, got inf",
    ),
    "a scale too many": ({"scale": np.ones(3)}, r"scale must have the shape 2, got \(3,\)"),
    "a single scale": ({"scale": 1.0}, r"scale must have the shape 2, got \(\)"),
    "a name too few": ({"imgname": np.array(["a.jpg"], "S")}, r"imgname must name the pictures of 2 people"),
    "names of numbers": ({"imgname": np.ones((2, 16))}, r"imgname must name the pictures of 2 people"),
    "an empty name": ({"imgname": np.array(["a", ""], "S1")}, r"imgname must name the pictures of 2 people"),
    "a number of -1": ({"index": np.array([3, -1])}, r"index\[1\] must be a whole number from 0, got -1\.0"),
    "half a person": ({"person": np.array([0.5, 1])}, r"person\[0\] must be a whole number from 0, got 0\.5"),
    "15 joints": ({"part": np.ones((2, 15, 2))}, r"part must have the shape 2 x 16 x 2, got \(2, 15, 2\)"),
    "a joint nowhere": ({"part": np.full((2, 16, 2), np.nan)}, r"part\[0, 0, 0\] must hold finite numbers.*got nan"),
    "a visibility of 2": ({"visible": np.full((2, 16), 2)}, r"visible\[0, 0\] must be 0 or 1, or -1.*got 2\.0"),
    "no heads": ({"normalize": None}, r"normalize must be given"),
}


@pytest.mark.parametrize("fault", HDF5_FAULTS)
def test_faults_of_the_hdf5_are_named(tmp_path: Path, fault: str) -> None:
    changes, message = HDF5_FAULTS[fault]
    with pytest.raises(ValueError, match=message):
        read_hourglass(hourglass(tmp_path, **changes))


def test_a_folder_in_place_of_an_array(tmp_path: Path) -> None:
    file = hourglass(tmp_path, part=None)
    with h5py.File(file, "a") as content:
        content.create_group("part")
    with pytest.raises(ValueError, match=r"people\.h5 must be a whole, readable HDF5 file"):
        read_hourglass(file)


READERS: dict[str, tuple[Callable[[Path], Any], Callable[[Path], Path]]] = {
    "hourglass": (read_hourglass, hourglass),
    "hrnet": (read_hrnet, lambda root: files.write_entries(root / "people.json", [files.entry("a.jpg", 100)])),
    "truth": (read_ground_truth, lambda root: files.write_truth(root / "gt.mat", files.truth([100, 200]))),
}


@pytest.mark.parametrize("kind", READERS)
def test_damaged_files_are_named(tmp_path: Path, kind: str) -> None:
    """Cut short anywhere, or with bytes changed: an error that names the file, or people as before."""
    read, write = READERS[kind]
    file = write(tmp_path)
    said = complaints(read, file)
    assert all(str(file) in complaint for complaint in said if complaint)
    assert None not in said[:50]


def test_the_truth_counts_from_0(tmp_path: Path) -> None:
    truth = read_ground_truth(files.write_truth(tmp_path / "gt.mat", files.truth([100, 200])))
    np.testing.assert_allclose(truth.keypoints, np.array([files.joints(100), files.joints(200)]) - 1)
    np.testing.assert_allclose(truth.heads[1], [[199, 9], [229, 49]])
    np.testing.assert_allclose(truth.head_size, 30)
    assert not truth.missing.any()


def test_the_truth_of_a_single_person(tmp_path: Path) -> None:
    """MATLAB drops the last axis then."""
    content = files.truth([100])
    squeezed = {name: value[..., 0] if name != "dataset_joints" else value for name, value in content.items()}
    squeezed["jnt_missing"] = squeezed["jnt_missing"][:, None]
    truth = read_ground_truth(files.write_truth(tmp_path / "gt.mat", squeezed))
    np.testing.assert_allclose(truth.keypoints, [np.array(files.joints(100)) - 1])
    assert truth.heads.shape == (1, 2, 2)


def test_the_truth_s_joints_are_found_by_name(tmp_path: Path) -> None:
    content = files.truth([100], dataset_joints=np.array([CODES[::-1]], dtype=object))
    content["jnt_missing"][0] = 1
    truth = read_ground_truth(files.write_truth(tmp_path / "gt.mat", content))
    # The last joint's name stands first.
    assert truth.missing[0].tolist() == [False] * 15 + [True]
    np.testing.assert_array_equal(truth.keypoints[0, 15], 0)
    np.testing.assert_allclose(truth.keypoints[0, 14], np.array(files.joints(100)[1]) - 1)


TRUTH_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no positions": ({"pos_gt_src": None}, r"gt\.mat: pos_gt_src must be given, but is missing"),
    "positions of 15": ({"pos_gt_src": np.ones((15, 2, 2))}, r"pos_gt_src must have the shape 16 x 2 x n, got \(15"),
    "no number": ({"pos_gt_src": np.full((16, 2, 2), np.nan)}, r"pos_gt_src\[0, 0, 0\] must hold finite numbers"),
    "unequal numbers": ({"jnt_missing": np.zeros((16, 3))}, r"must hold equally many people, got '2, 3 and 2'"),
    "flags of 2": ({"jnt_missing": np.full((16, 2), 2)}, r"jnt_missing must hold 0 or 1, got \[2\.0\]"),
    "no heads": ({"headboxes_src": np.array([["a"]])}, r"headboxes_src must hold numbers"),
    "other joints": (
        {"dataset_joints": np.array([["nose", *CODES[1:]]], dtype=object)},
        r"dataset_joints must name the 16 joints rank, .* got 'nose, rkne",
    ),
    "joints in numbers": ({"dataset_joints": np.arange(16)}, r"dataset_joints must name the 16 joints"),
}


@pytest.mark.parametrize("fault", TRUTH_FAULTS)
def test_faults_of_the_truth_are_named(tmp_path: Path, fault: str) -> None:
    changes, message = TRUTH_FAULTS[fault]
    with pytest.raises(ValueError, match=message):
        read_ground_truth(files.write_truth(tmp_path / "gt.mat", files.truth([100, 200], **changes)))


def test_the_real_truth(shared: Path) -> None:
    truth = read_ground_truth(shared / "data" / "mpii_val" / "detections_our_format.mat")
    assert truth.keypoints.shape == (2958, 16, 2)
    assert truth.missing.sum() == 3088
    assert (truth.head_size > 0).all()
