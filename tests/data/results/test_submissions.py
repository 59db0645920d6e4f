"""posepyr evaluate --submission: what servers take is written, and what they would refuse is refused at once."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from posepyr.cli.data_make import drawn_skeleton
from posepyr.cli.main import main
from posepyr.data.export import write_mpii
from posepyr.data.export.writing import write_jpeg
from posepyr.data.sources.coco import Coco
from posepyr.data.sources.figures import Figures
from posepyr.data.sources.lsp import Lsp
from posepyr.data.sources.mpii import Mpii
from posepyr.data.sources.posetrack import PoseTrack
from posepyr.errors import UsageError
from posepyr.records import Source
from posepyr.skeleton import COCO_JOINTS, MPII_JOINTS, POSETRACK_JOINTS, Skeleton
from support.untrained import QUICK, write_untrained


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides for three test pictures whose labels are not public; a detector found people in two of them."""
    root = tmp_path_factory.mktemp("coco")
    (root / "test2017").mkdir()
    images = [{"id": number, "file_name": f"{number}.jpg", "height": 60, "width": 80} for number in (5, 6, 7)]
    for image in images:
        write_jpeg(root / "test2017" / str(image["file_name"]), np.full((60, 80, 3), 99, np.uint8))
    (root / "annotations").mkdir()
    listed = {"images": images, "categories": [{"id": 1, "name": "person"}]}
    (root / "annotations" / "image_info_test-dev2017.json").write_text(json.dumps(listed))
    boxes = [(5, [10, 5, 30, 40], 0.9), (7, [40, 5, 30, 40], 0.8), (5, [30, 10, 40, 40], 0.7)]
    detections = [{"image_id": one, "category_id": 1, "bbox": box, "score": score} for one, box, score in boxes]
    (root / "boxes.json").write_text(json.dumps(detections))
    return [
        "data=coco_detections", "metrics=coco", f"data.source.folder={root}", "data.source.splits.test=test-dev2017",
        "data.source.images=test2017", "data.source.annotations='annotations/image_info_{split}.json'",
        "data.source.detections=boxes.json", *QUICK,
    ]  # fmt: skip


def test_cocos_test_pictures_are_written_in_a_detectors_boxes_alone(
    coco: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, file = write_untrained(tmp_path / "a.ckpt", "data=coco"), tmp_path / "results.json"
    out = tmp_path / "out"
    assert main(["evaluate", checkpoint, *coco, "--output", str(out), "--submission", str(file)]) == 0
    results = json.loads(file.read_text())
    # The picture without anybody is no gap: there is nothing to say of it.
    assert {result["image_id"] for result in results} == {5, 7}
    assert {len(result["keypoints"]) for result in results} == {51}
    [report] = json.loads((out / "test_scores.json").read_text())
    assert (report["name"], report["people"], report["scores"]) == ("test_detbox", 3, {})
    assert f"submission: {file}" in capsys.readouterr().out


def test_a_network_without_cocos_joints_is_refused_before_anything_is_computed(
    coco: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, out = write_untrained(tmp_path / "a.ckpt", "data=mpii"), tmp_path / "out"
    assert main(["evaluate", checkpoint, *coco, "--output", str(out), "--submission", "results.json"]) == 2
    error = capsys.readouterr().err
    assert "must have all 17 joints of COCO" in error
    assert "skeleton 'mpii' lacks nose, left_eye, right_eye, left_ear, right_ear" in error
    assert [*out.iterdir()] == []


def test_a_sweep_has_no_submission(coco: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = write_untrained(tmp_path / "a.ckpt", "data=coco")
    command = ["evaluate", checkpoint, "-m", *coco, "protocol=flip,single", "--submission", "results.json"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 2
    assert "must come with one evaluation, got 2 combinations of -m" in capsys.readouterr().err


def test_everybody_of_mpiis_test_pictures_is_in_the_official_file(tmp_path: Path) -> None:
    write_mpii(Figures(0.2, size=64, train=2, val=2, test=3, seed=3), drawn_skeleton(), tmp_path / "mpii", ["test"])
    checkpoint, file = write_untrained(tmp_path / "a.ckpt", "data=mpii"), tmp_path / "pred.mat"
    arguments = ["data=mpii", f"data.source.folder={tmp_path / 'mpii'}", "metrics=pck", *QUICK]
    assert main(["evaluate", checkpoint, *arguments, "--output", str(tmp_path / "out"), "--submission", str(file)]) == 0
    pred = scipy.io.loadmat(file)["pred"]
    people = [person for picture in pred[0] for person in picture["annorect"][0]]
    assert len(people) == 3
    for person in people:
        assert person["annopoints"]["point"][0, 0].shape == (1, 16)


COCO_SKELETON, MPII_SKELETON, VIDEOS = (
    Skeleton("coco", COCO_JOINTS),
    Skeleton("mpii", MPII_JOINTS),
    Skeleton("videos", POSETRACK_JOINTS),
)


@pytest.mark.parametrize(
    ("source", "skeleton", "split", "message"),
    [
        (Lsp("lsp"), MPII_SKELETON, "test", "whose servers take one; got data of Lsp"),
        (
            Mpii("mpii", annotations="annot/{split}.json"),
            MPII_SKELETON,
            "test",
            "whose servers take one; got data of Mpii",
        ),
        (Mpii("mpii"), COCO_SKELETON, "test", "all 16 joints of MPII, .* lacks pelvis, thorax, neck, head_top"),
        (
            Mpii("mpii"),
            MPII_SKELETON,
            "val",
            r"of MPII's test people, got its valid people; score the split test",
        ),
        (PoseTrack("p"), COCO_SKELETON, "val", "all 15 joints of PoseTrack, .* lacks head_bottom, head_top"),
        (PoseTrack("p", detections="boxes.json"), VIDEOS, "val", "people in the boxes of boxes.json are not tracked"),
    ],
)
def test_what_no_server_takes(tmp_path: Path, source: Source, skeleton: Skeleton, split: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        source.check_submission(split, skeleton, tmp_path / "new")


def test_a_file_is_named_where_one_is_written_and_a_new_folder_for_videos(tmp_path: Path) -> None:
    Coco("coco").check_submission("test", COCO_SKELETON, tmp_path / "new.json")
    with pytest.raises(UsageError, match=r"submission must name a file, got .*, a folder"):
        Coco("coco").check_submission("test", COCO_SKELETON, tmp_path)
    PoseTrack("p").check_submission("test", VIDEOS, tmp_path)
    (tmp_path / "old.json").touch()
    with pytest.raises(UsageError, match="submission must name a new folder, for a file a video"):
        PoseTrack("p").check_submission("test", VIDEOS, tmp_path)
