"""PoseTrack's scores by name."""

import numpy as np
import pytest

from posepyr.metrics.posetrack import scores
from support.followed import JOINTS, found, random_videos, true, unfollowed, video
from support.naive_posetrack import naive_ap, naive_mota

HEADS = ("head_top", "nose", "head_bottom")


def test_everybody_followed_is_one() -> None:
    frames = video(*[(true((1, 100), (2, 300)), found((7, 100), (8, 300)))] * 3)
    names = {"map", "map/head", "map/wrist", "mota", "mota/head", "mota/wrist", "motp", "precision", "recall"}
    assert scores(frames, JOINTS) == dict.fromkeys(names, 1.0)


@pytest.mark.parametrize("seed", [3, 4])
def test_means_are_over_joints(seed: int) -> None:
    frames = random_videos(seed)
    ap = [naive_ap(frames, joint) for joint in range(3)]
    mot = [naive_mota(frames, joint) for joint in range(3)]
    mota = [1 - (each["missed"] + each["switched"] + each["wrong"]) / each["annotated"] for each in mot]
    matched = [each["annotated"] - each["missed"] for each in mot]
    expected = {
        "map": np.mean(ap),
        "map/head": ap[0],
        "map/wrist": np.mean(ap[1:]),
        "mota": np.mean(mota),
        "mota/head": mota[0],
        "mota/wrist": np.mean(mota[1:]),
        "motp": np.mean([1 - each["distance"] / found for each, found in zip(mot, matched, strict=True)]),
        "precision": np.mean([found / (found + each["wrong"]) for each, found in zip(mot, matched, strict=True)]),
        "recall": np.mean([found / each["annotated"] for each, found in zip(mot, matched, strict=True)]),
    }
    assert scores(frames, JOINTS) == pytest.approx(expected, abs=1e-12)


def test_nose_and_both_ends_of_the_head_are_the_head() -> None:
    guess = found((7, 100))
    guess.present[0, 1] = False
    result = scores(video((true((1, 100)), guess)), HEADS)
    assert result["map/head"] == result["map"] == pytest.approx(2 / 3)
    assert not {"map/nose", "mota/head_top"} & result.keys()


def test_people_who_are_not_followed_have_no_mota() -> None:
    frames = video((true((1, 100)), found((7, 100))))
    assert scores(unfollowed(frames), JOINTS) == {"map": 1, "map/head": 1, "map/wrist": 1}
    with pytest.raises(ValueError, match=r"v/1\.jpg: track_id must be given for all found people or for none"):
        scores(video((true((1, 100)), found((7, 100))), (true((1, 100)), found((-1, 100)))), JOINTS)


def test_joints_that_are_never_annotated_are_in_no_mean() -> None:
    truth = true((1, 100))
    truth.present[0, 1:] = False
    result = scores(video((truth, found((7, 100)))), JOINTS)
    assert result["map"] == result["mota"] == 1
    assert "map/wrist" not in result
    # What is found of them is wrong all the same.
    assert result["precision"] == pytest.approx(1 / 3)


def test_compat_reaches_the_counts() -> None:
    frames = video((true((1, 100)), found((7, 100))), (true((1, 100)), found()))
    assert scores(frames, JOINTS)["mota"] == 0.5
    assert scores(frames, JOINTS, compat=True)["mota"] == 1
    assert scores(frames, JOINTS, compat=True)["map"] == scores(frames, JOINTS)["map"] == 0.5
