import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from posepyr.data.export import write_mpii
from posepyr.records import Annotation
from posepyr.skeleton import Skeleton

NECK, HEAD_TOP = 8, 9


@pytest.fixture
def archive(tmp_path: Path, groups: Any, mpii_skeleton: Skeleton) -> Path:
    written = write_mpii(groups, mpii_skeleton, tmp_path / "mpii", ("train", "val", "test"))
    assert written == {"train": 4, "val": 4, "test": 4}
    return tmp_path / "mpii"


@pytest.fixture
def release(archive: Path) -> Any:
    """The official file as MATLAB's structures: attributes by name, arrays two-dimensional."""
    return scipy.io.loadmat(archive / "mpii_human_pose_v1_u12_1.mat", struct_as_record=False)["RELEASE"][0, 0]


def test_the_nesting_of_the_original(release: Any) -> None:
    assert release._fieldnames == ["annolist", "img_train", "version", "single_person", "act", "video_list"]
    assert release.annolist.shape == (1, 9)
    np.testing.assert_array_equal(release.img_train, [[1] * 6 + [0] * 3])
    assert release.single_person.shape == (9, 1)
    np.testing.assert_array_equal(release.single_person[0, 0], [[1], [2]])
    np.testing.assert_array_equal(release.single_person[1, 0], [[1]])
    assert release.act.shape == (9, 1)
    assert release.act[0, 0]._fieldnames == ["cat_name", "act_name", "act_id"]
    assert release.video_list.size == 0
    entry = release.annolist[0, 0]
    assert entry._fieldnames == ["image", "annorect", "frame_sec", "vididx"]
    assert entry.image[0, 0].name[0] == "000000001.jpg"
    assert entry.annorect.shape == (1, 2)
    assert entry.annorect[0, 0]._fieldnames == ["x1", "y1", "x2", "y2", "annopoints", "scale", "objpos"]
    # Test people have neither joints nor head.
    assert release.annolist[0, 8].annorect[0, 0]._fieldnames == ["scale", "objpos"]


def test_the_points_of_a_person(release: Any, groups: Any) -> None:
    for picture, person, truth in [(0, 0, 0), (0, 1, 1), (1, 0, 2), (2, 0, 3)]:
        annotation = groups.split("train")[truth]
        points = release.annolist[0, picture].annorect[0, person].annopoints[0, 0].point[0]
        assert {tuple(point._fieldnames) for point in points} == {("x", "y", "id", "is_visible")}
        identities = [int(point.id[0, 0]) for point in points]
        assert identities == np.flatnonzero(annotation.visibility).tolist()
        for identity, point in zip(identities, points, strict=True):
            np.testing.assert_allclose((point.x[0, 0] - 1, point.y[0, 0] - 1), annotation.keypoints[identity])
            assert point.is_visible[0, 0] == (annotation.visibility[identity] == 2)


def test_position_and_scale_give_back_the_box(release: Any, groups: Any) -> None:
    rectangle = release.annolist[0, 2].annorect[0, 0]
    x, y, width, height = groups.split("train")[3].box
    scale = rectangle.scale[0, 0]
    assert 200 * scale == pytest.approx(max(width, height))
    # Both releases look 15 scale further down.
    centre = rectangle.objpos[0, 0].x[0, 0] - 1, rectangle.objpos[0, 0].y[0, 0] - 1 + 15 * scale
    np.testing.assert_allclose(centre, (x + width / 2, y + height / 2))


def person_with_head(neck: tuple[float, float], top: tuple[float, float], state: int) -> Annotation:
    keypoints = np.full((16, 2), 50.0)
    keypoints[NECK], keypoints[HEAD_TOP] = neck, top
    visibility = np.full(16, 2, np.uint8)
    visibility[HEAD_TOP] = state
    return Annotation(0, "a", np.array([10.0, 5.0, 40.0, 60.0]), keypoints, visibility)


def head(tmp_path: Path, groups: Any, skeleton: Skeleton, person: Annotation) -> np.ndarray:
    groups.split("val").people[:] = [person]
    write_mpii(groups, skeleton, tmp_path / "one", ("val",))
    return scipy.io.loadmat(tmp_path / "one" / "annot" / "gt_valid.mat")["headboxes_src"][:, :, 0] - 1


@pytest.mark.parametrize("tilt", [0, 30, 90, 200])
def test_the_head_box_has_the_diagonal_of_the_original(
    tmp_path: Path, groups: Any, mpii_skeleton: Skeleton, tilt: int
) -> None:
    angle = np.deg2rad(tilt)
    neck, axis = np.array([60.0, 50.0]), 16 * np.array([np.sin(angle), -np.cos(angle)])
    low, high = head(tmp_path, groups, mpii_skeleton, person_with_head(tuple(neck), tuple(neck + axis), 2))
    np.testing.assert_allclose((low + high) / 2, neck + axis / 2)
    assert np.hypot(*(high - low)) == pytest.approx(1.25 * 16)
    if tilt == 0:
        np.testing.assert_allclose(high - low, (12, 16))


def test_the_head_box_without_its_joints(tmp_path: Path, groups: Any, mpii_skeleton: Skeleton) -> None:
    box = head(tmp_path, groups, mpii_skeleton, person_with_head((0, 0), (0, 0), 0))
    # A sixth of the box's 60 px, upright, at the middle of its upper edge.
    np.testing.assert_allclose(box, [[30 - 3.75, 5], [30 + 3.75, 15]])


def test_the_rule_for_heads_is_that_of_the_original(shared: Path) -> None:
    """In the archive's validation people the diagonal is 1.25 times the length of the head, to rounding."""
    content = scipy.io.loadmat(shared / "data" / "mpii_val" / "detections_our_format.mat")
    labelled = (content["jnt_missing"][[NECK, HEAD_TOP]] == 0).all(axis=0)
    length = np.linalg.norm(content["pos_gt_src"][HEAD_TOP] - content["pos_gt_src"][NECK], axis=0)
    low, high = content["headboxes_src"][:, :, labelled]
    ratio = np.linalg.norm(high - low, axis=0) / length[labelled]
    assert np.median(ratio) == pytest.approx(1.25, abs=1e-4)


def test_the_json_of_the_release(archive: Path, groups: Any) -> None:
    for file, split in (("train", "train"), ("valid", "val")):
        records = json.loads((archive / "annot" / f"{file}.json").read_text())
        assert len(records) == 4
        for record, truth in zip(records, groups.split(split).people, strict=True):
            assert set(record) == {"image", "center", "scale", "joints", "joints_vis"}
            labelled = truth.visibility > 0
            assert record["joints_vis"] == labelled.astype(int).tolist()
            joints = np.array(record["joints"])
            np.testing.assert_allclose(joints[labelled] - 1, truth.keypoints[labelled])
            np.testing.assert_array_equal(joints[~labelled], -1)
    test = json.loads((archive / "annot" / "test.json").read_text())
    assert set(test[0]) == {"image", "center", "scale"}
    assert {path.name for path in (archive / "images").iterdir()} >= {record["image"] for record in test}


def test_the_truth_that_scores_are_made_of(archive: Path, groups: Any, shared: Path) -> None:
    """Shapes and names as in the original, values as in the source."""
    truth = scipy.io.loadmat(archive / "annot" / "gt_valid.mat")
    original = scipy.io.loadmat(shared / "data" / "mpii_val" / "detections_our_format.mat")
    for name in ("dataset_joints", "jnt_missing", "pos_gt_src", "headboxes_src"):
        assert truth[name].shape == (*original[name].shape[:-1], 16 if name == "dataset_joints" else 4)
        assert truth[name].dtype == original[name].dtype
    spelt = [[str(code[0]) for code in content["dataset_joints"][0]] for content in (truth, original)]
    assert spelt[0] == spelt[1]
    for index, person in enumerate(groups.split("val").people):
        labelled = person.visibility > 0
        np.testing.assert_array_equal(truth["jnt_missing"][:, index] == 0, labelled)
        np.testing.assert_allclose(truth["pos_gt_src"][labelled, :, index] - 1, person.keypoints[labelled])


def test_nobody_labelled_is_a_person_without_points(tmp_path: Path, groups: Any, mpii_skeleton: Skeleton) -> None:
    nobody = groups.split("train")[0]._replace(visibility=np.zeros(16, np.uint8))
    groups.split("train").people[:] = [nobody]
    write_mpii(groups, mpii_skeleton, tmp_path / "mpii", ("train",))
    content = scipy.io.loadmat(tmp_path / "mpii" / "mpii_human_pose_v1_u12_1.mat", struct_as_record=False)
    assert content["RELEASE"][0, 0].annolist[0, 0].annorect[0, 0].annopoints.size == 0
