"""posepyr evaluate on PoseTrack: the same mAP as posepyr score gives what it writes, in both kinds of boxes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posepyr.cli.main import main
from posepyr.data.export.writing import write_jpeg
from posepyr.data.results.posepyr_file import SavedPredictions, read_saved, write_saved
from posepyr.skeleton import POSETRACK_JOINTS
from support.untrained import QUICK, write_untrained

NAMES = [*POSETRACK_JOINTS[:3], "left_ear", "right_ear", *POSETRACK_JOINTS[3:]]
HEADS = [80, 80]
"""Width and height: so large that even first weights find somebody."""
SINGLE = 1e-7
"""What is logged has single precision."""


def write_archive(root: Path) -> None:
    """Two videos in the layout of 2018; a region of one is to be ignored, and in one frame of each nobody is."""
    generator = np.random.default_rng(0)
    for number, video in enumerate(("000001_one", "000002_two")):
        images: list[dict[str, Any]] = []
        people = []
        for frame in range(3):
            identity, name = 100 * number + frame, f"images/val/{video}/{frame:06d}.jpg"
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            write_jpeg(root / name, generator.integers(0, 256, (120, 160, 3), np.uint8))
            images.append({"id": identity, "file_name": name, "height": 120, "width": 160, "is_labeled": frame < 2})
            for track in range(2 if frame < 2 else 0):
                places = generator.uniform(0, 80, (17, 2)) + 40 * track
                triples = np.column_stack([places, np.array([1, 1, 1, 0, 0] + 12 * [1])])
                triples[3:5] = 0
                people.append({
                    "id": len(people), "image_id": identity, "category_id": 1, "track_id": 5 + track,
                    "keypoints": triples.ravel().tolist(), "bbox": [*places.min(axis=0).tolist(), 80, 80],
                    "bbox_head": [0, 0, *HEADS],
                })  # fmt: skip
        images[0] |= {"ignore_regions_x": [[0, 50, 50, 0]], "ignore_regions_y": [[0, 0, 50, 50]]}
        content = {"images": images, "annotations": people, "categories": [{"id": 1, "keypoints": NAMES}]}
        (root / "annotations" / "val").mkdir(parents=True, exist_ok=True)
        (root / "annotations" / "val" / f"{video}.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("posetrack")
    write_archive(root)
    return root


@pytest.fixture(scope="module", params=["made", "real"])
def archive(request: pytest.FixtureRequest) -> Path:
    if request.param == "made":
        folder: Path = request.getfixturevalue("made")
        return folder
    shared: Path = request.getfixturevalue("shared")
    return shared / "data" / "posetrack18_mini"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_untrained(tmp_path_factory.mktemp("checkpoint") / "a.ckpt", "data=posetrack")


def on(archive: Path, *more: str) -> list[str]:
    return ["data=posetrack", "metrics=posetrack", f"data.source.folder={archive}", *QUICK, *more]


def scored(archive: Path, predictions: Path, report: Path) -> dict[str, float]:
    """What posepyr score makes of predictions."""
    files = ["--truth", str(archive / "annotations" / "val"), "--predictions", str(predictions)]
    assert main(["score", "--metric", "posetrack", *files, "--json", str(report)]) == 0
    scores: dict[str, float] = json.loads(report.read_text())["scores"]
    return scores


@pytest.fixture(scope="module")
def evaluated(archive: Path, checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``out`` and with ``results``, the submission."""
    folder = tmp_path_factory.mktemp("evaluated")
    command = ["evaluate", checkpoint, *on(archive), "--split", "val", "--output", str(folder / "out")]
    assert main([*command, "--submission", str(folder / "results")]) == 0
    return folder


def test_what_is_written_scores_the_same(archive: Path, evaluated: Path, tmp_path: Path) -> None:
    [report] = json.loads((evaluated / "out" / "val_scores.json").read_text())
    ours = {name.replace("val_gtbox/", ""): value for name, value in report["scores"].items()}
    kinds = ("head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    assert set(ours) == {"map", *(f"map/{kind}" for kind in kinds)}
    written = scored(archive, evaluated / "results", tmp_path / "written.json")
    # The tracks of annotated boxes are known, so that there is a MOTA too.
    assert "mota" in written
    assert ours == pytest.approx({name: written[name] for name in ours}, abs=SINGLE)
    saved = scored(archive, evaluated / "out" / "val_gtbox_predictions.npz", tmp_path / "saved.json")
    assert ours == pytest.approx(saved, abs=SINGLE)
    if archive.name != "posetrack18_mini":
        assert ours["map"] > 0


def test_submissions_have_every_video_and_the_annotated_tracks(archive: Path, evaluated: Path) -> None:
    for file in (archive / "annotations" / "val").iterdir():
        truth, found = (json.loads(path.read_text()) for path in (file, evaluated / "results" / file.name))
        assert [image["id"] for image in found["images"]] == [image["id"] for image in truth["images"]]
        of = [[(person["image_id"], person["track_id"]) for person in one["annotations"]] for one in (found, truth)]
        assert sorted(of[0]) == sorted(of[1])


def test_a_detectors_boxes_are_a_row_of_their_own_and_are_not_tracked(
    made: Path, checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = [json.loads(file.read_text()) for file in (made / "annotations" / "val").iterdir()]
    boxes = [
        {"image_id": image["id"], "category_id": 1, "bbox": [5, 5, 100, 100], "score": 0.5}
        for content in truth
        for image in content["images"]
    ]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    data = on(made, f"data.source.detections={tmp_path / 'boxes.json'}")
    assert main(["evaluate", checkpoint, *data, "--output", str(tmp_path / "out")]) == 0
    annotated, detected = json.loads((tmp_path / "out" / "test_scores.json").read_text())
    assert (annotated["name"], detected["name"]) == ("test_gtbox", "test_detbox")
    assert detected["people"] == len(boxes)
    again = scored(made, tmp_path / "out" / "test_detbox_predictions.npz", tmp_path / "again.json")
    assert {f"test_detbox/{name}": value for name, value in again.items()} == pytest.approx(
        detected["scores"], abs=SINGLE
    )
    said = capsys.readouterr()
    assert "is at most (<=) 0.5 times the size of the head" in said.out
    command = ["evaluate", checkpoint, *data, "--output", str(tmp_path / "refused")]
    assert main([*command, "--submission", str(tmp_path / "results")]) == 2
    assert "are not tracked; set detections=null" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_the_truth_in_place_of_the_predictions_is_perfect(archive: Path, evaluated: Path, tmp_path: Path) -> None:
    saved = read_saved(evaluated / "out" / "val_gtbox_predictions.npz")
    labelled = saved.truth.visibility[..., None] > 0
    perfect = saved.predictions._replace(keypoints=np.where(labelled, saved.truth.keypoints, np.nan))
    write_saved(tmp_path / "perfect.npz", SavedPredictions(perfect, saved.joints, {}, saved.truth))
    scores = scored(archive, tmp_path / "perfect.npz", tmp_path / "scores.json")
    assert set(scores.values()) == {1.0}
