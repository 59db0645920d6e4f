"""posepyr evaluate: rows, protocols and files, on data sets in COCO's layout."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from posepyr.cli.data_make import drawn_skeleton
from posepyr.cli.main import main
from posepyr.data.export import write_coco
from posepyr.data.results.posepyr_file import read_saved
from posepyr.data.sources.coco import Coco
from posepyr.data.sources.figures import Figures
from posepyr.data.sources.mixture import Mixture
from posepyr.evaluation.poses import sources_by_row
from posepyr.skeleton import MPII_JOINTS

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
    scores = {name.replace("val_gtbox", "last/val"): value for name, value in report["scores"].items()}
    assert scores == {name: value for name, value in training.items() if name.startswith("last/")}
    assert {"last/val/ap", "last/val/ap@0.50", "last/val/ar", "last/val/pck"} <= set(scores)


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
    arguments = ["data.source.detections=boxes.json", "--output", str(tmp_path / "out")]
    assert main(["evaluate", checkpoint, *arguments]) == 0
    annotated, detected = json.loads((tmp_path / "out" / "test_scores.json").read_text())
    assert (annotated["name"], annotated["boxes"], annotated["people"]) == ("test_gtbox", "annotated", 7)
    assert (detected["name"], detected["boxes"], detected["people"]) == ("test_detbox", "detected (boxes.json)", 14)
    # A detector's people have no joints to be near to.
    assert "test_gtbox/pck" in annotated["scores"]
    assert [name for name in detected["scores"] if "/pck" in name] == ["test_detbox/pck_people_not_scored"]
    assert not (tmp_path / "out" / "test_detbox_pck_curve.png").exists()
    said = capsys.readouterr().out
    assert "test_gtbox: 7 people in annotated boxes, each resized to 32x32 pixels\n" in said
    assert (
        "  the heatmaps of a crop and of its mirror image are averaged; joints are at the heatmap's peak, found" in said
    )
    assert "test_detbox: 14 people in detected boxes (boxes.json), each resized to 32x32 pixels\n" in said


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


def test_predictions_are_saved_and_scored_again(trained: Path, archive: Path, tmp_path: Path) -> None:
    checkpoint = str(trained / "checkpoints" / "last.ckpt")
    assert main(["evaluate", checkpoint, "--output", str(tmp_path / "out")]) == 0
    predictions = tmp_path / "out" / "test_gtbox_predictions.npz"
    saved = read_saved(predictions)
    assert saved.predictions.sample.tolist() == list(range(7))
    assert saved.protocol["people"] == 7
    truth = str(archive / "annotations" / "person_keypoints_val2017.json")
    scored = tmp_path / "scored.json"
    arguments = ["--metric", "oks", "--truth", truth, "--predictions", str(predictions), "--json", str(scored)]
    assert main(["score", *arguments]) == 0
    [report] = json.loads((tmp_path / "out" / "test_scores.json").read_text())
    assert json.loads(scored.read_text())["scores"]["ap"] == report["scores"]["test_gtbox/ap"]
    assert json.loads(scored.read_text())["protocol"] in report["rules"]


def test_the_worst_of_the_split_that_is_scored_are_drawn(trained: Path, archive: Path, tmp_path: Path) -> None:
    """Not those of the test split, which here is not even there."""
    checkpoint, out = str(trained / "checkpoints" / "last.ckpt"), tmp_path / "out"
    elsewhere = "data.source.splits={val: train2017, test: test2017}"
    assert main(["evaluate", checkpoint, "--split", "val", elsewhere, "--output", str(out)]) == 0
    [report] = json.loads((out / "val_scores.json").read_text())
    assert report["people"] == 8
    for picture in ("pictures/predictions/val.png", "val_gtbox_pck_curve.png", "val_gtbox_ap_curve.png"):
        pixels = cv2.imread(str(out / picture))
        assert pixels is not None, picture
        assert pixels.std() > 10, picture


def test_how_the_numbers_were_taken_is_printed_and_written(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    checkpoint, out = str(trained / "checkpoints" / "last.ckpt"), tmp_path / "out"
    assert main(["evaluate", checkpoint, "metrics.pck.threshold=0.3", "--output", str(out)]) == 0
    said = capsys.readouterr().out
    assert (
        "  PCK@0.3: share of joints whose distance from the annotation is at most (<=) 0.3 times that from left_hip"
        in said
    )
    assert "  OKS AP and AR: averages over thresholds 0.50 to 0.95" in said
    [report] = json.loads((out / "test_scores.json").read_text())
    assert all(f"  {rule}\n" in said for rule in report["rules"])
    assert len(report["rules"]) == 2


def test_a_mixture_is_scored_on_the_one_data_set_that_it_names(trained: Path, archive: Path, tmp_path: Path) -> None:
    named = Coco(str(archive), detections="boxes.json")
    rows = sources_by_row(
        Mixture({"other": Figures(0.2), "coco": named}, joints=MPII_JOINTS, evaluate_on="coco"), "val"
    )
    assert [*rows] == ["val_gtbox", "val_detbox"]
    assert [row.detections for row in rows.values()] == [None, "boxes.json"]
    assert [*sources_by_row(Mixture({"other": Figures(0.2), "coco": named}, joints=MPII_JOINTS), "val")] == ["val"]


def test_data_of_the_other_kind_are_refused(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    checkpoint = str(trained / "checkpoints" / "last.ckpt")
    assert main(["evaluate", checkpoint, "data=cifar10", "--output", str(tmp_path / "out")]) == 2
    assert "data must have people for a pose network, as data=mpii or data=coco" in capsys.readouterr().err


@pytest.mark.parametrize("override", ["model=hrnet_w32", "codec.refine=none", "data.input_size=[64,64]"])
def test_what_the_checkpoint_brings_cannot_be_changed(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture, override: str
) -> None:
    checkpoint = str(trained / "checkpoints" / "last.ckpt")
    assert main(["evaluate", checkpoint, override, "--output", str(tmp_path / "out")]) == 2
    key = override.partition("=")[0]
    assert f"{key} must be left out: the checkpoint has its own" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


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
    assert {"best/val/ap", "best/val/ar", "test/ap"} <= set(scores)
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
