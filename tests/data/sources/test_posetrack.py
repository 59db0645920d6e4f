import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posepyr.data.sources.posetrack import PoseTrack
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE
from posepyr.skeleton import POSETRACK_JOINTS

Content = dict[str, Any]

# As the files of 2018 name them; ears are never labelled.
NAMES = [
    "nose", "head_bottom", "head_top", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
]  # fmt: skip
# The ids of the files of 2017, as the benchmark's scorer lists them.
IDS = [
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
    "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "head_bottom", "nose", "head_top",
]  # fmt: skip

# Everybody: frame, track, rectangle of the head (x1, y1, x2, y2), joints by name as (x, y, visible).
PEOPLE: list[tuple[int, int, list[float], dict[str, tuple[float, float, int]]]] = [
    (2, 4, [30, 10, 33, 14], {"left_hip": (100, 50, 1), "right_ankle": (140, 250, 0), "nose": (120, 80.5, 1)}),
    (0, 4, [10, 20, 16, 28], {"left_hip": (10, 20, 1), "head_bottom": (30, 120, 1)}),
    (2, 0, [0, 0, 5, 12], {"head_top": (0, 300, 1), "left_wrist": (50, 300, 1)}),
]
REGION = [(1.0, 2.0), (50.0, 2.0), (20.0, 40.0)]


def of_2018(video: str, first: int) -> Content:
    """A video of four frames, three of them labelled; frames are numbered from ``first``."""
    images = [
        {
            "id": first + number,
            "frame_id": first + number,
            "file_name": f"images/val/{video}/{number:06d}.jpg",
            "vid_id": video[:6],
            "nframes": 4,
            "is_labeled": number != 1,
            "has_no_densepose": True,
        }
        for number in range(4)
    ]
    images[2] |= {"ignore_regions_x": [[x for x, _ in REGION]], "ignore_regions_y": [[y for _, y in REGION]]}
    annotations = []
    for number, (frame, track, (x1, y1, x2, y2), joints) in enumerate(PEOPLE):
        triples = [value for name in NAMES for value in joints.get(name, (0, 0, 0))]
        annotations.append(
            {
                "id": 100 * first + number,
                "image_id": first + frame,
                "category_id": 1,
                "track_id": track,
                "keypoints": triples,
                "bbox_head": [x1, y1, x2 - x1, y2 - y1],
                "scores": [],
            }
        )
    categories = [{"id": 1, "name": "person", "keypoints": NAMES, "skeleton": []}]
    return {"categories": categories, "images": images, "annotations": annotations}


def of_2017(video: str) -> Content:
    """The same video in the layout of the year before."""
    frames: list[Content] = [
        {
            "image": [{"name": f"images/val/{video}/{number:06d}.jpg"}],
            "imgnum": [number + 1],
            "annorect": [],
            "is_labeled": [int(number != 1)],
        }
        for number in range(4)
    ]
    frames[2]["ignore_regions"] = [{"point": [{"x": [x], "y": [y]} for x, y in REGION]}]
    for frame, track, (x1, y1, x2, y2), joints in PEOPLE:
        points = [
            {"id": [IDS.index(name)], "x": [x], "y": [y], "is_visible": [visible]}
            for name, (x, y, visible) in joints.items()
        ]
        frames[frame]["annorect"].append(
            {"x1": [x1], "y1": [y1], "x2": [x2], "y2": [y2], "track_id": [track], "annopoints": [{"point": points}]}
        )
    return {"annolist": frames}


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    def write(**videos: Any) -> Path:
        folder = tmp_path / "annotations" / "val"
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in videos.items():
            (folder / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))
        return tmp_path

    return write


def test_people_come_frame_by_frame(archive: Callable[..., Path]) -> None:
    root = archive(v2=of_2018("v2", 70), v1=of_2018("v1", 90))
    split = PoseTrack(str(root)).split("val")
    assert split.joints == POSETRACK_JOINTS
    assert len(split) == 6
    measures = split.measures
    np.testing.assert_array_equal(measures["video"], [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(measures["image"], [90, 92, 92, 70, 72, 72])
    np.testing.assert_array_equal(measures["track"], [4, 4, 0] * 2)
    np.testing.assert_array_equal(measures["person"], [9001, 9000, 9002, 7001, 7000, 7002])
    # 0.6 of the diagonals 10, 5 and 13.
    np.testing.assert_allclose(measures["head_size"], [6, 3, 7.8] * 2)
    assert split[1].image == f"{root}/images/val/v1/000002.jpg"
    person = split[1]
    expected = dict.fromkeys(POSETRACK_JOINTS, NOT_LABELLED) | {
        "left_hip": VISIBLE,
        "nose": VISIBLE,
        "right_ankle": OCCLUDED,
    }
    assert dict(zip(POSETRACK_JOINTS, person.visibility.tolist(), strict=True)) == expected
    np.testing.assert_array_equal(person.keypoints[POSETRACK_JOINTS.index("nose")], [120, 80.5])


def test_videos_without_annotations_are_told(archive: Callable[..., Path]) -> None:
    content = of_2018("v", 0)
    assert PoseTrack(str(archive(v=content))).labelled("val")
    content["annotations"] = []
    source = PoseTrack(str(archive(v=content)))
    assert not source.labelled("val")
    assert source.videos("val") == source.folder / "annotations" / "val"


def test_frames_without_people_are_there(archive: Callable[..., Path]) -> None:
    split = PoseTrack(str(archive(v2=of_2018("v2", 70), v1=of_2018("v1", 90)))).split("val")
    assert [(frame.video, frame.number, frame.image) for frame in split.frames] == [
        *(("v1", number, 90 + number) for number in range(4)),
        *(("v2", number, 70 + number) for number in range(4)),
    ]
    assert [frame.labelled for frame in split.frames] == [True, False, True, True] * 2
    assert [len(frame.ignored) for frame in split.frames] == [0, 0, 1, 0] * 2
    np.testing.assert_array_equal(split.frames[2].ignored[0], REGION)


def test_both_years_have_the_same_people(archive: Callable[..., Path]) -> None:
    new = PoseTrack(str(archive(v=of_2018("v", 0)))).split("val")
    old = PoseTrack(str(archive(v=of_2017("v")))).split("val")
    assert len(old) == len(new) == 3
    for index in range(3):
        for field, expected in new[index]._asdict().items():
            np.testing.assert_array_equal(getattr(old[index], field), expected)
    for name in ("video", "image", "track", "head_size"):
        np.testing.assert_array_equal(old.measures[name], new.measures[name])
    # The files of 2017 do not number people: their places in the frame.
    np.testing.assert_array_equal(old.measures["person"], [0, 0, 1])
    for got, frame in zip(old.frames, new.frames, strict=True):
        assert got._replace(ignored=()) == frame._replace(ignored=())
        np.testing.assert_array_equal(got.ignored, frame.ignored)


def test_the_files_of_2017_count_their_pictures_on(archive: Callable[..., Path]) -> None:
    split = PoseTrack(str(archive(v1=of_2017("v1"), v2=of_2017("v2")))).split("val")
    assert [frame.image for frame in split.frames] == list(range(8))
    np.testing.assert_array_equal(split.measures["image"], [0, 2, 2, 4, 6, 6])


def test_boxes_reach_15_percent_beyond_the_joints(archive: Callable[..., Path]) -> None:
    content = of_2018("v", 0)
    split = PoseTrack(str(archive(v=content))).split("val")
    # From (10, 20) to (30, 120).
    np.testing.assert_allclose(split[0].box, [10 - 3, 20 - 15, 1.3 * 20, 1.3 * 100])
    # A person whose joints lie on a line has a box as thin.
    np.testing.assert_allclose(split[2].box, [-7.5, 300, 65, 0])
    content["annotations"][1]["bbox"] = [-4, 5, 6, 7]
    np.testing.assert_array_equal(PoseTrack(str(archive(v=content))).split("val")[0].box, [-4, 5, 6, 7])
    drawn = PoseTrack(str(archive(v=content)), box="joints").split("val")
    np.testing.assert_array_equal(drawn[0].box, split[0].box)
    with pytest.raises(ValueError, match=r"box must be stated or joints, got 'head'"):
        PoseTrack(box="head")  # type: ignore[arg-type]


@pytest.mark.parametrize("layout", ["2017", "2018"])
def test_15_percent_may_be_of_the_whole_length(archive: Callable[..., Path], layout: str) -> None:
    content = {"2017": of_2017, "2018": lambda video: of_2018(video, 0)}[layout]("v")
    root = archive(v=content)
    # From (10, 20) to (30, 120): half of 15% at either end, so that the box is 1.15 times as long.
    split = PoseTrack(str(root), box="joints", margin=0.075).split("val")
    np.testing.assert_allclose(split[0].box, [10 - 1.5, 20 - 7.5, 1.15 * 20, 1.15 * 100])
    np.testing.assert_allclose(PoseTrack(str(root), box="joints", margin=0.0).split("val")[0].box, [10, 20, 20, 100])
    (root / "boxes.json").write_text(json.dumps([{"image_id": 0, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}]))
    detected = PoseTrack(str(root), box="joints", margin=0.075, detections="boxes.json")
    np.testing.assert_array_equal(detected.in_boxes("annotated").split("val")[0].box, split[0].box)
    with pytest.raises(ValueError, match=r"margin must not be negative, got -0\.1"):
        PoseTrack(margin=-0.1)


@pytest.mark.parametrize("layout", ["2017", "2018"])
def test_who_is_left_out_is_counted(archive: Callable[..., Path], layout: str) -> None:
    new, old = of_2018("v", 0), of_2017("v")
    new["annotations"][0]["keypoints"] = [0] * 51
    old["annolist"][2]["annorect"][0]["annopoints"] = []
    new["annotations"][2]["keypoints"] = [7, 8, 1] + [0] * 48
    old["annolist"][2]["annorect"][1]["annopoints"] = [{"point": [{"id": [13], "x": [7], "y": [8]}]}]
    split = PoseTrack(str(archive(v=new if layout == "2018" else old))).split("val")
    assert split.skipped == {"without labelled joints": 1, "with boxes that have no area": 1}
    np.testing.assert_array_equal(split.measures["image"], [0])
    np.testing.assert_allclose(split.measures["head_size"], [6])


def test_heads_may_be_missing(archive: Callable[..., Path]) -> None:
    new, old = of_2018("v1", 50), of_2017("v2")
    del new["annotations"][1]["bbox_head"]
    del old["annolist"][0]["annorect"][0]["x2"]
    split = PoseTrack(str(archive(v1=new, v2=old))).split("val")
    np.testing.assert_allclose(split.measures["head_size"], [np.nan, 3, 7.8, np.nan, 3, 7.8])


def test_a_video_without_people_has_frames(archive: Callable[..., Path]) -> None:
    empty: Content = {"images": of_2018("v2", 70)["images"]}
    split = PoseTrack(str(archive(v1=of_2018("v1", 90), v2=empty))).split("val")
    assert (len(split), len(split.frames)) == (3, 8)
    # Nobody says whether they were looked at: nobody is in them.
    for image in empty["images"]:
        del image["is_labeled"]
    split = PoseTrack(str(archive(v2=empty))).split("val")
    assert [frame.labelled for frame in split.frames[4:]] == [False] * 4
    (archive() / "annotations" / "val" / "v1.json").unlink()
    with pytest.raises(ValueError, match=r"annotations/val must hold a person with a labelled joint, got none"):
        PoseTrack(str(archive())).split("val")


def test_one_file_may_hold_several_videos(tmp_path: Path) -> None:
    first, second = of_2018("v1", 90), of_2018("v2", 70)
    both = {key: first[key] + second[key] for key in ("images", "annotations")} | {"categories": first["categories"]}
    (tmp_path / "all.json").write_text(json.dumps(both))
    split = PoseTrack(str(tmp_path), annotations="all.json").split("val")
    assert [(frame.video, frame.number) for frame in split.frames] == [(v, n) for v in ("v1", "v2") for n in range(4)]
    np.testing.assert_array_equal(split.measures["video"], [0, 0, 0, 1, 1, 1])


def test_a_split_may_join_two(archive: Callable[..., Path]) -> None:
    root = archive(v1=of_2018("v1", 90))
    (root / "annotations" / "train").mkdir()
    (root / "annotations" / "train" / "v2.json").write_text(json.dumps(of_2018("v2", 70)))
    source = PoseTrack(str(root), splits={"train": "train+val"})
    both = source.split("train")
    assert [(frame.video, frame.number) for frame in both.frames] == [(v, n) for v in ("v2", "v1") for n in range(4)]
    assert (len(both), len(source.split("val"))) == (6, 3)
    assert source.published("train") == ()


def test_detections_are_looked_into_and_truth_is_kept(archive: Callable[..., Path]) -> None:
    root = archive(v1=of_2018("v1", 90))
    (root / "annotations" / "train").symlink_to(root / "annotations" / "val")
    boxes = [{"image_id": image, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5} for image in (93, 91, 93)]
    (root / "boxes.json").write_text(json.dumps(boxes))
    source = PoseTrack(str(root), detections="boxes.json")
    split = source.split("val")
    np.testing.assert_array_equal(split.measures["image"], [91, 93, 93])
    np.testing.assert_array_equal(split.measures["video"], [0, 0, 0])
    assert not any(split[index].visibility.any() for index in range(3))
    assert [frame.image for frame in split.frames] == [90, 91, 92, 93]
    assert len(source.truth("val")) == len(source.split("train")) == 3
    assert source.truth("val")[0].visibility.any()
    assert source.split("test") is split
    annotated = source.in_boxes("annotated")
    assert annotated.split("val") is source.truth("val")
    assert source.box_kinds("val") == ("annotated", "detected")


Spoil = Callable[[Content], Any]
NEW_FAULTS: dict[str, tuple[Spoil, str]] = {
    "no pictures": (lambda c: c.pop("images"), "images must be given"),
    "no joints": (lambda c: c.pop("categories"), "categories must be given"),
    "a joint that is missing": (
        lambda c: c["categories"][0].update(keypoints=NAMES[1:]),
        "must name every joint of the skeleton, but lacks nose",
    ),
    "no track": (lambda c: c["annotations"][1].pop("track_id"), r"annotations\[1\] .*track_id must be given"),
    "half a track": (
        lambda c: c["annotations"][1].update(track_id=0.5),
        r"annotations\[1\] .*track_id must be a whole number, got 0\.5",
    ),
    "an endless track": (lambda c: c["annotations"][1].update(track_id=10**30), "track_id must be a whole number"),
    "no id": (lambda c: c["annotations"][2].pop("id"), r"annotations\[2\]: id must be given"),
    "a head of three": (
        lambda c: c["annotations"][1].update(bbox_head=[1, 2, 3]),
        r"annotations\[1\] .*bbox_head must be a list of 4 numbers",
    ),
    "a picture of nowhere": (
        lambda c: c["annotations"][1].update(image_id=8),
        r"annotations\[1\] .*image_id must be the id of one of the file's images, got 8",
    ),
    "a picture that is a list": (
        lambda c: c["annotations"][1].update(image_id=[8]),
        r"annotations\[1\] .*image_id must be a whole number",
    ),
    "visibility 3": (lambda c: c["annotations"][1]["keypoints"].__setitem__(2, 3), "visibility 0, 1 or 2"),
    "regions in one axis": (
        lambda c: c["images"][2].pop("ignore_regions_y"),
        r"images\[2\]: ignore_regions_x must be a list as long as ignore_regions_y",
    ),
    "a region with a corner too few": (
        lambda c: c["images"][2]["ignore_regions_y"][0].pop(),
        r"images\[2\]: ignore_regions_x must be lists of as many x as y",
    ),
    "a region that is a number": (
        lambda c: c["images"][2].update(ignore_regions_x=[1], ignore_regions_y=[2]),
        r"images\[2\]: ignore_regions_x must be lists of as many x as y",
    ),
    "text for a corner": (
        lambda c: c["images"][2]["ignore_regions_x"][0].__setitem__(0, "1"),
        r"images\[2\]: ignore_regions_x must hold finite numbers",
    ),
}


@pytest.mark.parametrize("fault", NEW_FAULTS)
def test_faults_of_2018_are_named(archive: Callable[..., Path], fault: str) -> None:
    spoil, message = NEW_FAULTS[fault]
    content = of_2018("v", 0)
    spoil(content)
    with pytest.raises(ValueError, match=rf"val/v\.json: .*{message}"):
        PoseTrack(str(archive(v=content))).split("val")


def rectangle(content: Content) -> Content:
    found: Content = content["annolist"][0]["annorect"][0]
    return found


def point(content: Content) -> Content:
    found: Content = rectangle(content)["annopoints"][0]["point"][0]
    return found


OLD_FAULTS: dict[str, tuple[Spoil, str]] = {
    "no list": (lambda c: c.update(annolist={}), "annolist must be a list"),
    "a frame that is none": (lambda c: c["annolist"].__setitem__(1, 5), r"annolist\[1\]: it must map names"),
    "no picture": (lambda c: c["annolist"][1].pop("image"), r"annolist\[1\]: image must be given"),
    "two pictures": (
        lambda c: c["annolist"][1]["image"].append({}),
        r"annolist\[1\]: image must be a list of a single entry",
    ),
    "a picture without name": (lambda c: c["annolist"][1].update(image=[{}]), r"annolist\[1\]: name must be given"),
    "a number for a name": (
        lambda c: c["annolist"][1].update(image=[{"name": 3}]),
        r"annolist\[1\]: image\.name must name the picture's file",
    ),
    "a person that is none": (
        lambda c: c["annolist"][0].update(annorect=["x"]),
        r"annolist\[0\]\.annorect\[0\]: it must map names",
    ),
    "no track": (lambda c: rectangle(c).pop("track_id"), r"annorect\[0\]: track_id must be given"),
    "a bare track": (lambda c: rectangle(c).update(track_id=3), r"annorect\[0\]: track_id must be a list, got 3"),
    "half a track": (lambda c: rectangle(c).update(track_id=[0.5]), r"annorect\[0\]: track_id must be a whole number"),
    "NaN in a head": (lambda c: rectangle(c).update(x1=[float("nan")]), r"annorect\[0\]: x1 must hold finite numbers"),
    "points as a mapping": (lambda c: rectangle(c).update(annopoints={}), r"annopoints must be a list, got \{\}"),
    "joint 15": (
        lambda c: point(c).update(id=[15]),
        r"be different numbers of joints, 0 to 14, got \[15\.0,",
    ),
    "joint -1": (
        lambda c: point(c).update(id=[-1]),
        r"be different numbers of joints, 0 to 14, got \[-1",
    ),
    "a joint twice": (
        lambda c: rectangle(c)["annopoints"][0]["point"].append(point(c)),
        r"point\.id must be different numbers of joints",
    ),
    "no x": (lambda c: point(c).pop("x"), r"annorect\[0\]: x must be given"),
    "null for y": (
        lambda c: point(c).update(y=[None]),
        r"\[0\]: annopoints\.point\.y must hold finite numbers",
    ),
    "a region without y": (
        lambda c: c["annolist"][2]["ignore_regions"][0]["point"][1].pop("y"),
        r"annolist\[2\]: y must be given",
    ),
}


@pytest.mark.parametrize("fault", OLD_FAULTS)
def test_faults_of_2017_are_named(archive: Callable[..., Path], fault: str) -> None:
    spoil, message = OLD_FAULTS[fault]
    content = of_2017("v")
    spoil(content)
    with pytest.raises(ValueError, match=rf"val/v\.json: .*{message}"):
        PoseTrack(str(archive(v=content))).split("val")


def test_an_incomplete_archive_is_shown(archive: Callable[..., Path]) -> None:
    root = archive()
    with pytest.raises(ValueError, match=r"annotations/val must hold annotation files that end in \.json, got none"):
        PoseTrack(str(root)).split("val")
    with pytest.raises(ValueError, match=r"(?s)PoseTrack must lie complete.*annotations/train/ +MISSING"):
        PoseTrack(str(root)).split("train")
    with pytest.raises(ValueError, match="split must be one of train, val, test, got 'all'"):
        PoseTrack(str(root)).split("all")
    with pytest.raises(ValueError, match=r"val/v\.json must be whole, valid JSON"):
        PoseTrack(str(archive(v='{"images": ['))).split("val")
    (root / "annotations" / "val" / "v.json").unlink()
    with pytest.raises(ValueError, match=r"annotations/val: images\.id must differ .*got 91 in two files"):
        PoseTrack(str(archive(v1=of_2018("v1", 90), v2=of_2018("v2", 91)))).split("val")


def test_real_people(shared: Path) -> None:
    """Three frames of 2018 against the numbers in their files."""
    folder = shared / "data" / "posetrack18_mini"
    split = PoseTrack(str(folder)).split("val")
    files = sorted((folder / "annotations" / "val").glob("*.json"))
    raw = [entry for file in files for entry in json.loads(file.read_text())["annotations"]]
    assert len(split) == len(raw) == 14
    assert [frame.video for frame in split.frames] == [file.stem for file in files]
    drawn = PoseTrack(str(folder), box="joints").split("val")
    for index, entry in enumerate(raw):
        person = split[index]
        triples = np.reshape(entry["keypoints"], (17, 3))[[NAMES.index(joint) for joint in POSETRACK_JOINTS]]
        np.testing.assert_array_equal(person.visibility, 2 * triples[:, 2])
        np.testing.assert_array_equal(person.keypoints, triples[:, :2])
        np.testing.assert_array_equal(person.box, entry["bbox"])
        # The data set's own boxes are made by the rule.
        np.testing.assert_allclose(drawn[index].box, entry["bbox"], atol=1e-6)
        assert split.view(person).pixels.shape == (1080, 1920, 3)
    np.testing.assert_array_equal(split.measures["track"], [entry["track_id"] for entry in raw])
    assert [len(frame.ignored) for frame in split.frames] == [9, 2, 4]
