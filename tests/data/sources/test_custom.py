import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from posepyr.data.sources.custom import Custom, held_out, skeleton
from posepyr.nodes import build
from support.places import CONF

DEFINITION = {
    "name": "hands",
    "joints": ["nose", "left_hand", "right_hand"],
    "flip_pairs": [["left_hand", "right_hand"]],
    "limbs": [["nose", "left_hand"], ["nose", "right_hand"]],
    "sigmas": [0.03, 0.06, 0.06],
    "unit": ["left_hand", "right_hand"],
    "images": "pictures",
    "annotations": {"train": "train.json", "val": "val.csv"},
}

HEADER = "image,nose_x,nose_y,left_hand_x,left_hand_y,right_hand_x,right_hand_y"


@pytest.fixture
def write(tmp_path: Path, picture_folder: Path, coco_content: dict[str, Any]) -> Callable[..., str]:
    """Writes a data set whose definition differs from the one above, or whose CSV is another; gives its file."""
    (tmp_path / "train.json").write_text(json.dumps(coco_content))

    def write(table: str = f"{HEADER}\none.png,1,2,3,4,50,60\n", **changes: Any) -> str:
        definition = {key: value for key, value in (DEFINITION | changes).items() if value is not None}
        (tmp_path / "val.csv").write_text(table)
        file = tmp_path / "hands.yaml"
        file.write_text(yaml.safe_dump(definition))
        return str(file)

    return write


def test_the_skeleton_of_the_file(write: Callable[..., str]) -> None:
    made = skeleton(write())
    assert made == Custom(write()).skeleton
    assert made.joints == ("nose", "left_hand", "right_hand")
    assert made.flip_order == (0, 2, 1)
    assert made.sigmas == (0.03, 0.06, 0.06)
    assert made.unit == ("left_hand", "right_hand")


def test_json_and_csv_give_the_same_people(write: Callable[..., str]) -> None:
    header = (
        "right_hand_y,right_hand_x,right_hand_visibility,x,y,width,height,nose_x,nose_y,left_hand_x,left_hand_y,image"
    )
    source = Custom(write(f"\ufeff{header}\n50,30.5,1,10,20,30,40,12,22,,,one.png\n\n"))
    from_json, from_csv = source.split("train")[0], source.split("val")[0]
    for expected, got in zip(from_json, from_csv, strict=True):
        np.testing.assert_array_equal(got, expected)
    assert source.split("val").view(from_csv).pixels.shape == (80, 100, 3)


def test_a_row_without_a_box_gets_one_from_its_joints(write: Callable[..., str]) -> None:
    [person] = Custom(write(f"{HEADER}\none.png,10,20,30,70,,\n")).split("val")
    # From (10, 20) to (30, 70), and a tenth of 50 on every side.
    np.testing.assert_allclose(person.box, [5, 15, 30, 60])
    np.testing.assert_array_equal(person.visibility, [2, 2, 0])


def test_visibility_zero_overrules_coordinates_and_nobody_is_dropped_silently(write: Callable[..., str]) -> None:
    header = f"{HEADER},nose_visibility"
    people = Custom(write(f"{header}\none.png,1,2,3,4,5,6,0\none.png,1,2,,,,,0\n")).split("val")
    np.testing.assert_array_equal(people[0].visibility, [0, 2, 2])
    assert len(people) == 1
    assert people.skipped == {"without labelled joints": 1}


def test_without_a_test_file_the_validation_people_are_tested(write: Callable[..., str]) -> None:
    source = Custom(write())
    assert source.split("test") is source.split("val")
    given = Custom(write(annotations={"train": "train.json", "val": "val.csv", "test": "train.json"}))
    assert given.split("test")[0].visibility.tolist() == [2, 0, 1]


def test_without_validation_a_share_of_the_pictures_is_held_out(tmp_path: Path, write: Callable[..., str]) -> None:
    rows = [f"{index // 2:02d}.png,{index},2,3,4,5,6" for index in range(40)]
    source = Custom(write("\n".join([HEADER, *rows]), annotations={"train": "val.csv"}, holdout=0.25))
    train, val = source.split("train"), source.split("val")
    assert (len(train.pictures), len(val.pictures)) == (15, 5)
    assert not set(train.pictures) & set(val.pictures)
    # Both people of a picture go together, and everybody goes somewhere.
    assert (len(train), len(val)) == (30, 10)
    assert sorted(person.keypoints[0, 0] for people in (train, val) for person in people) == list(range(40))
    assert [person.sample for person in val] == list(range(10))


def test_the_held_out_pictures_depend_on_names_alone() -> None:
    names = [f"{index}.jpg" for index in range(200)]
    held = held_out(names, 0.1, Path("x"))
    assert held == held_out(names[::-1], 0.1, Path("x"))
    assert len(held) == 20
    # More pictures never bring one back that already trained beside more held-out ones.
    assert held_out(names, 0.2, Path("x")) > held
    assert len(held_out(names[:2], 0.9, Path("x"))) == 1
    with pytest.raises(ValueError, match=r"annotations\.val must be given"):
        held_out(["a.jpg"], 0.5, Path("x"))


def test_a_folder_of_pictures_for_each_split(tmp_path: Path, write: Callable[..., str]) -> None:
    (tmp_path / "more").mkdir()
    source = Custom(write(images={"train": "pictures", "val": "more"}))
    assert source.split("val")[0].image == str(tmp_path / "more" / "one.png")
    with pytest.raises(ValueError, match=r"images must name a folder for val"):
        Custom(write(images={"train": "pictures"}))


DEFINITION_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "misspelt key": ({"limb": []}, r"hands\.yaml: key must be one of name, joints.*got 'limb'; did you mean limbs\?"),
    "no joints": ({"joints": None}, r"hands\.yaml: joints must be given"),
    "joints of a wrong type": ({"joints": "nose"}, r"joints must be a list, got 'nose'"),
    "a joint that YAML takes for a truth value": ({"joints": [True]}, r"joints must be names, got True; write it in"),
    "an unknown joint": ({"limbs": [["nose", "tail"]]}, r"hands\.yaml: skeleton 'hands': limbs must name joints of it"),
    "sigmas too few": ({"sigmas": [0.1]}, r"hands\.yaml: skeleton 'hands': sigmas must hold one number for each"),
    "sigmas of a wrong type": ({"sigmas": ["a"]}, r"sigmas must be a list of numbers"),
    "sigmas that are no numbers": ({"sigmas": [0.1, 0.1, float("nan")]}, r"sigmas must be .* between 0 and 10"),
    "flip pairs of a wrong type": ({"flip_pairs": "nose"}, r"flip_pairs must be a list of pairs"),
    "name of a wrong type": ({"name": 3}, r"hands\.yaml: name must be a text, got 3"),
    "no annotations": ({"annotations": None}, r"annotations must be given"),
    "no training": ({"annotations": {"val": "val.csv"}}, r"annotations must name a file for train"),
    "an unknown split": (
        {"annotations": {"train": "a.csv", "dev": "b.csv"}},
        r"splits among train, val, test, got 'dev'",
    ),
    "an unknown format": ({"annotations": {"train": "a.xml"}}, r"annotations\.train must end in \.json .* or \.csv"),
    "no path": ({"annotations": {"train": 5}}, r"annotations\.train must be a path, got 5"),
    "holdout with validation": ({"holdout": 0.5}, r"holdout must be left out where annotations name a file for val"),
    "holdout of everybody": (
        {"holdout": 1.0, "annotations": {"train": "val.csv"}},
        r"holdout must be a share between 0 and 1, got 1\.0",
    ),
}


@pytest.mark.parametrize("fault", DEFINITION_FAULTS)
def test_faults_of_the_definition_are_named(write: Callable[..., str], fault: str) -> None:
    changes, message = DEFINITION_FAULTS[fault]
    with pytest.raises(ValueError, match=message):
        Custom(write(**changes))


def test_a_definition_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"file must be a readable YAML file, got .*none\.yaml \(No such"):
        skeleton(str(tmp_path / "none.yaml"))
    (tmp_path / "broken.yaml").write_text("joints: [nose\nname: x")
    with pytest.raises(ValueError, match=r"broken\.yaml must be valid YAML, got"):
        skeleton(str(tmp_path / "broken.yaml"))
    (tmp_path / "empty.yaml").touch()
    with pytest.raises(ValueError, match=r"empty\.yaml: the file must map names to values, got None"):
        skeleton(str(tmp_path / "empty.yaml"))


def test_missing_pictures_and_annotations_are_named(write: Callable[..., str]) -> None:
    with pytest.raises(
        ValueError, match=r"hands\.yaml: images must name a folder, relative to this file, got .*nowhere"
    ):
        Custom(write(images="nowhere")).split("train")
    gone = Custom(write(annotations={"train": "gone.json", "val": "val.csv"}))
    with pytest.raises(ValueError, match=r"hands\.yaml: annotations\.train must name a file, .*gone\.json"):
        gone.split("train")


TABLE_FAULTS: dict[str, tuple[str, str]] = {
    "empty": ("", r"val\.csv: line 1: header must name the column image"),
    "no rows": (f"{HEADER}\n", r"val\.csv must hold a person with a labelled joint, got none in 0 rows"),
    "a column too few": (HEADER.replace(",left_hand_x", ""), r"line 1: header must name the column left_hand_x"),
    "an unknown column": (
        f"{HEADER},left_hand_visiblity\n",
        r"only known columns, got 'left_hand_visiblity'; .*did you mean left_hand_visibility",
    ),
    "another joint": (f"{HEADER},qqqq\n", r"only known columns, got 'qqqq'; remove the column"),
    "a column twice": (f"{HEADER},image\n", r"header must name every column once"),
    "half a box": (f"{HEADER},x,y\n", r"header must name all of x, y, width, height for the box, or none"),
    "a cell too few": (f"{HEADER}\none.png,1,2,3,4,5\n", r"line 2: the row must have 7 cells like the header, got 6"),
    "no picture": (f"{HEADER}\n,1,2,3,4,5,6\n", r"line 2: image must name the picture's file"),
    "text": (f"{HEADER}\none.png,1,two,3,4,5,6\n", r"line 2: nose_y must be a finite number .*got 'two'"),
    "NaN": (f"{HEADER}\none.png,1,2,3,nan,5,6\n", r"line 2: left_hand_y must be .*got 'nan'; leave both cells"),
    "huge": (f"{HEADER}\none.png,1,2,3,1e300,5,6\n", r"left_hand_y must be a finite number of at most 1e\+06"),
    "half a joint": (f"{HEADER}\none.png,1,,3,4,5,6\n", r"line 2: nose_y must be a finite number .*got ''"),
    "visibility": (
        f"{HEADER},nose_visibility\none.png,1,2,3,4,5,6,yes\n",
        r"nose_visibility must be 0, 1 or 2, got 'yes'",
    ),
    "visible nowhere": (
        f"{HEADER},nose_visibility\none.png,,,3,4,5,6,2\n",
        r"line 2: nose_x must be given, since the joint's visibility says",
    ),
    "a reversed box": (
        f"{HEADER},x,y,width,height\none.png,1,2,3,4,5,6,10,10,-5,4\n",
        r"line 2: width, height must span more than one pixel",
    ),
    "one joint and no box": (f"{HEADER}\none.png,1,2,,,,\n", r"line 2: x, y, width, height must be given where"),
    "an open quote": (f'{HEADER}\n"one.png,1,2,3,4,5,6\n', r"val\.csv must be a comma-separated table in UTF-8"),
}


@pytest.mark.parametrize("fault", TABLE_FAULTS)
def test_faults_of_a_table_are_named(write: Callable[..., str], fault: str) -> None:
    table, message = TABLE_FAULTS[fault]
    with pytest.raises(ValueError, match=message):
        Custom(write(table)).split("val")


def test_a_table_in_another_encoding_is_named(tmp_path: Path, write: Callable[..., str]) -> None:
    source = Custom(write())
    (tmp_path / "val.csv").write_bytes(b"image,\xff\xfe")
    with pytest.raises(ValueError, match=r"val\.csv must be a comma-separated table in UTF-8"):
        source.split("val")


def test_the_groups_data_and_skeleton_agree(write: Callable[..., str]) -> None:
    """The nodes of the configuration, with what the command line puts in."""
    data = yaml.safe_load((CONF / "data" / "custom.yaml").read_text())
    joints = yaml.safe_load((CONF / "skeleton" / "custom.yaml").read_text())
    assert joints["file"] == "${data.source.file}"
    assert data["source"]["file"] == "???"
    source = build(data["source"] | {"file": write()})
    assert build(joints | {"file": write()}) == source.skeleton
