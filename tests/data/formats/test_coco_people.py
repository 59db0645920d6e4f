import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posepyr.data.formats.coco_file import Picture
from posepyr.data.formats.coco_people import read_detections
from posepyr.data.formats.people import People
from posepyr.data.sources.coco import Coco
from posepyr.skeleton import COCO_JOINTS

LISTED: dict[int | str, Picture] = {
    7: Picture("a.png", (80, 100)), 5: Picture("b.png", (80, 100)), 9: Picture("c.png", (80, 100))
}  # fmt: skip


def detection(image: Any, score: Any, bbox: Any = None, category: Any = 1) -> dict[str, Any]:
    box = [10.5, 20, 30, 40] if bbox is None else bbox
    return {"image_id": image, "category_id": category, "bbox": box, "score": score}


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., People]:
    def read(content: Any, threshold: float = 0.0) -> People:
        file = tmp_path / "boxes.json"
        file.write_text(json.dumps(content))
        return read_detections(file, LISTED, tmp_path, ("nose", "tail"), threshold)

    return read


def test_every_box_is_a_person_without_labels(read: Callable[..., People]) -> None:
    people = read([detection(5, 0.5), detection(7, 0.25, [-3, 0, 200, 90]), detection(5, 0.75)])
    assert len(people) == 3
    # Picture by picture as they are listed, and within one as the detector has them.
    np.testing.assert_array_equal(people.measures["image"], [7, 5, 5])
    np.testing.assert_array_equal(people.measures["score"], [0.25, 0.5, 0.75])
    assert [Path(people[index].image).name for index in range(3)] == ["a.png", "b.png", "b.png"]
    # As the detector has it, beyond the picture or not.
    np.testing.assert_array_equal(people[0].box, [-3, 0, 200, 90])
    assert people.joints == ("nose", "tail")
    for index in range(3):
        assert people[index].sample == index
        assert not people[index].visibility.any()


def test_who_is_left_out_is_counted(read: Callable[..., People]) -> None:
    content = [
        detection(7, 0.2), detection(7, 0.19), detection(7, 0.9, category=3), detection(9, 0.9, [5, 5, 0, 0]),
        detection(9, 0.9, [5, 5, -4, 20]),
    ]  # fmt: skip
    people = read(content, threshold=0.2)
    assert len(people) == 1
    assert people.skipped == {
        "below the threshold": 1,
        "of other categories": 1,
        "with boxes that have no area": 2,
    }
    with pytest.raises(ValueError, match=r"boxes\.json must hold a person with a box, got none; .*2 below"):
        read(content[:2], threshold=0.5)
    with pytest.raises(ValueError, match=r"must hold a person with a box, got none; left out: none"):
        read([])


FAULTS: dict[str, tuple[Any, str]] = {
    "no list": ({"annotations": []}, r"the file must be a list of detections, got \{'annotations'"),
    "no mapping": ([5], "detection 0: it must map names to values, got 5"),
    "no category": ([{"image_id": 7, "bbox": [1, 2, 3, 4], "score": 1}], "detection 0: category_id must be given"),
    "an unknown picture": ([detection(7, 1), detection(8, 1)], r"detection 1: image_id must be the id .*got 8"),
    "a picture that is a list": ([detection([7], 1)], r"detection 0: image_id must be a whole number or a text"),
    "no box": ([{"image_id": 7, "category_id": 1, "score": 1}], "detection 0: bbox must be given"),
    "three numbers": ([detection(7, 1, [1, 2, 3])], "detection 0: bbox must be a list of 4 numbers"),
    "NaN in a box": ([detection(7, 1, [1, 2, 3, float("nan")])], "detection 0: bbox must hold finite numbers"),
    "no score": ([{"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4]}], "detection 0: score must be given"),
    "NaN for a score": ([detection(7, float("nan"))], "detection 0: score must hold finite numbers"),
    "text for a score": ([detection(7, "0.9")], "detection 0: score must hold finite numbers"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named(read: Callable[..., People], fault: str) -> None:
    content, message = FAULTS[fault]
    with pytest.raises(ValueError, match=rf"boxes\.json: {message}"):
        read(content)


@pytest.fixture
def archive(tmp_path: Path, coco_content: dict[str, Any]) -> Path:
    """COCO with one person, and two boxes found in its picture."""
    for folder in ("annotations", "train2017", "val2017", "found"):
        (tmp_path / folder).mkdir()
    for split in ("train2017", "val2017"):
        (tmp_path / "annotations" / f"person_keypoints_{split}.json").write_text(json.dumps(coco_content))
    (tmp_path / "found" / "val.json").write_text(json.dumps([detection(7, 0.9), detection(7, 0.1)]))
    return tmp_path


def test_detections_take_the_place_of_ground_truth_but_in_training(archive: Path) -> None:
    source = Coco(str(archive), detections="found/val.json")
    assert len(source.split("train")) == 1
    assert source.split("train")[0].visibility.any()
    for name in ("val", "test"):
        assert len(source.split(name)) == 2
        assert not source.split(name)[0].visibility.any()
        assert source.split(name).joints == source.split("train").joints
    assert source.split("val") is source.split("test")
    assert len(Coco(str(archive), detections="found/val.json", threshold=0.5).split("val")) == 1
    assert source.annotation_file("val") == archive / "annotations" / "person_keypoints_val2017.json"
    with pytest.raises(ValueError, match=r"(?s)COCO must lie complete.*found/no\.json +MISSING"):
        Coco(str(archive), detections="found/no.json").split("val")


def test_pictures_without_ground_truth(archive: Path, coco_content: dict[str, Any]) -> None:
    """The test pictures' file lists them and categories without joints."""
    content = {"images": coco_content["images"], "categories": [{"id": 1, "name": "person"}]}
    (archive / "annotations" / "image_info_test-dev2017.json").write_text(json.dumps(content))
    (archive / "test2017").mkdir()
    source = Coco(
        str(archive),
        annotations="annotations/image_info_{split}.json",
        images="test2017",
        splits={"test": "test-dev2017"},
        detections="found/val.json",
    )
    assert source.split("test").joints == COCO_JOINTS
    assert not source.labelled("test")
    assert Coco(str(archive)).labelled("val")
    assert source.split("test")[1].image == f"{archive}/test2017/one.png"


def test_real_detections(shared: Path) -> None:
    folder = shared / "data" / "posetrack18_mini"
    content = json.loads((folder / "annotations" / "test_posetrack18_human_detections.json").read_text())
    listed: dict[int | str, Picture] = {
        image: Picture(f"{image}.jpg", (1080, 1920)) for image in sorted({entry["image_id"] for entry in content})
    }
    file = folder / "annotations" / "test_posetrack18_human_detections.json"
    people = read_detections(file, listed, folder, ("nose",), threshold=0.5)
    kept = sorted((entry for entry in content if entry["score"] >= 0.5), key=lambda entry: entry["image_id"])
    assert len(people) == len(kept) == 62
    np.testing.assert_array_equal([people[index].box for index in range(62)], [entry["bbox"] for entry in kept])
    np.testing.assert_array_equal(people.measures["score"], [entry["score"] for entry in kept])
