"""Saved predictions come back as they were, and damaged ones are refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posepyr.data.results.posepyr_file import SavedPredictions, read_saved, write_saved
from posepyr.records import Predictions, Truth

JOINTS = ("nose", "left_hand", "right_hand")


def saved(people: int = 4) -> SavedPredictions:
    generator = np.random.default_rng(0)
    truth = Truth(
        generator.uniform(0, 100, (people, 3, 2)),
        generator.integers(0, 3, (people, 3), np.uint8),
        generator.uniform(0, 100, (people, 4)),
        np.array([f"images/{index}.jpg" for index in range(people)]),
        {"head_size": np.array([10.0, np.nan] * (people // 2)), "image": np.array(["a", "b"] * (people // 2))},
        "people.json",
    )
    found = Predictions(np.array([0, 2]), generator.uniform(0, 100, (2, 3, 2)), generator.random((2, 3)))
    return SavedPredictions(found, JOINTS, {"scales": [1.0], "flip": True}, truth)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = saved()
    write_saved(tmp_path / "test_predictions.npz", written)
    read = read_saved(tmp_path / "test_predictions.npz")
    assert (read.joints, read.protocol, read.truth.file) == (JOINTS, written.protocol, "people.json")
    for ours, theirs in ((read.predictions, written.predictions), (read.truth[:4], written.truth[:4])):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
    assert set(read.truth.measures) == {"head_size", "image"}
    np.testing.assert_array_equal(read.truth.measures["head_size"], written.truth.measures["head_size"])
    assert [path.name for path in tmp_path.iterdir()] == ["test_predictions.npz"]


def test_what_is_said_of_visibility_is_read_where_it_was_written(tmp_path: Path) -> None:
    told, file = saved(), tmp_path / "told.npz"
    states = np.array([[1, 2, 2], [2, 1, 2]], np.uint8)
    write_saved(file, told._replace(predictions=told.predictions._replace(visibility=states)))
    read = read_saved(file).predictions.visibility
    assert read is not None
    np.testing.assert_array_equal(read, states)
    with np.load(file) as content:
        arrays = dict(content)
    for wrong, message in ((np.full((2, 3), 0), "must hold 1 or 2, got"), (states[:1], "must have the shape 2 x 3")):
        np.savez(file, **{**arrays, "found_visibility": wrong})
        with pytest.raises(ValueError, match=f"found_visibility {message}"):
            read_saved(file)


def test_numpy_alone_reads_it(tmp_path: Path) -> None:
    write_saved(tmp_path / "a.npz", saved())
    with np.load(tmp_path / "a.npz", allow_pickle=False) as content:
        assert content["keypoints"].shape == (2, 3, 2)
        assert json.loads(str(content["about"]))["version"] == 1


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "a later version": ({"about": np.array('{"version": 2}')}, r"about\.version must be 1, got 2; a later posepyr"),
    "no JSON": ({"about": np.array("{")}, r"about must be JSON, got '\{'"),
    "no protocol": ({"about": np.array('{"version": 1}')}, r"protocol must be given"),
    "nobody's number": ({"sample": np.array([0, 4])}, r"sample\[1\] must rise, and be below 4, got 4"),
    "a number twice": ({"sample": np.array([2, 2])}, r"sample\[1\] must rise"),
    "other joints": ({"joints": np.array(["nose"])}, r"keypoints must have the shape 2 x 1 x 2"),
    "joints of numbers": ({"joints": np.arange(3)}, r"joints must be a list of texts"),
    "scores of text": ({"scores": np.array(["a"])}, r"scores must have the shape 2 x 3"),
    "a state that is none": ({"visibility": np.full((4, 3), 3)}, r"visibility must hold 0, 1 or 2, got \[3\]"),
    "boxes of three": ({"boxes": np.zeros((4, 3))}, r"boxes must have the shape 4 x 4"),
    "a measure too short": ({"measure/area": np.zeros(3)}, r"measure/area must hold one for each of 4 people"),
    "pickles": ({"joints": np.array([{}], dtype=object)}, r"must be a whole \.npz file that posepyr wrote"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_posepyr_did_not_write(tmp_path: Path, fault: str) -> None:
    changes, message = FAULTS[fault]
    file = tmp_path / "a.npz"
    write_saved(file, saved())
    with np.load(file) as content:
        np.savez(file, **{**content, **changes})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message) as caught:
        read_saved(file)
    assert str(file) in str(caught.value)
    kept = {name: value for name, value in np.load(file, allow_pickle=True).items() if name != "truth"}
    np.savez(file, **kept)
    with pytest.raises(ValueError):
        read_saved(file)
