from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import scipy.io

from posepyr.data.export import write_lsp
from posepyr.data.formats.lsp import read_joints
from posepyr.data.formats.pictures import read_picture
from posepyr.data.sources.lsp import Lsp
from posepyr.geometry import CropRule, fit
from posepyr.nodes import LATER_ARGUMENTS
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE
from posepyr.skeleton import LSP_JOINTS, Skeleton


def write(folder: Path, joints: Any, name: str = "joints") -> Path:
    folder.mkdir(exist_ok=True)
    scipy.io.savemat(folder / "joints.mat", {name: joints})
    (folder / "images").mkdir(exist_ok=True)
    return folder


def standing(count: int) -> np.ndarray[Any, Any]:
    """``count`` people ``14 3 n`` as LSP-extended has them: joints in a column, further to the right each time."""
    rows = np.stack([np.full(14, 10.0), np.arange(14) * 5 + 20.0, np.ones(14)], axis=1)
    shift = np.arange(count)[None, None] * np.array([1.0, 0, 0])[None, :, None]
    return rows[:, :, None] + shift


def test_both_orders_of_axes_and_both_meanings_of_the_mark(tmp_path: Path) -> None:
    extended = standing(4)
    extended[3, :, 1] = [-4, 0, 0]
    extended[5, 2, 2] = 0
    original = extended.transpose(1, 0, 2).copy()
    keypoints, visibility = read_joints(write(tmp_path / "lspet", extended) / "joints.mat")[1:]
    assert keypoints.shape == (4, 14, 2)
    # Pixels are counted from 1 in the file.
    np.testing.assert_array_equal(keypoints[2, 0], [11, 19])
    expected = np.full((4, 14), VISIBLE)
    expected[1, 3] = expected[2, 5] = NOT_LABELLED
    np.testing.assert_array_equal(visibility, expected)

    keypoints_original, visibility = read_joints(write(tmp_path / "lsp", original) / "joints.mat")[1:]
    np.testing.assert_array_equal(keypoints_original[0], keypoints[0])
    expected = np.full((4, 14), OCCLUDED)
    expected[2, 5] = VISIBLE
    # Marked or not, a joint left of or above the picture is not labelled.
    expected[1, 3] = NOT_LABELLED
    np.testing.assert_array_equal(visibility, expected)


def test_a_joint_on_the_first_pixel_is_inside(tmp_path: Path) -> None:
    joints = standing(2)
    joints[0, :2, 0] = [1, 0.6]
    joints[0, :2, 1] = [1, 0.4]
    visibility = read_joints(write(tmp_path, joints) / "joints.mat").visibility
    np.testing.assert_array_equal(visibility[:, 0], [VISIBLE, NOT_LABELLED])


def test_a_single_person_without_a_third_axis(tmp_path: Path) -> None:
    labels = read_joints(write(tmp_path, standing(1)[:, :, 0]) / "joints.mat")
    assert labels.keypoints.shape == (1, 14, 2)


def test_what_is_written_is_read_back(tmp_path: Path, groups: Any, mpii_skeleton: Skeleton) -> None:
    write_lsp(groups, mpii_skeleton, tmp_path / "lsp", ("train", "test"))
    source = Lsp(str(tmp_path / "lsp"), splits={"train": (0, 4), "test": (4, 8)}, box="joints")
    columns = [mpii_skeleton.index(joint) for joint in LSP_JOINTS]
    for name in ("train", "test"):
        split = source.split(name)
        assert split.joints == LSP_JOINTS
        for index in range(4):
            person, truth = split[index], groups.split(name)[index]
            labelled = truth.visibility[columns] != NOT_LABELLED
            np.testing.assert_array_equal(person.visibility, truth.visibility[columns])
            np.testing.assert_allclose(person.keypoints[labelled], truth.keypoints[columns][labelled])
            picture = groups.split(name).view(truth).pixels.astype(int)
            assert np.abs(split.view(person).pixels - picture).mean() < 2


def test_splits_of_the_archives(tmp_path: Path) -> None:
    lsp = Lsp(str(write(tmp_path / "lsp", standing(2000).transpose(1, 0, 2))), box="joints")
    assert [len(lsp.split(name)) for name in ("train", "val", "test")] == [1000, 1000, 1000]
    np.testing.assert_array_equal(lsp.split("train").measures["image"], np.arange(1, 1001))
    np.testing.assert_array_equal(lsp.split("test").measures["image"], np.arange(1001, 2001))
    assert lsp.split("test")[0].image.endswith("images/im1001.jpg")
    assert lsp.split("test")[0].keypoints[0, 0] == 9 + 1000
    assert lsp.split("test") is lsp.split("test")

    extended = Lsp(str(write(tmp_path / "lspet", standing(30))))
    assert len(extended.split("train")) == 30
    assert extended.split("train")[29].image.endswith("images/im00030.jpg")
    with pytest.raises(ValueError, match=r"one of train, got 'val'; .*30 people.*splits\.val=\[27,30\]"):
        extended.split("val")


@pytest.mark.parametrize("cut", [(0, 31), (-1, 5), (5, 5), (8, 3)])
def test_ranges_lie_within_the_people(tmp_path: Path, cut: tuple[int, int]) -> None:
    source = Lsp(str(write(tmp_path, standing(30))), splits={"val": cut})
    with pytest.raises(ValueError, match=r"splits\.val must lie within the 30 people of .*joints\.mat"):
        source.split("val")


def test_the_test_person_fills_the_picture(tmp_path: Path) -> None:
    folder = write(tmp_path, standing(2))
    cv2.imwrite(str(folder / "images" / "im00002.jpg"), np.zeros((121, 81, 3), np.uint8))
    split = Lsp(str(folder), splits={"test": (1, 2)}).split("test")
    centre, extent = fit(split[0].box, CropRule((256, 256), padding=1.25))
    # The centre of the picture's outer pixels, and a quarter more than between their centres on the long side.
    np.testing.assert_allclose(centre, [40, 60])
    np.testing.assert_allclose(extent, [1.25 * 120] * 2)
    # In training, and on demand, the box is drawn about the joints: a column of 65 pixels, and a tenth all round.
    about = [11 - 1 - 6.5, 20 - 1 - 6.5, 13, 78]
    np.testing.assert_allclose(Lsp(str(folder), splits={"test": (1, 2)}, box="joints").split("test")[0].box, about)
    np.testing.assert_allclose(Lsp(str(folder)).split("train")[1].box, about)


def test_lsps_training_and_test_people_are_cropped_at_one_scale(tmp_path: Path) -> None:
    folder = write(tmp_path, standing(2).transpose(1, 0, 2))
    for number in (1, 2):
        cv2.imwrite(str(folder / "images" / f"im000{number}.jpg"), np.zeros((121, 81, 3), np.uint8))
    splits = {"train": (0, 1), "test": (1, 2)}
    source = Lsp(str(folder), splits=splits)
    for name in ("train", "test"):
        centre, extent = fit(source.split(name)[0].box, CropRule((256, 256), padding=1.25))
        np.testing.assert_allclose(centre, [40, 60])
        np.testing.assert_allclose(extent, [1.25 * 120] * 2)
    assert (source.boxes("train"), source.boxes("test")) == ("whole-picture", "whole-picture")
    # As older folders go on: in training about the joints, a column of 65 pixels, and a tenth all round.
    apart = Lsp(str(folder), splits=splits, **LATER_ARGUMENTS["posepyr.data.sources.lsp.Lsp"])
    np.testing.assert_allclose(apart.split("train")[0].box, [10 - 1 - 6.5, 20 - 1 - 6.5, 13, 78])
    np.testing.assert_allclose(apart.split("test")[0].box, source.split("test")[0].box)
    assert (apart.boxes("train"), apart.boxes("test")) == ("joint-enclosing", "whole-picture")
    joints = Lsp(str(folder), splits=splits, box="joints")
    np.testing.assert_allclose(joints.split("train")[0].box, apart.split("train")[0].box)
    with pytest.raises(ValueError, match=r"train_box must be picture or joints, got 'whole'"):
        Lsp(str(folder), train_box="whole")  # type: ignore[arg-type]


def test_pictures_are_not_decoded_for_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path, standing(2).transpose(1, 0, 2))
    cv2.imwrite(str(folder / "images" / "im0001.jpg"), np.zeros((121, 81, 3), np.uint8))
    monkeypatch.setattr("posepyr.data.sources.lsp.read_picture", None)
    np.testing.assert_array_equal(Lsp(str(folder), splits={"train": (0, 1)}).split("train")[0].box, [0, 0, 80, 120])


def test_pictures_of_the_extension_are_not_cut_to_their_people(tmp_path: Path) -> None:
    source = Lsp(str(write(tmp_path, standing(2))))
    np.testing.assert_allclose(source.split("train")[0].box, [10 - 1 - 6.5, 20 - 1 - 6.5, 13, 78])
    assert source.boxes("train") == "joint-enclosing"


def test_who_is_left_out_is_counted(tmp_path: Path) -> None:
    joints = standing(4)
    joints[:, 2, 1] = 0
    joints[1:, 2, 3] = 0
    split = Lsp(str(write(tmp_path, joints))).split("train")
    assert split.skipped == {"without labelled joints": 1, "with joints that span no box": 1}
    np.testing.assert_array_equal(split.measures["image"], [1, 3])
    joints[:, 2] = 0
    with pytest.raises(ValueError, match=r"joints\.mat must hold a person with labelled joints for 'train', got none"):
        Lsp(str(write(tmp_path, joints))).split("train")


def spoilt(value: float, *place: int) -> np.ndarray[Any, Any]:
    joints = standing(3)
    joints[place] = value
    return joints


FAULTS: dict[str, tuple[Any, str]] = {
    "wrong axes": (np.zeros((3, 13, 5)), r"joints must be of 3 x 14 x n numbers .*got \[3, 13, 5\]"),
    "nobody": (np.zeros((14, 3, 0)), r"joints must be of 3 x 14 x n numbers .*got"),
    "a vector": (np.zeros(14), r"joints must be of 3 x 14 x n"),
    "text": ("joints", "joints must be numbers"),
    "complex numbers": (standing(2) + 1j, "joints must be numbers, got 'complex128'"),
    "a cell": (np.full((14, 3, 2), "x", object), "joints must be numbers, got 'object'"),
    "a struct": ({"x": 1}, "joints must be numbers"),
    "NaN": (spoilt(np.nan, 2, 1, 1), r"joints of person 1: right_hip must be a finite position .*nan"),
    "infinite": (spoilt(np.inf, 0, 0, 2), r"joints of person 2: right_ankle must be a finite position"),
    "far away": (spoilt(-1e7, 0, 0, 0), r"joints of person 0: right_ankle must be a finite position"),
    "a third mark": (spoilt(2, 13, 2, 0), r"joints of person 0: head_top must be marked by 0 or 1 .*got 2"),
    "NaN for a mark": (spoilt(np.nan, 13, 2, 0), r"head_top must be marked by 0 or 1"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named(tmp_path: Path, fault: str) -> None:
    joints, message = FAULTS[fault]
    with pytest.raises(ValueError, match=rf"joints\.mat.*{message}"):
        Lsp(str(write(tmp_path, joints))).split("train")


def test_another_variable_s_name_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="joints must be given, but is missing; did you mean joint"):
        Lsp(str(write(tmp_path, standing(2), name="joint"))).split("train")


def test_an_incomplete_archive_is_shown(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match=r"(?s)Leeds Sports Pose must lie complete.*joints\.mat +MISSING"):
        Lsp(str(tmp_path)).split("train")
    with pytest.raises(ValueError, match=r"box must be picture or joints, got 'whole'"):
        Lsp(str(tmp_path), box="whole")  # type: ignore[arg-type]


def test_real_people(shared: Path) -> None:
    """The first 1,000 of LSP-extended against the numbers in the file."""
    folder = shared / "data" / "lspet_mini"
    raw = scipy.io.loadmat(folder / "joints.mat")["joints"]
    source = Lsp(str(folder), splits={"train": (0, 900), "test": (900, 1000)})
    train, test = source.split("train"), source.split("test")
    assert (len(train), len(test)) == (900, 100)
    assert train.skipped == {}
    marked = (raw[:, 2] == 1) & (raw[:, 0] > 0.5) & (raw[:, 1] > 0.5)
    # Of the 12,287 that are marked, three lie above their picture.
    assert marked.sum() == raw[:, 2].sum() - 3
    for split, first in ((train, 0), (test, 900)):
        for index in range(0, len(split), 3):
            person, inside = split[index], marked[:, first + index]
            np.testing.assert_array_equal(person.visibility, np.where(inside, VISIBLE, NOT_LABELLED))
            np.testing.assert_allclose(person.keypoints[inside], raw[inside, :2, first + index] - 1)
            assert person.image.endswith(f"im{first + index + 1:05d}.jpg")
    height, width, _ = read_picture(folder / "images" / "im00906.jpg").shape
    np.testing.assert_array_equal(test[5].box, [0, 0, width - 1, height - 1])
