"""The official file of MPII: nested structures with gaps."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from posepyr.data.formats.mpii_official import Release, read_release
from support import mpii_files as files
from support.damage import complaints

Read = Callable[..., Release]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads people as if alone in a training picture."""

    def read(*people: dict[str, Any], **changes: Any) -> Release:
        pictures = [files.picture("one.jpg", *people)]
        return read_release(files.write_official(tmp_path / "mpii.mat", pictures, [1], **changes))

    return read


def point(identity: Any, **changes: Any) -> dict[str, Any]:
    return {"x": 10.5, "y": 20.25, "id": identity, "is_visible": 1.0} | changes


def states(read: Read, *points: dict[str, Any]) -> list[int]:
    person = files.complete(100, annopoints=files.points(*points))
    return read(person).rectangles.visibility[0].tolist()


def test_a_complete_person(read: Read) -> None:
    release = read(files.complete(100))
    rectangles = release.rectangles
    np.testing.assert_array_equal(rectangles.joints[0], files.joints(100))
    assert rectangles.visibility[0].tolist() == [2, 1] * 8
    assert rectangles.position.tolist() == [[180, 60.5]]
    assert rectangles.scale.tolist() == [1.5]
    assert rectangles.measures["head_size"].tolist() == [30]
    assert release.training.tolist() == [True]
    assert release.pictures == 1


def test_visibility_as_the_archive_spells_it(read: Read) -> None:
    """Numbers of any type, characters, nothing at all: what is not said is visible, as in the hourglass release."""
    found = states(
        read,
        point(0, is_visible=np.uint8(1)),
        point(1, is_visible=0.0),
        point(2, is_visible="1"),
        point(3, is_visible="0"),
        point(4, is_visible=files.EMPTY),
        point(5, is_visible=True),
    )
    assert found == [2, 1, 2, 1, 2, 2] + [0] * 10


def test_points_without_the_field_visibility(read: Read) -> None:
    found = states(read, *({"x": 1.0, "y": 2.0, "id": float(identity)} for identity in (15, 3)))
    assert found == [0, 0, 0, 2] + [0] * 11 + [2]


def test_the_first_of_two_points_counts(read: Read, caplog: pytest.LogCaptureFixture) -> None:
    twice = files.points(point(4, x=1.0), point(3), point(4, x=2.0, is_visible=0.0))
    with caplog.at_level(logging.WARNING):
        rectangles = read(files.complete(100, annopoints=twice)).rectangles
    assert rectangles.joints[0, 4, 0] == 1
    assert rectangles.visibility[0, 4] == 2
    assert "1 points left out" in caplog.text


def test_small_whole_numbers_do_not_overflow(read: Read) -> None:
    """MATLAB stores each number in the smallest type that holds it."""
    person = files.complete(0, x1=np.uint8(200), x2=np.uint8(230), y1=np.uint8(50), y2=np.uint8(10))
    assert read(person).rectangles.measures["head_size"].tolist() == [30]


def test_incomplete_people_are_kept_as_they_are(read: Read) -> None:
    release = read(
        files.complete(100),
        files.complete(100, annopoints=files.EMPTY),
        files.complete(100, annopoints=structure_without_points()),
        files.complete(100, objpos=None, x1=None),
        files.complete(100, scale=None),
        files.complete(100, scale=0.0),
    )
    rectangles = release.rectangles
    assert rectangles.labelled.tolist() == [True, False, False, True, True, True]
    assert rectangles.placed.tolist() == [True, True, True, False, False, False]
    assert np.isnan(rectangles.measures["head_size"]).tolist() == [False, False, False, True, False, False]
    assert rectangles.measures["people"].tolist() == [6] * 6
    assert release.name(4) == "annolist(1).annorect(5)"


def structure_without_points() -> np.ndarray:
    return files.structure({"point": files.EMPTY})


def test_pictures_without_people(tmp_path: Path) -> None:
    pictures = [files.picture("empty.jpg"), files.picture("one.jpg", {"scale": 2.0}), files.picture("none.jpg")]
    release = read_release(files.write_official(tmp_path / "mpii.mat", pictures, [1, 0, 0]))
    assert release.pictures == 3
    assert release.rectangles.images == ["one.jpg"]
    assert release.rectangles.measures["image"].tolist() == [1]
    assert release.training.tolist() == [False]


def broken(**changes: Any) -> dict[str, Any]:
    return {"people": [files.complete(100), files.complete(100, **changes)]}


def bad_point(**changes: Any) -> dict[str, Any]:
    return broken(annopoints=files.points(point(2), point(3, **changes)))


PERSON = r"mpii\.mat: annolist\(1\)\.annorect\(2\): "
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no list": ({"people": [], "annolist": files.EMPTY}, r"img_train must hold 0 or 1 for each of the 0 pictures"),
    "nobody": ({"people": []}, r"RELEASE\.annolist must hold somebody"),
    "a list of numbers": ({"people": [], "annolist": np.ones(3)}, r"RELEASE\.annolist must be a structure array"),
    "too many flags": (
        {"people": [files.complete(1)], "img_train": np.ones((1, 2))},
        r"img_train must hold 0 or 1 for each of the 1 pictures of annolist, got array",
    ),
    "a flag of 2": ({"people": [files.complete(1)], "img_train": 2}, r"img_train must hold 0 or 1"),
    "people that are none": (
        {"people": [], "annolist": files.structure({"image": files.structure({"name": "a"}), "annorect": 3.0})},
        r"annolist\(1\): annorect must be a structure array, got 3\.0",
    ),
    "a picture without a name": (
        {
            "people": [],
            "annolist": files.structure({"image": files.EMPTY, "annorect": files.structure({"scale": 1.0})}),
        },
        r"annolist\(1\): image must be one structure, got '0 of them'",
    ),
    "a name that is a number": (
        {
            "people": [],
            "annolist": files.structure(
                {"image": files.structure({"name": 5.0}), "annorect": files.structure({"scale": 1.0})}
            ),
        },
        r"annolist\(1\): image\.name must name the picture's file, got 5\.0",
    ),
    "a scale of two": (broken(scale=np.ones((1, 2))), PERSON + "scale must be a finite number"),
    "a scale that is not a number": (broken(scale=np.nan), PERSON + "scale must be a finite number .* got nan"),
    "a scale in words": (broken(scale="tall"), PERSON + "scale must be a finite number .* got 'tall'"),
    "a complex scale": (broken(scale=1 + 2j), PERSON + "scale must be a finite number"),
    "a position of numbers": (broken(objpos=np.ones((1, 2))), PERSON + "objpos must be a structure array"),
    "two positions": (broken(objpos=files.structure({"x": 1.0}, {"x": 2.0})), PERSON + "objpos must be one structure"),
    "a huge head": (broken(x1=1e9), PERSON + r"x1 must be a finite number of at most 1e\+06 in size, got 1000000000"),
    "points that are none": (broken(annopoints=np.ones((16, 2))), PERSON + "annopoints must be a structure array"),
    "no ids": (
        broken(annopoints=files.points({"x": 1.0, "y": 1.0})),
        PERSON + r"annopoints\.point must have the field id, got 'x, y'",
    ),
    "an id of 16": (bad_point(id=16.0), PERSON + r"point\.id must be a whole number from 0 to 15, got 16\.0"),
    "half an id": (bad_point(id=0.5), PERSON + r"point\.id must be a whole number from 0 to 15, got 0\.5"),
    "an infinite point": (bad_point(x=np.inf), PERSON + r"point\.x must be a finite number .* got inf"),
    "a point in words": (bad_point(y="12"), PERSON + r"point\.y must be a number, got '12'"),
    "an empty point": (bad_point(x=files.EMPTY), PERSON + r"point\.x must be a number, got array"),
    "a visibility of 2": (bad_point(is_visible=2.0), PERSON + r"point\.is_visible must be 0 or 1, got 2\.0"),
    "two visibilities": (bad_point(is_visible=np.ones((1, 2))), PERSON + r"point\.is_visible must be 0 or 1"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named(read: Read, fault: str) -> None:
    changes, message = FAULTS[fault]
    with pytest.raises(ValueError, match=message):
        read(*changes["people"], **{name: value for name, value in changes.items() if name != "people"})


def test_other_files_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.mat"
    scipy.io.savemat(other, {"releases": 1.0})
    with pytest.raises(ValueError, match=r"other\.mat: RELEASE must be given, but is missing"):
        read_release(other)
    scipy.io.savemat(other, {"RELEASE": files.structure({"annolist": files.EMPTY, "img_trains": 1.0})})
    with pytest.raises(ValueError, match=r"img_train must be given, but is missing; did you mean img_trains\?"):
        read_release(other)
    scipy.io.savemat(other, {"RELEASE": 3.0})
    with pytest.raises(ValueError, match="RELEASE must be a structure array, got 3"):
        read_release(other)


def test_damaged_files_are_named(read: Read, tmp_path: Path) -> None:
    """Cut short anywhere, or with bytes changed: an error that names the file, or people as before."""
    read(files.complete(100), files.complete(200))
    file = tmp_path / "mpii.mat"
    said = complaints(read_release, file)
    assert all(str(file) in complaint for complaint in said if complaint)
    assert None not in said[:50]
