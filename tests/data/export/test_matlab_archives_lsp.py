from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from posepyr.data.export import write_lsp
from posepyr.data.formats.pictures import read_picture
from posepyr.skeleton import Skeleton

# From the archive's README.
ORDER = [
    "Right ankle", "Right knee", "Right hip", "Left hip", "Left knee", "Left ankle", "Right wrist", "Right elbow",
    "Right shoulder", "Left shoulder", "Left elbow", "Left wrist", "Neck", "Head top",
]  # fmt: skip


@pytest.fixture
def archive(tmp_path: Path, groups: Any, mpii_skeleton: Skeleton) -> Path:
    assert write_lsp(groups, mpii_skeleton, tmp_path / "lsp", ("train", "test")) == {"train": 4, "test": 4}
    return tmp_path / "lsp"


def test_joints_lie_as_in_the_original(archive: Path, groups: Any, mpii_skeleton: Skeleton) -> None:
    joints = scipy.io.loadmat(archive / "joints.mat")["joints"]
    assert joints.shape == (3, 14, 8)
    assert joints.dtype == np.float64
    everybody = [groups.split(name)[index] for name in ("train", "test") for index in range(4)]
    for column, person in enumerate(everybody):
        for row, name in enumerate(ORDER):
            joint = mpii_skeleton.index(name.lower().replace(" ", "_"))
            x, y, hidden = joints[:, row, column]
            if person.visibility[joint] == 0:
                assert (x, y, hidden) == (0, 0, 1)
            else:
                np.testing.assert_allclose((x - 1, y - 1), person.keypoints[joint])
                # In LSP the third row marks what is hidden; in its extension, what is visible.
                assert hidden == (person.visibility[joint] == 1)


def test_one_picture_per_person_in_order(archive: Path, groups: Any) -> None:
    names = sorted(path.name for path in (archive / "images").iterdir())
    assert names == [f"im{number:04d}.jpg" for number in range(1, 9)]
    last = groups.split("test")
    difference = read_picture(archive / "images" / "im0008.jpg").astype(int) - last.view(last[3]).pixels
    assert np.abs(difference).mean() < 2


def test_a_skeleton_without_the_joints_is_refused(tmp_path: Path, groups: Any) -> None:
    hands = Skeleton("hands", ("left_hand", "neck"))
    with pytest.raises(ValueError, match=r"joints of LSP, got 'hands' without right_ankle.*write the data as COCO"):
        write_lsp(groups, hands, tmp_path / "lsp", ("train",))
    assert not (tmp_path / "lsp").exists()
