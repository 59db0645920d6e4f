"""The golden networks from the release's file to scores, by the commands alone, on real pictures.

Their weights follow a rule instead of a training, so that they find next to nothing: thresholds here are wide enough
for some joints to count, and what is checked is that all that is printed and written is whole and agrees.
"""

import json
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
import torch

from posepyr.cli.main import main
from posepyr.data.results.posepyr_file import read_saved
from support.released import state_of

QUICK = ["data.workers=0", "trainer=cpu", "progress=false"]
SINGLE = 1e-6
"""What is logged has single precision."""

PADDED_BOXES = [(0, 0, 0, 0), (-4, 6, 8, -3)]
"""What a detector might make of an annotated box: itself, and one not quite like it."""


def converted(shared: Path, name: str, folder: Path) -> str:
    """The checkpoint of a golden network, made from a file as its release has them."""
    torch.save({"state_dict": state_of(shared / "golden" / f"{name}.json")}, folder / "released.pth")
    size = [] if name.endswith("mpii") else ["--input", "256x192"]
    assert main(["convert", str(folder / "released.pth"), "--output", str(folder / f"{name}.ckpt"), *size]) == 0
    (folder / "released.pth").unlink()
    return str(folder / f"{name}.ckpt")


def evaluated(checkpoint: str, overrides: list[str], out: Path) -> list[dict[str, Any]]:
    """The reports of an evaluation, which must have been printed as well."""
    assert main(["evaluate", checkpoint, *overrides, *QUICK, "--split", "val", "--output", str(out)]) == 0
    reports: list[dict[str, Any]] = json.loads((out / "val_scores.json").read_text())
    return reports


def check_row(out: Path, report: dict[str, Any], people: int) -> None:
    """Scores are shares, and everybody is in the predictions."""
    shares = {name: score for name, score in report["scores"].items() if not name.endswith("_people_not_scored")}
    assert shares
    assert all(0 <= score <= 1 for score in shares.values()), shares
    assert all(name.startswith(f"{report['name']}/") for name in shares)
    saved = read_saved(out / f"{report['name']}_predictions.npz")
    assert report["people"] == len(saved.predictions.sample) == people
    assert np.isfinite(saved.predictions.keypoints).all()
    # Heights as they are, since poses are ranked by them: these networks' lie anywhere.
    assert np.isfinite(saved.predictions.scores).all()
    assert saved.protocol["input_size"] == report["input_size"]


def check_pictures(out: Path, *names: str) -> None:
    for name in names:
        pixels = cv2.imread(str(out / name))
        assert pixels is not None, name
        assert pixels.std() > 5, name


def scored(metric: str, truth: Path, predictions: Path, *more: str) -> dict[str, float]:
    """What posepyr score makes of saved predictions."""
    report = predictions.with_suffix(".json")
    files = ["--truth", str(truth), "--predictions", str(predictions), "--json", str(report)]
    assert main(["score", "--metric", metric, *files, *more]) == 0
    scores: dict[str, float] = json.loads(report.read_text())["scores"]
    return scores


@pytest.fixture(scope="module")
def mpii(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the validation people of five pictures, and with two of them; the size of heads is among it."""
    folder = tmp_path_factory.mktemp("mpii")
    (folder / "images").symlink_to(shared / "data" / "mpii_mini" / "images")
    there = [path.name.encode() for path in (folder / "images").iterdir()]
    with h5py.File(shared / "data" / "mpii_val" / "valid.h5") as everybody:
        chosen = np.flatnonzero(np.isin(everybody["imgname"][()], there))
        for name, people in (("valid", chosen), ("two", chosen[:2])):
            with h5py.File(folder / f"{name}.h5", "w") as few:
                for field, values in everybody.items():
                    few[field] = values[()][people]
    return folder


@pytest.fixture(scope="module")
def hourglass(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return converted(shared, "hourglass_s2_b1_mpii", tmp_path_factory.mktemp("hourglass"))


def of_mpii(folder: Path, file: str) -> list[str]:
    return [
        "data=mpii", f"data.source.folder={folder}", "data.source.annotations='{split}.h5'", "data.batch_size=4",
        f"data.source.splits.val={file}", "metrics=pckh", "metrics.pckh.thresholds=[4]",
    ]  # fmt: skip


@pytest.mark.timeout(600)
def test_the_hourglass_on_mpii(hourglass: str, mpii: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, truth = tmp_path / "out", mpii / "valid.h5"
    [report] = evaluated(hourglass, of_mpii(mpii, "valid"), out)
    said = capsys.readouterr().out
    assert "val: 5 people in annotated boxes, each resized to 256x256 pixels\n  the heatmaps of a crop and" in said
    assert "; joints are where the heatmap is highest, moved a quarter of a cell towards the higher neighbour\n" in said
    assert "  PCKh@4: share of joints whose distance from the annotation is at most (<=) 4 times the size of" in said
    check_row(out, report, 5)
    check_pictures(out, "pictures/predictions/val.png", "val_pckh_curve.png")
    again = scored("pckh", truth, out / "val_predictions.npz", "--threshold", "4")
    assert {f"val/{name}": score for name, score in again.items()} == pytest.approx(report["scores"], abs=SINGLE)
    assert 0 < again["pckh"] < 1


@pytest.mark.timeout(600)
def test_six_scales_are_compared_with_one(
    hourglass: str, mpii: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    means, files = [], []
    for protocol in ("flip", "six_scales"):
        out = tmp_path / protocol
        [report] = evaluated(hourglass, [*of_mpii(mpii, "two"), f"protocol={protocol}"], out)
        check_row(out, report, 2)
        means.append(report["scores"]["val/pckh"])
        files.append(str(out / "val_predictions.npz"))
    printed = capsys.readouterr().out
    assert "val: 2 people in annotated boxes, each resized to 256x256 pixels\n" in printed
    crops = "crops of 6 sizes, 0.8, 0.9, 1, 1.1, 1.2, 1.3 times the box, and of their mirror images"
    assert f"  the heatmaps of {crops} are averaged; joints are where the average is highest\n" in printed
    assert not np.array_equal(*(read_saved(Path(file)).predictions.keypoints for file in files))
    command = ["compare", "--metric", "pckh", "--threshold", "4", "--truth", str(mpii / "two.h5"), *files]
    assert main([*command, "--json", str(tmp_path / "compared.json")]) == 0
    mean = json.loads((tmp_path / "compared.json").read_text())["differences"]["mean"]
    assert [mean["first"], mean["second"]] == pytest.approx(means, abs=SINGLE)


def coco_of(shared: Path, folder: Path, pictures: int) -> int:
    """Writes a folder with so many of the pictures, and a detector's boxes; gives how many people have joints."""
    source = shared / "data" / "coco_mini"
    content = json.loads((source / "annotations" / "person_keypoints_train2017.json").read_text())
    content["images"] = content["images"][:pictures]
    kept = {image["id"] for image in content["images"]}
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] in kept]
    people = [one for one in content["annotations"] if one["num_keypoints"] and not one["iscrowd"]]
    boxes = [
        {"image_id": one["image_id"], "category_id": 1, "bbox": np.add(one["bbox"], shift).tolist(), "score": 0.9}
        for one in people
        for shift in PADDED_BOXES
    ]
    (folder / "annotations").mkdir(parents=True)
    (folder / "annotations" / "person_keypoints_val2017.json").write_text(json.dumps(content))
    (folder / "boxes.json").write_text(json.dumps(boxes))
    (folder / "val2017").symlink_to(source / "train2017")
    return len(people)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("ppnet_m2_d2_w32_coco", 6),
        pytest.param("ppnet_m2_d2_w32_coco", 80, marks=pytest.mark.long),
        pytest.param("hrnet_w32_coco", 80, marks=pytest.mark.long),
        pytest.param("simple_baseline_r50_coco", 80, marks=pytest.mark.long),
    ],
)
def test_the_others_on_coco(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, pictures: int
) -> None:
    checkpoint, people = converted(shared, name, tmp_path), coco_of(shared, tmp_path / "coco", pictures)
    if pictures == 80:
        assert people == 86
    data = ["data=coco", f"data.source.folder={tmp_path / 'coco'}", "data.source.detections=boxes.json", "metrics=coco"]
    found = "metrics.pck._target_=posepyr.metrics.pck.PCK"
    out = tmp_path / "out"
    annotated, detected = evaluated(checkpoint, [*data, found, "metrics.pck.threshold=2.0"], out)
    said = capsys.readouterr().out
    end = "each resized to 256x192 pixels\n"
    assert f"val_gtbox: {people} people in annotated boxes, {end}" in said
    assert f"val_detbox: {2 * people} people in detected boxes (boxes.json), {end}" in said
    check_row(out, annotated, people)
    check_row(out, detected, 2 * people)
    assert "val_gtbox" in said.split("\nscore ")[-1]
    check_pictures(out, "pictures/predictions/val.png", "val_gtbox_ap_curve.png", "val_gtbox_pck_curve.png")
    truth = tmp_path / "coco" / "annotations" / "person_keypoints_val2017.json"
    for report in (annotated, detected):
        row = report["name"]
        again = scored("oks", truth, out / f"{row}_predictions.npz")
        ours = {name: score for name, score in report["scores"].items() if name.removeprefix(f"{row}/") in again}
        assert ours == pytest.approx({f"{row}/{name}": score for name, score in again.items()}, abs=SINGLE)
        assert f"{row}/ap" in ours
    saved = out / "val_gtbox_predictions.npz"
    again = scored("pck", saved, saved, "--threshold", "2")
    assert again["pck"] == pytest.approx(annotated["scores"]["val_gtbox/pck"], abs=SINGLE)
    assert 0 < again["pck"] < 1
