"""Files of results beside annotation files, in both layouts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posepyr.data.formats.posetrack_videos import read_frames
from posepyr.metrics.posetrack import scores
from posepyr.metrics.posetrack_frames import NOT_FOLLOWED
from posepyr.skeleton import POSETRACK_JOINTS

Content = dict[str, Any]
Person = dict[str, tuple[float, ...]]

# Every other joint of the files of 2018 is in another place than in posepyr's order: ears stand between.
NAMES = [*POSETRACK_JOINTS[:3], "left_ear", "right_ear", *POSETRACK_JOINTS[3:]]
IDS = [
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
    "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "head_bottom", "nose", "head_top",
]  # fmt: skip

# Frame, track and joints by name; the head's rectangle is 30 x 40 everywhere, its size 0.6 x 50.
TRUTH: list[tuple[int, int, Person]] = [
    (2, 4, {"nose": (40, 60), "left_ankle": (50, 90)}),
    (0, 4, {"nose": (10, 20), "left_ankle": (30, 40)}),
    (2, 5, {"right_wrist": (70, 80)}),
]
# With the joints' scores.
FOUND: list[tuple[int, int, Person]] = [
    (0, 1, {"nose": (11, 20, 0.5), "left_ankle": (30, 41, 0.25)}),
    (2, 1, {"nose": (41, 60, 0.75)}),
]
REGION = [(500.0, 500.0), (600.0, 500.0), (600.0, 600.0)]


def of_2018(people: list[tuple[int, int, Person]], annotated: bool) -> Content:
    images = [{"id": 70 + number, "file_name": f"images/val/v/{number:06d}.jpg"} for number in range(3)]
    annotations = []
    for number, (frame, track, joints) in enumerate(people):
        triples = [value for name in NAMES for value in (*joints.get(name, (0, 0))[:2], float(name in joints))]
        person = {"id": number, "image_id": 70 + frame, "category_id": 1, "track_id": track, "keypoints": triples}
        if annotated:
            person |= {"bbox_head": [5, 5, 30, 40], "scores": []}
        else:
            person |= {"scores": [joints.get(name, (0, 0, 0))[2] for name in NAMES]}
        annotations.append(person)
    if annotated:
        images[0] |= {"ignore_regions_x": [[x for x, _ in REGION]], "ignore_regions_y": [[y for _, y in REGION]]}
    categories = [{"id": 1, "name": "person", "keypoints": NAMES}]
    return {"categories": categories, "images": images, "annotations": annotations}


def of_2017(people: list[tuple[int, int, Person]], annotated: bool) -> Content:
    frames: list[Content] = [
        {"image": [{"name": f"images/val/v/{number:06d}.jpg"}], "annorect": []} for number in range(3)
    ]
    for frame, track, joints in people:
        points = [
            {"id": [IDS.index(name)], "x": [values[0]], "y": [values[1]]}
            | ({} if annotated else {"score": [values[2]]})
            for name, values in joints.items()
        ]
        head: Content = {"x1": [5], "y1": [5], "x2": [35], "y2": [45]} if annotated else {}
        frames[frame]["annorect"].append({"track_id": [track], "annopoints": [{"point": points}], **head})
    if annotated:
        frames[0]["ignore_regions"] = [{"point": [{"x": [x], "y": [y]} for x, y in REGION]}]
    return {"annolist": frames}


LAYOUTS = {"2018": of_2018, "2017": of_2017}
Write = Callable[[Content, Content], tuple[Path, Path]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(truth: Content, predictions: Content) -> tuple[Path, Path]:
        folders = tmp_path / "truth", tmp_path / "found"
        for folder, content in zip(folders, (truth, predictions), strict=True):
            folder.mkdir(exist_ok=True)
            (folder / "v.json").write_text(json.dumps(content))
        return folders

    return written


@pytest.mark.parametrize("predicted", LAYOUTS)
@pytest.mark.parametrize("annotated", LAYOUTS)
def test_both_layouts_say_the_same(annotated: str, predicted: str, write: Write) -> None:
    frames = read_frames(*write(LAYOUTS[annotated](TRUTH, True), LAYOUTS[predicted](FOUND, False)))
    assert [(frame.video, frame.name) for frame in frames] == [("v", f"images/val/v/00000{n}.jpg") for n in range(3)]
    assert [frame.truth.track.tolist() for frame in frames] == [[4], [], [4, 5]]
    assert [frame.found.track.tolist() for frame in frames] == [[1], [], [1]]
    assert [len(frame.ignored) for frame in frames] == [1, 0, 0]
    np.testing.assert_array_equal(frames[0].ignored[0], REGION)
    nose, ankle, wrist = (POSETRACK_JOINTS.index(name) for name in ("nose", "left_ankle", "right_wrist"))
    first, last = frames[0], frames[2]
    assert np.flatnonzero(first.truth.present[0]).tolist() == [nose, ankle]
    # Somebody with a single joint has no box, but is there.
    assert np.flatnonzero(last.truth.present[1]).tolist() == [wrist]
    np.testing.assert_array_equal(last.truth.keypoints[0, [nose, ankle]], [[40, 60], [50, 90]])
    np.testing.assert_array_equal(first.truth.head_size, [30])
    assert np.flatnonzero(first.found.present[0]).tolist() == [nose, ankle]
    np.testing.assert_array_equal(first.found.keypoints[0, [nose, ankle]], [[11, 20], [30, 41]])
    np.testing.assert_array_equal(first.found.scores[0, [nose, ankle]], [0.5, 0.25])
    assert last.found.scores[0, nose] == 0.75
    # Of the noses 2 of 2 are found, of the ankles 1 of 2, of the wrists none.
    result = scores(frames, POSETRACK_JOINTS)
    assert [result[f"map/{name}"] for name in ("head", "ankle", "wrist")] == [1, 0.5, 0]
    assert [result[f"mota/{name}"] for name in ("head", "ankle", "wrist")] == [1, 0.5, 0]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tracks_scores_and_numbers_of_results_may_be_missing(layout: str, write: Write) -> None:
    found = LAYOUTS[layout](FOUND, False)
    for person in found.get("annotations", []):
        del person["track_id"], person["scores"], person["id"]
    for frame in found.get("annolist", []):
        for person in frame["annorect"]:
            del person["track_id"]
            for point in person["annopoints"][0]["point"]:
                del point["score"]
    frames = read_frames(*write(LAYOUTS[layout](TRUTH, True), found))
    assert frames[0].found.track.tolist() == [NOT_FOLLOWED]
    assert np.isneginf(frames[0].found.scores).all()
    assert not {"mota", "recall"} & scores(frames, POSETRACK_JOINTS).keys()


def test_scores_may_stand_with_the_coordinates_as_well(write: Write) -> None:
    found = of_2018(FOUND, False)
    found["annotations"][0]["keypoints"][2] = 0.5
    frames = read_frames(*write(of_2018(TRUTH, True), found))
    assert frames[0].found.present[0, POSETRACK_JOINTS.index("nose")]


def test_scores_of_annotations_are_not_looked_at(write: Write) -> None:
    truth = of_2018(TRUTH, True)
    truth["annotations"][0]["scores"] = [1]
    assert len(read_frames(*write(truth, of_2018(FOUND, False)))) == 3


def test_two_files_are_a_video(write: Write) -> None:
    truth, found = write(of_2018(TRUTH, True), of_2018(FOUND, False))
    assert len(read_frames(truth / "v.json", found / "v.json")) == 3


def rename(content: Content) -> None:
    content["images"][1]["file_name"] = "images/val/v/000009.jpg"


FAULTS: dict[str, tuple[Callable[[Content, Content], Any], str]] = {
    "no head": (
        lambda truth, _: truth["annotations"][1].pop("bbox_head"),
        r"truth/v\.json: bbox_head .*must be given for everybody.* of 1 people, first person 1 in images/val/v/000000",
    ),
    "a head without extent": (
        lambda truth, _: truth["annotations"][1].update(bbox_head=[1, 1, 0, 0]),
        r"truth/v\.json: bbox_head .*must be given for everybody",
    ),
    "too few pictures": (
        lambda _, found: found["images"].pop(1),
        r"found/v\.json must list all 3 pictures of its video, got 2",
    ),
    "another picture": (
        lambda _, found: rename(found),
        r"found/v\.json must list its video's pictures in the order .*got 000009\.jpg for 000001\.jpg at place 1",
    ),
    "scores of some joints": (
        lambda _, found: found["annotations"][0]["scores"].pop(),
        r"found/v\.json: annotations\[0\] \(id 0\): scores must be a list of 17 numbers, got '16 entries'",
    ),
    "a score that is none": (
        lambda _, found: found["annotations"][1]["scores"].__setitem__(0, None),
        r"found/v\.json: annotations\[1\] \(id 1\): scores must hold finite numbers",
    ),
    "a track of text": (
        lambda _, found: found["annotations"][0].update(track_id="a"),
        r"found/v\.json: annotations\[0\] \(id 0\): track_id must be a whole number, got 'a'",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named(fault: str, write: Write) -> None:
    truth, found = of_2018(TRUTH, True), of_2018(FOUND, False)
    spoil, message = FAULTS[fault]
    spoil(truth, found)
    with pytest.raises(ValueError, match=message):
        read_frames(*write(truth, found))


def test_missing_files_are_named(write: Write, tmp_path: Path) -> None:
    truth, found = write(of_2018(TRUTH, True), of_2018(FOUND, False))
    (truth / "w.json").write_text((truth / "v.json").read_text())
    with pytest.raises(ValueError, match=r"found must hold a file for each of the 2 videos .*lacks 1 .*first w\.json"):
        read_frames(truth, found)
    with pytest.raises(ValueError, match=r"nowhere must be a folder"):
        read_frames(truth, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty must hold annotation files that end in \.json, got none"):
        read_frames(tmp_path / "empty", found)


def test_real_annotations_are_found_by_themselves(shared: Path) -> None:
    folder = shared / "data" / "posetrack18_mini" / "annotations" / "val"
    frames = read_frames(folder, folder)
    annotated = [person for file in folder.glob("*.json") for person in json.loads(file.read_text())["annotations"]]
    assert sum(len(frame.truth.track) for frame in frames) == len(annotated) == 14
    labelled = sum(person["keypoints"][2::3].count(1) for person in annotated)
    assert sum(int(frame.truth.present.sum()) for frame in frames) == labelled
    result = scores(frames, POSETRACK_JOINTS)
    assert result.keys() >= {"map", "map/head", "map/ankle", "mota", "mota/head", "motp", "precision", "recall"}
    assert set(result.values()) == {1.0}


def test_real_annotations_moved_by_a_head_are_not_found(shared: Path) -> None:
    folder = shared / "data" / "posetrack18_mini" / "annotations" / "val"
    frames = read_frames(folder, folder)
    moved = [
        frame._replace(found=frame.found._replace(keypoints=frame.found.keypoints + 5000), ignored=())
        for frame in frames
    ]
    result = scores(moved, POSETRACK_JOINTS)
    # Nobody found, and as many wrong joints as there are missed ones.
    assert result["map"] == result["recall"] == 0
    assert result["mota"] == -1
