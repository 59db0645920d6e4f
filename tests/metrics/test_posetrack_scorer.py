"""PoseTrack's AP as training takes it: numbers of loops over the same people, and what only the files tell."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posepyr.data.formats.people import truth_of
from posepyr.data.sources.posetrack import PoseTrack
from posepyr.metrics.posetrack import PoseTrackAP
from posepyr.metrics.posetrack_frames import NOT_FOLLOWED, FoundPeople, ScoredFrame, TruePeople
from posepyr.records import Predictions, Truth
from posepyr.skeleton import POSETRACK_JOINTS, Skeleton
from support.naive_posetrack import naive_ap

SKELETON = Skeleton("posetrack", POSETRACK_JOINTS)
NAMES = [*POSETRACK_JOINTS[:3], "left_ear", "right_ear", *POSETRACK_JOINTS[3:]]
"""The joints of the files, of which two are never labelled."""
HEAD = (30.0, 40.0)
"""Width and height of everybody's: half its size, 0.6 times the diagonal, is 15 pixels."""

Person = tuple[int, dict[str, tuple[float, float]]]
"""The frame that somebody is in, and where their joints are."""


def write_video(folder: Path, video: str, first: int, people: list[Person], **regions: Any) -> None:
    """A file in the layout of 2018, with three frames and regions to ignore in the first."""
    images = [{"id": first + number, "file_name": f"images/{video}/{number:06d}.jpg"} for number in range(3)]
    images[0] |= regions
    annotations = []
    for number, (frame, joints) in enumerate(people):
        triples = [value for name in NAMES for value in (*joints.get(name, (0, 0)), float(name in joints))]
        annotations.append(
            {"id": number, "image_id": first + frame, "category_id": 1, "track_id": number, "keypoints": triples,
             "bbox_head": [0, 0, *HEAD]}
        )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "keypoints": NAMES}]}
    (folder / f"{video}.json").write_text(json.dumps(content))


def split_of(root: Path) -> Truth:
    source = PoseTrack(str(root), box="joints")
    return source.complete("val", truth_of(source.split("val")))


def as_found(truth: Truth, shift: float = 0.0) -> Predictions:
    people = len(truth.boxes)
    return Predictions(
        np.arange(people), truth.keypoints + np.array([shift, 0.0]), np.ones((people, len(POSETRACK_JOINTS)))
    )


def body(x: float, y: float, generator: np.random.Generator) -> dict[str, tuple[float, float]]:
    places = generator.uniform(0, 60, (len(POSETRACK_JOINTS), 2)) + np.array([x, y])
    return {joint: (float(place[0]), float(place[1])) for joint, place in zip(POSETRACK_JOINTS, places, strict=True)}


@pytest.fixture
def truth(tmp_path: Path) -> Truth:
    """Two videos, of two people and of one."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "annotations" / "val"
    write_video(folder, "a", 10, [(0, body(100, 100, generator)), (0, body(300, 100, generator))])
    write_video(folder, "b", 20, [(2, body(100, 100, generator))])
    return split_of(tmp_path)


def test_the_truth_is_found_within_half_a_head_and_not_beyond(truth: Truth) -> None:
    kinds = {"head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"}
    perfect = dict.fromkeys(["map", *(f"map/{kind}" for kind in kinds)], 1.0)
    score = PoseTrackAP(SKELETON)
    assert score(as_found(truth), truth) == perfect
    assert score(as_found(truth, shift=14.99), truth) == perfect
    assert score(as_found(truth, shift=15.01), truth) == dict.fromkeys(perfect, 0.0)


def test_loops_over_plain_numbers_say_the_same(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    square = {"ignore_regions_x": [[0, 90, 90, 0]], "ignore_regions_y": [[0, 0, 90, 90]]}
    expected: list[ScoredFrame] = []
    found = []
    for video in range(4):
        people = [(int(frame), body(*generator.uniform(0, 60, 2), generator)) for frame in sorted([0, 0, 1, 2, 2])]
        write_video(tmp_path / "annotations" / "val", f"v{video}", 10 * video + 10, people, **square)
        places = np.array([[person[1][joint] for joint in POSETRACK_JOINTS] for person in people])
        guesses = places + generator.normal(0, 8, places.shape)
        heights = generator.integers(0, 5, places.shape[:2]) / 4
        found.append((guesses, heights))
        for frame in range(3):
            chosen = np.array([person[0] == frame for person in people])
            present = np.ones((chosen.sum(), len(POSETRACK_JOINTS)), np.bool_)
            size = np.full(len(present), 30.0)
            track = np.full(len(present), NOT_FOLLOWED)
            real = TruePeople(places[chosen], present, track, size)
            guess = FoundPeople(guesses[chosen], present, track, heights[chosen])
            region = np.array([[0.0, 0], [90, 0], [90, 90], [0, 90]])
            expected.append(ScoredFrame(f"v{video}", str(frame), real, guess, () if frame else (region,)))
    keypoints, scores = (np.concatenate(each) for each in zip(*found, strict=True))
    result = PoseTrackAP(SKELETON)(Predictions(np.arange(20), keypoints, scores), split_of(tmp_path))
    aps = np.array([naive_ap(expected, joint) for joint in range(len(POSETRACK_JOINTS))])
    assert 0.2 < aps.mean() < 0.9
    assert result["map"] == pytest.approx(aps.mean(), abs=1e-12)
    wrists = [POSETRACK_JOINTS.index("left_wrist"), POSETRACK_JOINTS.index("right_wrist")]
    assert result["map/wrist"] == pytest.approx(aps[wrists].mean(), abs=1e-12)
    assert result["map/head"] == pytest.approx(aps[:3].mean(), abs=1e-12)


def test_people_whom_no_box_shows_are_missed(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    people = [(0, body(100, 100, generator)), (1, {"nose": (50.0, 50.0)})]
    write_video(tmp_path / "annotations" / "val", "a", 10, people)
    truth = split_of(tmp_path)
    assert len(truth.boxes) == 1
    scores = PoseTrackAP(SKELETON)(as_found(truth), truth)
    assert scores["map/ankle"] == 1
    # One of two noses, both head bottoms, both head tops.
    assert scores["map/head"] == pytest.approx((0.5 + 1 + 1) / 3)


def test_of_a_part_of_the_people_only_their_frames_count(truth: Truth) -> None:
    score = PoseTrackAP(SKELETON)
    found = as_found(truth)

    def score_of(chosen: slice) -> dict[str, float]:
        return score(Predictions(found.sample[chosen], found.keypoints[chosen], found.scores[chosen]), truth)

    assert score_of(slice(2, 3))["map"] == 1
    # The other person of that frame was not found; the frame of the third was not looked at.
    assert score_of(slice(0, 1))["map"] == pytest.approx(0.5)
    assert score_of(slice(0, 0)) == {}


def test_joints_of_another_skeleton_are_found_by_name(truth: Truth) -> None:
    legs = Skeleton("legs", ("right_ankle", "tail", "left_ankle"))
    columns = [POSETRACK_JOINTS.index("right_ankle"), 0, POSETRACK_JOINTS.index("left_ankle")]
    found = as_found(truth)
    scores = PoseTrackAP(legs)(found._replace(keypoints=found.keypoints[:, columns]), truth)
    assert (scores["map/ankle"], scores["map/knee"]) == (1, 0)
    assert scores["map"] == pytest.approx(2 / 15)
    with pytest.raises(ValueError, match=r"skeleton 'hands' must have joints of PoseTrack .* got thumb; PoseTrack has"):
        PoseTrackAP(Skeleton("hands", ("thumb",)))


def test_data_without_videos_are_refused(truth: Truth) -> None:
    with pytest.raises(ValueError, match=r"must have data of videos .* score with metrics=pck"):
        PoseTrackAP(SKELETON)(as_found(truth), truth._replace(videos=None))
    elsewhere = truth._replace(measures={"image": truth.measures["image"] + 100})
    with pytest.raises(ValueError, match=r"annotation files must have the frames .* got none for 110"):
        PoseTrackAP(SKELETON)(as_found(truth), elsewhere)


def test_distances_are_measured_in_heads(truth: Truth) -> None:
    distance, unit = PoseTrackAP(SKELETON).measure(as_found(truth, shift=3), truth)
    np.testing.assert_allclose(distance, 3)
    assert unit.tolist() == [30, 30, 30]
    found_boxes = truth._replace(measures={"image": truth.measures["image"]})
    assert np.isnan(PoseTrackAP(SKELETON).measure(as_found(truth), found_boxes)[1]).all()
