"""What is found in annotations: nothing in those of honest people, and each fault where it was put."""

from typing import Any

import numpy as np
import pytest

from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, Truth
from posepyr.studies.datasets.findings import SplitAnnotations, merged
from posepyr.studies.datasets.people import check_people

JOINTS = ("left_shoulder", "right_shoulder", "left_hip", "right_hip", "nose")
FACING = np.array([[60.0, 20], [40, 20], [58, 60], [42, 60], [50, 10]])
"""Somebody who faces the camera, shoulders 40 pixels above the hips."""

AWAY = FACING[[1, 0, 3, 2, 4]]


def look(name: str = "train", keypoints: Any = None, images: Any = None, **changes: Any) -> SplitAnnotations:
    """Three people in two pictures of 120 x 100."""
    keypoints = np.stack([FACING, AWAY + np.array([200, 0]), FACING]) if keypoints is None else np.asarray(keypoints)
    count = len(keypoints)
    parts = {
        "keypoints": keypoints,
        "visibility": np.tile(np.array([VISIBLE, OCCLUDED, VISIBLE, VISIBLE, VISIBLE], np.uint8), (count, 1)),
        "boxes": np.tile([30.0, 5, 40, 70], (count, 1)) + keypoints[:, 4, :1] * (1, 0, 0, 0) - (50, 0, 0, 0),
        "images": np.array(["/a.jpg", "/a.jpg", "/b.jpg"][:count] if images is None else images),
        "measures": {"person": np.arange(count) + 70},
    }
    return SplitAnnotations(name, JOINTS, Truth(**(parts | changes)), np.tile([100.0, 400.0], (count, 1)))


def kinds(seen: SplitAnnotations) -> dict[str, list[tuple[int | None, str]]]:
    found = merged(check_people(seen))
    return {finding.kind: [(one.person, one.value) for one in finding.offenders] for finding in found}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert kinds(look()) == {}


def test_pictures_that_nobody_looked_at_are_not_judged() -> None:
    seen = look()
    far = seen.truth._replace(keypoints=seen.truth.keypoints + 5000, boxes=seen.truth.boxes + np.array([5000, 0, 0, 0]))
    assert kinds(SplitAnnotations("train", JOINTS, far, np.full((3, 2), np.nan))) == {}


def changed(field: str, place: Any, value: Any) -> SplitAnnotations:
    seen = look()
    array = np.array(getattr(seen.truth, field))
    array[place] = value
    return seen._replace(truth=seen.truth._replace(**{field: array}))


FAULTS: dict[str, tuple[SplitAnnotations, str, list[tuple[int | None, str]]]] = {
    "a joint that is no number": (
        changed("keypoints", (1, 2, 0), np.nan), "places that are no numbers", [(1, "left_hip at (nan, 60.0)")]
    ),
    "an endless box": (
        changed("boxes", (2, 3), np.inf), "places that are no numbers", [(2, "box (30.0, 5.0, 40.0, inf)")]
    ),
    "a reversed box": (
        changed("boxes", (0, slice(2, 4)), (-40, 70)),
        "boxes that are reversed or empty", [(0, "box (30.0, 5.0, -40.0, 70.0)")],
    ),
    "an empty box": (
        changed("boxes", (0, slice(2, 4)), 0), "boxes that are reversed or empty", [(0, "box (30.0, 5.0, 0.0, 0.0)")]
    ),
    "a box right of its picture": (
        changed("boxes", (0, 0), 400), "boxes beside their picture", [(0, "box (400.0, 5.0, 40.0, 70.0) of 400 x 100")]
    ),
    "a box above its picture": (
        changed("boxes", (0, 1), -71),
        "boxes beside their picture", [(0, "box (30.0, -71.0, 40.0, 70.0) of 400 x 100")],
    ),
    "an unknown state": (
        changed("visibility", (1, 4), 3), "joints in unknown states", [(1, "nose has state 3")]
    ),
    "nobody's joints": (
        changed("visibility", 2, NOT_LABELLED), "people without a labelled joint", [(2, "no joint is labelled")]
    ),
    "a joint below its picture": (
        changed("keypoints", (0, 2, 1), 99.6),
        "joints outside their picture", [(0, "left_hip at (58.0, 99.6) of 400 x 100")],
    ),
    "a joint left of its picture": (
        changed("keypoints", (0, 1, 0), -0.6),
        "joints outside their picture", [(0, "right_shoulder at (-0.6, 20.0) of 400 x 100")],
    ),
    "a tiny box": (changed("boxes", (0, slice(2, 4)), (15, 2)), "tiny boxes", [(0, "box of 15.0 x 2.0")]),
    "a joint that nobody has": (
        changed("visibility", (slice(None), 4), NOT_LABELLED), "joints that are never labelled", [(None, "nose")]
    ),
    "a twin": (
        changed("keypoints", 1, FACING + 0.3), "people annotated twice", [(1, "the joints of person 0")]
    ),
    "crossed hips": (
        changed("keypoints", (2, slice(2, 4)), FACING[[3, 2]]),
        "left and right crossed", [(2, "shoulders and hips face opposite ways")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_where_it_is_and_no_other(fault: str) -> None:
    seen, kind, offenders = FAULTS[fault]
    assert kinds(seen) == {kind: offenders}


SPOILING = ("places", "joints in unknown", "boxes", "people without", "splits without anybody")


@pytest.mark.parametrize("fault", FAULTS)
def test_what_spoils_a_training_is_told_from_what_does_not(fault: str) -> None:
    seen, kind, _ = FAULTS[fault]
    [finding] = merged(check_people(seen))
    assert finding.is_error == kind.startswith(SPOILING)


def test_the_border_of_a_picture_is_half_a_pixel_out() -> None:
    seen = changed("keypoints", (0, slice(None), slice(None)), [(399.5, 99.5), (-0.5, -0.5), (0, 0), (1, 1), (2, 2)])
    assert "joints outside their picture" not in kinds(seen)


def test_offenders_are_named_as_the_data_set_names_them() -> None:
    [finding] = merged(check_people(FAULTS["an empty box"][0]))
    assert finding.to_dict() == {
        "kind": "boxes that are reversed or empty",
        "severity": "error",
        "count": 1,
        "offenders": [
            {
                "split": "train", "value": "box (30.0, 5.0, 0.0, 0.0)", "person": 0, "picture": "/a.jpg",
                "record": "person 70",
            }
        ],
    }  # fmt: skip


def test_an_empty_split() -> None:
    assert kinds(look(keypoints=np.zeros((0, 5, 2)))) == {"splits without anybody": [(None, "nobody")]}


def test_people_without_labels_may_be_looked_at_but_not_trained_on() -> None:
    nothing = np.zeros((3, 5), np.uint8)
    assert list(kinds(look("train", visibility=nothing))) == ["people without a labelled joint"]
    assert list(kinds(look("test", visibility=nothing))) == ["splits without labels"]


def test_the_same_joints_in_another_picture_are_somebody_else() -> None:
    assert kinds(look(keypoints=[FACING, FACING], images=["/a.jpg", "/b.jpg"])) == {}


def test_two_joints_are_too_few_to_tell_twins() -> None:
    few = np.array([[0, 0, 2, 2, 0], [0, 0, 2, 2, 0]], np.uint8)
    found = kinds(look(keypoints=[FACING, FACING], images=["/a.jpg", "/a.jpg"], visibility=few))
    assert "people annotated twice" not in found
    few[:, 4] = 2
    found = kinds(look(keypoints=[FACING, FACING], images=["/a.jpg", "/a.jpg"], visibility=few))
    assert found["people annotated twice"] == [(1, "the joints of person 0")]


@pytest.mark.parametrize(("away", "told"), [(24, False), (26, True)])
def test_a_crowd_that_mostly_turns_its_backs_may_have_left_and_right_swapped(away: int, told: bool) -> None:
    people = [AWAY] * away + [FACING] * (50 - away)
    found = kinds(look(keypoints=people, images=[f"/{number}.jpg" for number in range(50)]))
    assert ("more backs than faces" in found) == told
    # Too few to say.
    found = kinds(look(keypoints=people[:49], images=[f"/{number}.jpg" for number in range(49)]))
    assert "more backs than faces" not in found


def test_who_stands_sideways_faces_neither_way() -> None:
    sideways = FACING.copy()
    sideways[:2, 0] = 51, 50
    sideways[2:4, 0] = 42, 58
    assert kinds(look(keypoints=[sideways], images=["/a.jpg"])) == {}
