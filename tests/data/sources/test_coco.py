import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posepyr.data.formats.coco_people import read_coco
from posepyr.data.formats.people import People
from posepyr.data.sources.coco import Coco

Content = dict[str, Any]


@pytest.fixture
def read(tmp_path: Path, picture_folder: Path) -> Callable[..., People]:
    """Reads content as if from a file."""

    def read(content: Any, joints: tuple[str, ...] | None = None) -> People:
        file = tmp_path / "people.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_coco(file, picture_folder, joints)

    return read


def test_a_person_as_written(read: Callable[..., People], coco_content: Content, picture_folder: Path) -> None:
    people = read(coco_content)
    [person] = [people[index] for index in range(len(people))]
    np.testing.assert_array_equal(person.keypoints, [[12, 22], [0, 0], [30.5, 50]])
    np.testing.assert_array_equal(person.visibility, [2, 0, 1])
    # The release's rule: both corners are pixels.
    np.testing.assert_array_equal(person.box, [10, 20, 29, 39])
    assert person.image == f"{picture_folder}/one.png"
    assert people.view(person).pixels.shape == (80, 100, 3)


def test_joints_are_found_by_name(read: Callable[..., People], coco_content: Content) -> None:
    person = read(coco_content, ("right_hand", "nose"))[0]
    np.testing.assert_array_equal(person.keypoints, [[30.5, 50], [12, 22]])
    np.testing.assert_array_equal(person.visibility, [1, 2])


def test_a_joint_that_the_file_lacks_is_named(read: Callable[..., People], coco_content: Content) -> None:
    with pytest.raises(ValueError, match=r"people\.json.*lacks left_hnd; did you mean left_hand\?"):
        read(coco_content, ("left_hnd", "nose"))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([-10, -5, 31, 26], [0, 0, 30, 25]),
        ([90, 70, 50, 50], [90, 70, 9, 9]),
        ([10, 10, 1, 5], [10, 10, 0, 4]),
    ],
)
def test_boxes_are_clipped_to_the_picture(
    read: Callable[..., People], coco_content: Content, box: list[int], expected: list[int]
) -> None:
    coco_content["annotations"][0]["bbox"] = box
    np.testing.assert_array_equal(read(coco_content)[0].box, expected)


def variant(content: Content, **changes: Any) -> Content:
    return {**content["annotations"][0], **changes}


def test_who_is_left_out_is_counted(read: Callable[..., People], coco_content: Content) -> None:
    coco_content["categories"].append({"id": 2, "name": "dog"})
    coco_content["annotations"] += [
        variant(coco_content, iscrowd=1),
        variant(coco_content, keypoints=[5, 5, 0] * 3),
        variant(coco_content, bbox=[120, 20, 30, 40]),
        variant(coco_content, bbox=[20, 20, 1, 1]),
        variant(coco_content, bbox=[20, 20, -8, 9], area=0),
        {"id": 9, "image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4]},
    ]
    people = read(coco_content)
    assert len(people) == 1
    assert people.skipped == {
        "crowds": 1,
        "without labelled joints": 1,
        "with boxes that have no area": 3,
        "of other categories": 1,
    }


def test_a_missing_box_is_drawn_around_the_labelled_joints(read: Callable[..., People], coco_content: Content) -> None:
    del coco_content["annotations"][0]["bbox"]
    # From (12, 22) to (30.5, 50), and a tenth of 28 on every side.
    np.testing.assert_allclose(read(coco_content)[0].box, [9.2, 19.2, 24.1, 33.6])


def test_without_the_size_of_the_picture_boxes_keep_their_far_side(
    read: Callable[..., People], coco_content: Content
) -> None:
    del coco_content["images"][0]["width"], coco_content["images"][0]["height"]
    coco_content["annotations"][0]["bbox"] = [90, 70, 50, 50]
    np.testing.assert_array_equal(read(coco_content)[0].box, [90, 70, 49, 49])


def test_areas_are_stated_or_not_a_number(read: Callable[..., People], coco_content: Content) -> None:
    coco_content["annotations"].append(variant(coco_content, id=4, area=3.5e6))
    coco_content["annotations"].append(variant(coco_content, id=5))
    del coco_content["annotations"][2]["area"]
    np.testing.assert_array_equal(read(coco_content).measures["area"], [200, 3.5e6, np.nan])
    # Annotation programs write areas of 0 for people without an outline; only a stated box is dropped with it.
    coco_content["annotations"] = [variant(coco_content, area=0, bbox=None)]
    assert len(read(coco_content)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", r"people\.json: the file must map names to values, got \[\]"),
        ("", r"people\.json must be whole, valid JSON"),
        ('{"categories": [', r"people\.json must be whole, valid JSON.*fetch or write the file again"),
        ("[" * 100_000, r"people\.json must be whole, valid JSON"),
    ],
    ids=["no mapping", "empty", "cut short", "deep"],
)
def test_a_file_that_is_no_table_of_people_is_named(read: Callable[..., People], text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(text)


FAULTS: dict[str, tuple[Callable[[Content], Any], str]] = {
    "no annotations": (lambda c: c.pop("annotations"), r"people\.json: annotations must be given"),
    "annotations of a wrong type": (lambda c: c.update(annotations={}), r"annotations must be a list, got \{\}"),
    "nobody": (lambda c: c.update(annotations=[]), r"annotations must hold a person with a labelled joint"),
    "no categories": (lambda c: c.pop("categories"), r"categories must be given"),
    "no keypoint names": (lambda c: c["categories"][0].pop("keypoints"), r"categories must hold one with keypoints"),
    "twice the same joint": (
        lambda c: c["categories"][0].update(keypoints=["nose", "nose", "x"]),
        r"categories\[0\]: keypoints must hold distinct names",
    ),
    "no file name": (lambda c: c["images"][0].pop("file_name"), r"images\[0\]: file_name must be given"),
    "a misspelt name": (
        lambda c: c["images"][0].update(filename=c["images"][0].pop("file_name")),
        r"file_name must be given.*did you mean filename\?",
    ),
    "file name of a wrong type": (lambda c: c["images"][0].update(file_name=5), r"images\[0\]: file_name must name"),
    "no height": (lambda c: c["images"][0].update(height=0), r"images\[0\]: height must be a positive number"),
    "twice the same image": (lambda c: c["images"].append(c["images"][0]), r"images\[1\]: id must differ"),
    "image id of a wrong type": (lambda c: c["images"][0].update(id=[1]), r"images\[0\]: id must be a whole number"),
    "a person that is none": (lambda c: c["annotations"].append(5), r"annotations\[1\]: it must map names"),
    "an unknown image": (
        lambda c: c["annotations"][0].update(image_id=8),
        r"annotations\[0\] \(id 3\): image_id must be the id of one of the file's images, got 8",
    ),
    "no keypoints": (
        lambda c: c["annotations"][0].pop("keypoints"),
        r"annotations\[0\] \(id 3\): keypoints must be given",
    ),
    "a keypoint too few": (
        lambda c: c["annotations"][0]["keypoints"].pop(),
        r"annotations\[0\] \(id 3\): keypoints must be a list of 9 numbers, got '8 entries'",
    ),
    "NaN": (
        lambda c: c["annotations"][0]["keypoints"].__setitem__(0, float("nan")),
        r"\(id 3\): keypoints must hold finite numbers.*got nan",
    ),
    "null": (lambda c: c["annotations"][0]["keypoints"].__setitem__(0, None), r"finite numbers.*got None"),
    "text": (lambda c: c["annotations"][0]["keypoints"].__setitem__(0, "12"), r"finite numbers.*got '12'"),
    "huge": (lambda c: c["annotations"][0]["keypoints"].__setitem__(0, 10**400), r"finite numbers"),
    "visibility 3": (
        lambda c: c["annotations"][0]["keypoints"].__setitem__(2, 3),
        r"with visibility 0, 1 or 2, got \[3\.0, 0\.0, 1\.0\]",
    ),
    "a box of three": (lambda c: c["annotations"][0].update(bbox=[1, 2, 3]), r"bbox must be a list of 4 numbers"),
    "an infinite box": (
        lambda c: c["annotations"][0].update(bbox=[1, 2, float("inf"), 4]),
        r"bbox must hold finite numbers",
    ),
    "id of a wrong type": (lambda c: c["annotations"][0].update(id=[3]), r"\(id \[3\]\): id must be a whole number"),
    "an endless id": (lambda c: c["images"][0].update(id=10**30), r"images\[0\]: id must be a whole number"),
    "area of a wrong type": (lambda c: c["annotations"][0].update(area="big"), r"area must hold finite numbers"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named(read: Callable[..., People], coco_content: Content, fault: str) -> None:
    spoil, message = FAULTS[fault]
    spoil(coco_content)
    with pytest.raises(ValueError, match=message):
        read(coco_content)


def test_an_archive(tmp_path: Path, coco_content: Content, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSEPYR_DATA", str(tmp_path))
    (tmp_path / "coco" / "annotations").mkdir(parents=True)
    (tmp_path / "coco" / "val2017").mkdir()
    (tmp_path / "coco" / "annotations" / "person_keypoints_val2017.json").write_text(json.dumps(coco_content))
    source = Coco()
    assert len(source.split("val")) == 1
    assert source.split("test") is source.split("val")
    with pytest.raises(ValueError, match="readable file") as unreadable:
        source.split("val").view(source.split("val")[0])
    assert str(tmp_path / "coco" / "val2017" / "one.png") in str(unreadable.value)
    with pytest.raises(ValueError, match="split must be one of train, val, test, got 'vale'"):
        source.split("vale")


def test_splits_can_be_renamed_one_by_one(tmp_path: Path) -> None:
    source = Coco(str(tmp_path), splits={"val": "minival"})
    assert source.splits == {"train": "train2017", "val": "minival", "test": "val2017"}
    with pytest.raises(ValueError, match=r"annotations/person_keypoints_minival\.json +MISSING"):
        source.split("val")


def test_an_incomplete_archive_shows_what_was_looked_for_and_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSEPYR_DATA", str(tmp_path))
    (tmp_path / "coco" / "val2017").mkdir(parents=True)
    (tmp_path / "coco" / "val2017" / "000000000139.jpg").touch()
    with pytest.raises(ValueError, match="COCO must lie complete in") as error:
        Coco().split("val")
    lines = [" ".join(line.split()) for line in str(error.value).splitlines()]
    assert "annotations/person_keypoints_val2017.json MISSING" in lines
    assert "val2017/ there" in lines
    assert "val2017/ 000000000139.jpg" in lines
    with pytest.raises(ValueError, match=r"no folder .*elsewhere; the nearest that exists is .*coco, with") as error:
        Coco("coco/elsewhere").split("val")


def test_a_relative_folder_lies_in_data_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("POSEPYR_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert Coco("here").folder == tmp_path / "data" / "here"
    assert Coco(str(tmp_path / "there")).folder == tmp_path / "there"


def test_people_survive_pickling_and_do_not_share_memory(read: Callable[..., People], coco_content: Content) -> None:
    people = read(coco_content)
    copy = pickle.loads(pickle.dumps(people))
    people[0].keypoints[:] = -1
    np.testing.assert_array_equal(people[0].keypoints, copy[0].keypoints)
    assert people[-1].sample == 0
    with pytest.raises(IndexError):
        people[1]


def test_real_people(shared: Path) -> None:
    """The 86 of 172 annotations with key points, checked against the file itself."""
    folder = shared / "data" / "coco_mini"
    people = Coco(str(folder)).split("train")
    content = json.loads((folder / "annotations" / "person_keypoints_train2017.json").read_text())
    labelled = [a for a in content["annotations"] if a["num_keypoints"] and not a["iscrowd"]]
    assert len(people) + people.skipped.get("with boxes that have no area", 0) == len(labelled)
    assert people.skipped["crowds"] == sum(a["iscrowd"] for a in content["annotations"])
    assert sum(int((people[i].visibility > 0).sum()) for i in range(len(people))) == sum(
        a["num_keypoints"] for a in labelled
    )
    for index in range(0, len(people), 9):
        person = people[index]
        height, width, _ = people.view(person).pixels.shape
        x, y, box_width, box_height = person.box
        assert x >= 0
        assert y >= 0
        assert x + box_width <= width - 1
        assert y + box_height <= height - 1
