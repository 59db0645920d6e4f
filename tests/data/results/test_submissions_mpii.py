"""What MPII's server takes: the official test pictures, joints written in, read back by SciPy alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from posepyr.data.results.submissions import write_mpii_submission
from posepyr.data.sources.mpii import Mpii
from posepyr.records import Predictions
from posepyr.skeleton import MPII_JOINTS
from support import mpii_files as files


def somebody(offset: float) -> dict[str, Any]:
    """As in the test set: no joints, no head."""
    return files.complete(offset, x1=None, y1=None, x2=None, y2=None, annopoints=None)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Four pictures: one trains, one of three test pictures has two people and somebody without a place, one nobody."""
    (tmp_path / "images").mkdir()
    pictures = [
        files.picture("first.jpg", somebody(100)),
        files.picture("train.jpg", files.complete(200)),
        files.picture("empty.jpg"),
        files.picture("group.jpg", somebody(300), {"x1": np.uint16(5)}, somebody(400)),
    ]
    files.write_official(tmp_path / "mpii_human_pose_v1_u12_1.mat", pictures, [0, 1, 0, 0])
    return tmp_path


def found_in(archive: Path) -> tuple[Predictions, Any]:
    split = Mpii(str(archive)).split("test")
    poses = np.random.default_rng(0).uniform(0, 600, (len(split), 16, 2))
    return Predictions(np.arange(len(split)), poses, np.ones((len(split), 16))), split.measures


def test_everybody_is_in_the_file_at_their_place(archive: Path, tmp_path: Path) -> None:
    found, measures = found_in(archive)
    official = archive / "mpii_human_pose_v1_u12_1.mat"
    assert write_mpii_submission(tmp_path / "pred.mat", official, found, measures) == 3
    pred = scipy.io.loadmat(tmp_path / "pred.mat")["pred"]
    assert pred.shape == (1, 3)
    assert [str(picture["image"]["name"][0, 0][0]) for picture in pred[0]] == ["first.jpg", "empty.jpg", "group.jpg"]
    assert pred[0, 1]["annorect"].size == 0
    places = [(0, 0), (2, 0), (2, 2)]
    for number, (picture, rectangle) in enumerate(places):
        person = pred[0, picture]["annorect"][0, rectangle]
        points = person["annopoints"]["point"][0, 0]
        assert points.shape == (1, 16)
        assert [int(point["id"][0, 0]) for point in points[0]] == list(range(16))
        written = np.array([[point["x"][0, 0], point["y"][0, 0]] for point in points[0]])
        np.testing.assert_allclose(written, found.keypoints[number] + 1)
        assert person["scale"][0, 0] == 1.5
    assert pred[0, 2]["annorect"][0, 1]["annopoints"].size == 0


def test_joints_in_another_order_and_people_too(archive: Path, tmp_path: Path) -> None:
    found, measures = found_in(archive)
    official = archive / "mpii_human_pose_v1_u12_1.mat"
    write_mpii_submission(tmp_path / "one.mat", official, found, measures)
    order = np.random.default_rng(1).permutation(16)
    shuffled = Predictions(found.sample, found.keypoints[::-1][:, order], found.scores)
    backwards = {name: values[::-1] for name, values in measures.items()}
    names = tuple(MPII_JOINTS[index] for index in order)
    write_mpii_submission(tmp_path / "other.mat", official, shuffled, backwards, names)
    # The header has the time in it.
    assert (tmp_path / "one.mat").read_bytes()[128:] == (tmp_path / "other.mat").read_bytes()[128:]


def test_what_is_not_the_whole_test_set_is_refused(archive: Path, tmp_path: Path) -> None:
    found, measures = found_in(archive)
    official, path = archive / "mpii_human_pose_v1_u12_1.mat", tmp_path / "pred.mat"
    few = Predictions(*(field[:2] for field in found[:3]))
    with pytest.raises(ValueError, match=r"predictions must be of all 3 people of the test set, got 2"):
        write_mpii_submission(path, official, few, measures)
    fewer = {name: values[:2] for name, values in measures.items()}
    with pytest.raises(ValueError, match=r"of the 3 people whom .* got 2: 1 are missing and 0 are none"):
        write_mpii_submission(path, official, few, fewer)
    elsewhere = {**measures, "image": measures["image"] + 1}
    with pytest.raises(ValueError, match=r"got 3: 3 are missing and 3 are none of them"):
        write_mpii_submission(path, official, found, elsewhere)
    with pytest.raises(ValueError, match=r"measures must have image, the number in the official file"):
        write_mpii_submission(path, official, found, {"scale": measures["scale"]})
    with pytest.raises(ValueError, match=r"joints must be all of MPII's for its server, got none for left_wrist"):
        write_mpii_submission(path, official, found, measures, MPII_JOINTS[:-1])
    found.keypoints[2, 3, 1] = np.nan
    with pytest.raises(ValueError, match=r"predictions must be finite numbers, got others for person 2"):
        write_mpii_submission(path, official, found, measures)
    assert not path.exists()
