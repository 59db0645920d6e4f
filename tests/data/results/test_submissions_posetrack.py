"""PoseTrack's results: a file a video, every frame in it, and read back as they were."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posepyr.data.formats.posetrack_clip import Frame
from posepyr.data.formats.posetrack_videos import read_frames
from posepyr.data.results.submissions import write_posetrack_videos
from posepyr.records import Predictions
from posepyr.skeleton import POSETRACK_JOINTS

FRAMES = [
    Frame(video, number, 10 * place + number, f"images/{video}/{number:06d}.jpg", (100, 100), True, ())
    for place, video in enumerate(("000001_one", "000002_two"), start=1)
    for number in range(2)
]


def parts() -> dict[str, Any]:
    """Two people in the first frame, one in the last, nobody in those between."""
    generator = np.random.default_rng(0)
    found = Predictions(np.arange(3), generator.uniform(1, 99, (3, 15, 2)), generator.random((3, 15)))
    return {"frames": FRAMES, "found": found, "images": np.array([10, 10, 21]), "tracks": np.array([4, 0, 999])}


def test_videos_come_back(tmp_path: Path) -> None:
    given = parts()
    written = write_posetrack_videos(tmp_path / "results", **given)
    assert [file.name for file in written] == ["000001_one.json", "000002_two.json"]
    for file in written:
        content = json.loads(file.read_text())
        assert len(content["images"]) == 2
        assert len(content["categories"][0]["keypoints"]) == 17
    # The truth that they are read beside: the same people, with heads.
    for file in written:
        content = json.loads(file.read_text())
        for person in content["annotations"]:
            person["bbox_head"] = [0, 0, 3, 4]
        (tmp_path / "truth").mkdir(exist_ok=True)
        (tmp_path / "truth" / file.name).write_text(json.dumps(content))
    frames = read_frames(tmp_path / "truth", tmp_path / "results")
    assert [len(frame.found.keypoints) for frame in frames] == [2, 0, 0, 1]
    keypoints = np.concatenate([frame.found.keypoints for frame in frames])
    np.testing.assert_allclose(keypoints, given["found"].keypoints, atol=5e-4)
    np.testing.assert_allclose(np.concatenate([frame.found.scores for frame in frames]), given["found"].scores)
    assert np.concatenate([frame.found.track for frame in frames]).tolist() == [4, 0, 999]
    assert keypoints.shape[1] == len(POSETRACK_JOINTS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"tracks": np.array([4, 0, 1000])},
            r"tracks must number each of 3 people from 0 to 999, got 3 from 0",
        ),
        ({"tracks": np.array([4, 4, 1])}, r"tracks must differ between the people of a picture, got \[4, 4\] in 10"),
        ({"tracks": np.array([4, 0])}, r"tracks must number each of 3 people"),
        ({"images": np.array([10, 10, 22])}, r"images must be among the 4 frames, got 22"),
        ({"images": np.array([10, 10, 21, 21])}, r"predictions must be of all 4 people of the split, got 3"),
        (
            {"found": Predictions(np.arange(3), np.ones((3, 16, 2)), np.ones((3, 16)))},
            r"predictions must be of the 15 joints of PoseTrack, got 16",
        ),
    ],
)
def test_what_the_server_would_refuse(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_posetrack_videos(tmp_path / "results", **{**parts(), **changes})
    assert not (tmp_path / "results").exists()
