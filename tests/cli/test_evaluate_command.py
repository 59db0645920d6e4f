"""posepyr evaluate: rows, protocols and files, on data sets in COCO's layout."""

import json
from pathlib import Path

import numpy as np
import pytest

from posepyr.cli.data_make import drawn_skeleton
from posepyr.cli.main import main
from posepyr.data.export import write_coco
from posepyr.data.figures import Figures
from posepyr.data.results.posepyr_file import read_saved

TINY = [
    "data=coco", "skeleton=mpii", "metrics=coco", "metrics.pck._target_=posepyr.metrics.pck.PCK",
    "model.stacks=1", "model.width=16", "model.block.width=4", "model.depth=2", "data.input_size=[32,32]",
    "data.batch_size=4", "data.workers=0", "trainer.max_epochs=1", "trainer=cpu", "progress=false", "callbacks=none",
    "data.source.splits={train: train2017, val: val2017, test: val2017}",
]  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive") / "coco"
    write_coco(Figures(0.2, size=64, train=8, val=7, seed=3), drawn_skeleton(), folder, ["train", "val"])
    return folder


@pytest.fixture(scope="module")
def trained(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", *TINY, f"data.source.folder={archive}", f"hydra.run.dir={folder}"]) == 0
    return folder


def test_the_same_scores_as_in_training(trained: Path, tmp_path: Path) -> None:
    checkpoint = str(trained / "checkpoints" / "last.ckpt")
    assert main(["evaluate", checkpoint, "--split", "val", "--output", str(tmp_path / "out")]) == 0
    [report] = json.loads((tmp_path / "out" / "val_scores.json").read_text())
    training = json.loads((trained / "metrics.json").read_text())
    scores = {name.replace("val_gtbox", "val"): value for name, value in report["scores"].items()}
    assert scores == {name: value for name, value in training.items() if name.startswith("val/")}
    assert {"val/ap", "val/ap@0.50", "val/ar", "val/pck"} <= set(scores)


def test_both_kinds_of_boxes_make_a_row_each(
    trained: Path, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    truth = json.loads((archive / "annotations" / "person_keypoints_val2017.json").read_text())
    boxes = [
        {"image_id": person["image_id"], "category_id": 1, "bbox": np.add(person["bbox"], shift).tolist(), "score": 0.9}
        for person in truth["annotations"]
        for shift in ((0, 0, 0, 0), (3, 2, -4, 1))
    ]
    (archive / "boxes.json").write_text(json.dumps(boxes))
    checkpoint = str(trained / "checkpoints" / "last.ckpt")
    arguments = ["data.source.detections=boxes.json", "metrics.pck=null", "--output", str(tmp_path / "out")]
    assert main(["evaluate", checkpoint, *arguments]) == 0
    annotated, detected = json.loads((tmp_path / "out" / "test_scores.json").read_text())
    assert (annotated["name"], annotated["boxes"], annotated["people"]) == ("test_gtbox", "annotated", 7)
    assert (detected["name"], detected["boxes"], detected["people"]) == ("test_detbox", "detected (boxes.json)", 14)
    said = capsys.readouterr().out
    assert "test_gtbox: 7 people in annotated boxes, 32x32, flipped, one scale, decoded by dark" in said
    assert "test_detbox: 14 people in detected (boxes.json) boxes" in said


def test_six_scales_see_everybody_six_times_and_score_them_once(trained: Path, tmp_path: Path) -> None:
    checkpoint = str(trained / "checkpoints" / "last.ckpt")
    for batch in (5, 16):
        out = tmp_path / str(batch)
        assert (
            main(["evaluate", checkpoint, "protocol=six_scales", f"data.batch_size={batch}", "--output", str(out)]) == 0
        )
    one, other = (json.loads((tmp_path / name / "test_scores.json").read_text())[0] for name in ("5", "16"))
    assert one["scores"] == other["scores"]
    assert one["people"] == 7
    assert one["protocol"]["scales"] == [0.8, 0.9, 1.0, 1.1, 1.2, 1.3]
    assert (tmp_path / "5" / "test_gtbox_pck_curve.png").is_file()
    assert (tmp_path / "5" / "pictures" / "predictions" / "test.png").is_file()


def test_predictions_and_submissions_are_written(
    trained: Path, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    checkpoint = str(trained / "checkpoints" / "last.ckpt")
    file = tmp_path / "results.json"
    assert (
        main(["evaluate", checkpoint, "skeleton=mpii", "--output", str(tmp_path / "out"), "--submission", str(file)])
        == 1
    )
    # COCO's server wants COCO's 17 joints.
    assert "keypoints must be 51 numbers, got 48" in capsys.readouterr().err
    saved = read_saved(tmp_path / "out" / "test_gtbox_predictions.npz")
    assert saved.found.sample.tolist() == list(range(7))
    assert saved.protocol["people"] == 7
    truth = str(archive / "annotations" / "person_keypoints_val2017.json")
    scored, predictions = tmp_path / "scored.json", tmp_path / "out" / "test_gtbox_predictions.npz"
    arguments = ["--metric", "oks", "--truth", truth, "--predictions", str(predictions), "--json", str(scored)]
    assert main(["score", *arguments]) == 0
    # What had been computed is there, although the submission was not to be had.
    [report] = json.loads((tmp_path / "out" / "test_scores.json").read_text())
    assert json.loads(scored.read_text())["scores"]["ap"] == report["scores"]["test_gtbox/ap"]


def test_a_data_set_of_ones_own_trains_and_is_scored_by_oks(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "arms.yaml").write_text(
        "name: arms\n"
        "joints: [right_wrist, right_elbow, left_elbow, left_wrist]\n"
        "flip_pairs: [[right_wrist, left_wrist], [right_elbow, left_elbow]]\n"
        "sigmas: [0.062, 0.072, 0.072, 0.062]\n"
        f"images: {{train: {archive}/train2017, val: {archive}/val2017}}\n"
        f"annotations: {{train: {archive}/annotations/person_keypoints_train2017.json, "
        f"val: {archive}/annotations/person_keypoints_val2017.json}}\n"
    )
    own = ["data=custom", f"data.source.file={tmp_path}/arms.yaml", "metrics=coco"]
    general = [line for line in TINY if not line.startswith(("data=", "skeleton=", "metrics", "data.source"))]
    folder = tmp_path / "run"
    assert main(["train", *own, *general, f"hydra.run.dir={folder}"]) == 0
    scores = json.loads((folder / "metrics.json").read_text())
    assert {"val/ap", "val/ar", "test/ap"} <= set(scores)
    checkpoint = str(folder / "checkpoints" / "best.ckpt")
    assert main(["evaluate", checkpoint, "--output", str(tmp_path / "out")]) == 0
    [report] = json.loads((tmp_path / "out" / "test_scores.json").read_text())
    assert report["scores"] == {name: value for name, value in scores.items() if name.startswith("test/")}
    picture = next((archive / "val2017").iterdir())
    assert main(["predict", checkpoint, str(picture), "--output", str(tmp_path / "poses")]) == 0
    [poses] = [*(tmp_path / "poses").rglob("*.json")]
    assert set(next(iter(json.loads(poses.read_text()).values()))[0]["joints"]) == {
        "right_wrist",
        "right_elbow",
        "left_elbow",
        "left_wrist",
    }
