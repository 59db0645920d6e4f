import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posepyr.data.formats.people import People
from posepyr.data.sources.ai_challenger import ANNOTATIONS, IMAGES, AIChallenger, read_ai_challenger
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE

# From the competition's task description.
ORDER = [
    "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist", "right hip",
    "right knee", "right ankle", "left hip", "left knee", "left ankle", "top of the head", "neck",
]  # fmt: skip


def joints(first: int, states: list[int]) -> list[int]:
    return [number for index in range(14) for number in (first + index, 2 * index + 3, states[index % len(states)])]


@pytest.fixture
def content() -> list[dict[str, Any]]:
    """Two pictures; two people in the first."""
    return [
        {
            "url": "http://nowhere",
            "image_id": "beef",
            "human_annotations": {"human2": [0, 169, 114, 633], "human1": [-5, 10, 30, 20]},
            "keypoint_annotations": {"human1": joints(7, [1, 2, 3]), "human2": joints(50, [1])},
        },
        {
            "image_id": "cafe",
            "human_annotations": {"human1": [1, 2, 3, 4]},
            "keypoint_annotations": {"human1": joints(90, [2])},
        },
    ]


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Any], People]:
    def read(content: Any) -> People:
        (tmp_path / "people.json").write_text(json.dumps(content))
        return read_ai_challenger(tmp_path / "people.json", tmp_path)

    return read


def test_people_as_written(read: Callable[[Any], People], content: list[dict[str, Any]], tmp_path: Path) -> None:
    people = read(content)
    assert [people[index].image for index in range(3)] == [
        f"{tmp_path}/{name}.jpg" for name in ("beef", "beef", "cafe")
    ]
    assert [name.replace("_", " ").replace("head top", "top of the head") for name in people.joints] == ORDER
    first = people[0]
    np.testing.assert_array_equal(first.visibility, ([VISIBLE, OCCLUDED, NOT_LABELLED] * 5)[:14])
    np.testing.assert_array_equal(first.keypoints[1], [8, 5])
    np.testing.assert_array_equal(first.keypoints[2], [0, 0])
    # From corner to corner; what lies left of the picture is cut off.
    np.testing.assert_array_equal(first.box, [0, 10, 30, 10])
    np.testing.assert_array_equal(people[1].box, [0, 169, 114, 464])
    np.testing.assert_array_equal(people.measures["image"], ["beef", "beef", "cafe"])
    np.testing.assert_array_equal(people.measures["person"], [0, 1, 0])
    np.testing.assert_array_equal(people.measures["area"], [300, 114 * 464, 4])


def test_who_is_left_out_is_counted(read: Callable[[Any], People], content: list[dict[str, Any]]) -> None:
    content[0]["keypoint_annotations"]["human2"] = [0, 0, 3] * 14
    content[0]["human_annotations"]["human3"] = [0, 0, 5, 5]
    content[1]["human_annotations"]["human1"] = [9, 9, 4, 20]
    people = read(content)
    assert len(people) == 1
    assert people.skipped == {"without labelled joints": 2, "with boxes that have no area": 1}
    with pytest.raises(ValueError, match=r"people\.json must hold a person with a labelled joint, got none; .*1 with"):
        read(content[1:])


Spoil = Callable[[list[Any]], Any]
FAULTS: dict[str, tuple[Spoil, str]] = {
    "no mapping": (lambda c: c.append(3), r"\[2\]: it must map names to values, got 3"),
    "no name": (lambda c: c[1].pop("image_id"), r"\[1\]: image_id must be given"),
    "a number for a name": (lambda c: c[1].update(image_id=3), r"\[1\]: image_id must name the picture's file"),
    "no boxes": (lambda c: c[1].pop("human_annotations"), r"\[1\].*cafe.*human_annotations must be given"),
    "joints as a list": (
        lambda c: c[1].update(keypoint_annotations=[]),
        r"\[1\].*keypoint_annotations must map names to values",
    ),
    "joints without a box": (
        lambda c: c[1]["keypoint_annotations"].update(human9=joints(0, [1])),
        r"\[1\]\.human9 \(image_id 'cafe'\): human9 must be given",
    ),
    "a box of three": (
        lambda c: c[1]["human_annotations"].update(human1=[1, 2, 3]),
        r"\[1\]\.human1 .*human_annotations must be a list of 4 numbers",
    ),
    "a joint too few": (
        lambda c: c[0]["keypoint_annotations"]["human1"].pop(),
        r"\[0\]\.human1 .*keypoint_annotations must be a list of 42 numbers, got '41 entries'",
    ),
    "state 0": (
        lambda c: c[0]["keypoint_annotations"]["human2"].__setitem__(2, 0),
        r"\[0\]\.human2 .*with states 1, 2 or 3, got \[0",
    ),
    "NaN": (
        lambda c: c[0]["keypoint_annotations"]["human2"].__setitem__(0, float("nan")),
        r"\[0\]\.human2 .*must hold finite numbers",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named(read: Callable[[Any], People], content: list[Any], fault: str) -> None:
    spoil, message = FAULTS[fault]
    spoil(content)
    with pytest.raises(ValueError, match=rf"people\.json: {message}"):
        read(content)
    with pytest.raises(ValueError, match=r"people\.json: the file must be a list of pictures"):
        read({})


def test_an_archive(tmp_path: Path, content: list[dict[str, Any]]) -> None:
    def write(place: str, people: list[Any]) -> None:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(json.dumps(people))

    with pytest.raises(
        ValueError, match=r"(?s)AI Challenger must lie complete.*train_annotations_20170909\.json +MISS"
    ):
        AIChallenger(str(tmp_path)).split("train")
    for folder in IMAGES.values():
        (tmp_path / folder).mkdir(parents=True)
    [corrected, _, first] = ANNOTATIONS["train"]
    write(first, content)
    write(ANNOTATIONS["val"][0], content[1:])
    source = AIChallenger(str(tmp_path))
    assert len(source.split("train")) == 3
    assert source.split("train")[0].image == f"{tmp_path}/{IMAGES['train']}/beef.jpg"
    assert len(source.split("val")) == 1
    assert source.split("test") is source.split("val")
    write(corrected, content[:1])
    assert len(AIChallenger(str(tmp_path)).split("train")) == 2
    write("mine.json", content[1:])
    assert len(AIChallenger(str(tmp_path), annotations={"train": "mine.json"}).split("train")) == 1
    with pytest.raises(ValueError, match="split must be one of train, val, got 'all'"):
        source.split("all")
