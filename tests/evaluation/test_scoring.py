"""Predictions in files: published rows from released files, and what cannot be scored."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import yaml

from posepyr.data.results.predictions import PredictionFile, in_order, read_predictions
from posepyr.data.results.truths import TruthFile, read_truth
from posepyr.evaluation.comparison import compare_files
from posepyr.evaluation.scoring import FileScores, ScoreSettings, find_skeleton, score, score_videos
from posepyr.metrics.average_precision import AveragePrecision
from posepyr.nodes import build
from posepyr.records import Truth
from posepyr.skeleton import Skeleton
from support.places import CONF

CONF = CONF / "skeleton"
MPII, LSP, COCO = (build(yaml.safe_load((CONF / f"{name}.yaml").read_text())) for name in ("mpii", "lsp", "coco"))
COLUMNS = ("head_top", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
PUBLISHED = [95.80, 94.57, 88.12, 83.31, 86.24, 80.88, 77.44]
PRINTED = 0.005 + 1e-6
"""How far a number may be from its two printed decimals."""


def report(folder: Path, truth: str, predictions: str, settings: ScoreSettings | None = None) -> FileScores:
    known = read_truth(folder / truth)
    found = read_predictions(folder / predictions, len(known.joints))
    return score("pckh", found, known, skeleton=MPII, settings=settings or ScoreSettings())


def row(scores: dict[str, float]) -> list[float]:
    return [100 * scores[f"pckh/{joint}"] for joint in COLUMNS]


def test_the_released_hourglass_scores_its_published_row(shared: Path) -> None:
    folder = shared / "data" / "mpii_val"
    scores = report(folder, "detections_our_format.mat", "bearpaw-hg_s2_b1.mat").scores
    assert row(scores) == pytest.approx(PUBLISHED, abs=PRINTED)
    assert 100 * scores["pckh"] == pytest.approx(86.76, abs=PRINTED)
    assert 100 * scores["pckh_weighted"] == pytest.approx(87.30, abs=PRINTED)


def test_whole_coordinates_of_the_truth_change_little(shared: Path) -> None:
    folder = shared / "data" / "mpii_val"
    scores = report(folder, "valid.h5", "bearpaw-hg_s2_b1.mat").scores
    assert row(scores) == pytest.approx(PUBLISHED, abs=0.11)
    strict = report(folder, "valid.h5", "bearpaw-hg_s2_b1.mat", ScoreSettings(strict=True)).scores
    assert strict["pckh"] <= scores["pckh"]


def test_tompsons_predictions_lie_in_the_file_of_the_truth(shared: Path) -> None:
    scores = report(shared / "data" / "mpii_val", "detections_our_format.mat", "detections_our_format.mat").scores
    assert row(scores) == pytest.approx([95.60, 92.71, 83.36, 76.74, 81.93, 73.36, 65.45], abs=PRINTED)


def test_two_stacks_are_better_than_one_for_certain(shared: Path) -> None:
    folder = shared / "data" / "mpii_val"
    known = read_truth(folder / "detections_our_format.mat")
    one, two = (read_predictions(folder / f"bearpaw-hg_s{stacks}_b1.mat", 16) for stacks in (1, 2))
    _, differences = compare_files("pckh", (one, two), known, skeleton=MPII, settings=ScoreSettings())
    assert 100 * differences["mean"].second == pytest.approx(86.76, abs=PRINTED)
    assert differences["mean"].certain
    assert differences["mean"].difference > 0
    assert not {"pelvis", "thorax"} & set(differences)
    _, itself = compare_files("pckh", (two, two), known, skeleton=MPII, settings=ScoreSettings())
    assert all(one.difference == one.low == one.high == 0 for one in itself.values())


def test_truth_as_prediction_of_posetrack_is_perfect(shared: Path) -> None:
    folder = shared / "data" / "posetrack18_mini" / "annotations" / "val"
    scores = score_videos(folder, folder, ScoreSettings()).scores
    assert scores["map"] == scores["mota"] == 1


def lsp_files(folder: Path, people: int = 12) -> tuple[TruthFile, PredictionFile]:
    """LSP's layout with every pose found, but for one wrist that is far off and one that has no place."""
    places = np.random.default_rng(0).uniform(20, 400, (people, 14, 2))
    joints = np.concatenate([places, np.zeros((people, 14, 1))], axis=2)
    scipy.io.savemat(folder / "joints.mat", {"joints": joints.transpose(2, 1, 0)})
    places[0, LSP.index("left_wrist")] += 1000
    places[1, LSP.index("right_wrist")] = np.nan
    scipy.io.savemat(folder / "pred.mat", {"pred": places.transpose(2, 1, 0)})
    known = read_truth(folder / "joints.mat")
    found = read_predictions(folder / "pred.mat", 14)
    assert isinstance(found, PredictionFile)
    return known, found


def test_lsp_by_hand(tmp_path: Path) -> None:
    known, found = lsp_files(tmp_path)
    pck = score("pck", found, known, skeleton=LSP, settings=ScoreSettings())
    assert (pck.people, pck.not_found) == (12, 1)
    assert pck.scores["pck/wrist"] == pytest.approx(11 / 12)
    assert pck.scores["pck"] == pytest.approx(1 - 2 / (12 * 14))
    pcp = score("pcp", found, known, skeleton=LSP, settings=ScoreSettings())
    assert pcp.scores["pcp/forearm"] == pytest.approx(11 / 12)
    assert pcp.scores["pcp"] == pytest.approx(1 - 2 / (12 * 10))
    _, parts = compare_files("pcp", (found, found), known, skeleton=LSP, settings=ScoreSettings())
    assert parts["forearm"].first == pytest.approx(11 / 12)


def test_what_the_truth_does_not_tell(tmp_path: Path) -> None:
    known, found = lsp_files(tmp_path)
    with pytest.raises(ValueError, match=r"joints\.mat must hold the size of heads for pckh, got LSP's joints\.mat"):
        score("pckh", found, known, skeleton=LSP, settings=ScoreSettings())
    with pytest.raises(ValueError, match=r"joints\.mat must hold people to break scores down by it"):
        score("pck", found, known, skeleton=LSP, settings=ScoreSettings(by=("people",)))
    assert (
        "pck_by_visibility/visible"
        in score("pck", found, known, skeleton=LSP, settings=ScoreSettings(by=("visibility",))).scores
    )
    nameless = known._replace(truth=known.truth._replace(images=np.array([""] * 12)))
    with pytest.raises(ValueError, match=r"joints\.mat must hold the pictures that people are in for oks"):
        score("oks", found, nameless, skeleton=LSP, settings=ScoreSettings())


def test_other_people_are_not_compared(tmp_path: Path) -> None:
    known, found = lsp_files(tmp_path)
    everybody = found._replace(truth=known.truth, joints=LSP.joints)
    some = everybody._replace(predictions=type(found.predictions)(*(field[3:] for field in found.predictions[:3])))
    with pytest.raises(ValueError, match=r"pred\.mat must hold the same people .* got 9 and 12, 9 of them in both"):
        compare_files("pck", (everybody, some), known, skeleton=LSP, settings=ScoreSettings())


@pytest.fixture
def coco_file(tmp_path: Path) -> Path:
    """Two pictures with three people, all labelled, in the file's own order of joints: the skeleton's, reversed."""
    generator = np.random.default_rng(0)
    annotations = []
    for identity, image in enumerate((5, 5, 9), start=1):
        triples = np.concatenate([generator.uniform(0, 100, (17, 2)) + 300 * identity, np.full((17, 1), 2)], axis=1)
        box = [300.0 * identity, 300.0 * identity, 100.0, 100.0]
        annotations.append(
            {"id": identity, "image_id": image, "category_id": 1, "iscrowd": 0, "area": 8000.0, "bbox": box,
             "keypoints": triples.ravel().tolist(), "num_keypoints": 17}
        )  # fmt: skip
    content = {
        "categories": [{"id": 1, "name": "person", "keypoints": list(reversed(COCO.joints))}],
        "images": [{"id": image, "file_name": f"{image}.jpg", "height": 2000, "width": 2000} for image in (5, 9)],
        "annotations": annotations,
    }
    file = tmp_path / "person_keypoints.json"
    file.write_text(json.dumps(content))
    return file


def results_of(file: Path, **changes: Any) -> Path:
    """Everybody's own pose as COCO results; the third person's is elsewhere."""
    people = json.loads(file.read_text())["annotations"]
    results = [
        {"image_id": person["image_id"], "category_id": 1, "keypoints": person["keypoints"], "score": 0.9}
        for person in people
    ]
    results[2]["keypoints"] = [value + 500 for value in results[2]["keypoints"]]
    results[0] |= changes
    written = file.with_name("results.json")
    written.write_text(json.dumps(results))
    return written


def test_coco_results_are_scored_as_they_stand(coco_file: Path) -> None:
    known = read_truth(coco_file)
    found = read_predictions(results_of(coco_file), 17)
    scored = score("oks", found, known, skeleton=COCO, settings=ScoreSettings())
    assert scored.people == 3
    assert scored.scores["ar"] == pytest.approx(2 / 3)
    # Precision is 1 up to a recall of 2/3 and 0 beyond, at 101 points of which 67 are below.
    assert scored.scores["ap"] == pytest.approx(67 / 101)


def test_coco_results_that_cannot_be_scored(coco_file: Path, tmp_path: Path) -> None:
    known = read_truth(coco_file)
    elsewhere = read_predictions(results_of(coco_file, image_id=7), 17)
    with pytest.raises(
        ValueError, match=r"results\.json: \[0\]: image_id must be an image of .*keypoints\.json, got 7"
    ):
        score("oks", elsewhere, known, skeleton=COCO, settings=ScoreSettings())
    with pytest.raises(ValueError, match=r"results\.json must hold one pose for each person to be scored by pck"):
        score("pck", elsewhere, known, skeleton=COCO, settings=ScoreSettings())
    odd = known._replace(joints=("tail", *known.joints[1:]))
    with pytest.raises(ValueError, match=r"must have all joints of the skeleton for oks, got none for right_ankle"):
        score("oks", elsewhere, odd, skeleton=COCO, settings=ScoreSettings())
    with pytest.raises(ValueError, match=r"joints\.mat must be COCO-style JSON for COCO's results"):
        score("oks", elsewhere, lsp_files(tmp_path)[0], skeleton=LSP, settings=ScoreSettings())


def test_saved_predictions_are_scored_as_at_evaluation(coco_file: Path) -> None:
    known = read_truth(coco_file)
    poses = in_order(known.truth.keypoints + 2.0)
    saved = PredictionFile(Path("test.npz"), "saved", poses, known.joints, known.truth.images, known.truth)
    scored = score("oks", saved, known, skeleton=COCO, settings=ScoreSettings())
    backwards: Skeleton = Skeleton("back", known.joints, sigmas=tuple(reversed(COCO.sigmas)))
    assert scored.scores == pytest.approx(AveragePrecision(backwards)(poses, known.truth))


def test_a_truth_of_its_own_is_not_asked_for_joints_it_lacks() -> None:
    places = np.random.default_rng(0).uniform(0, 100, (4, 3, 2))
    truth = Truth(places, np.full((4, 3), 2, np.uint8), np.ones((4, 4)), np.array(list("abcd")), {})
    joints = ("left_hip", "right_shoulder", "nose")
    known = TruthFile(Path("own.npz"), "saved", joints, truth)
    skeleton = Skeleton("three", joints, unit=("left_hip", "right_shoulder"))
    found = PredictionFile(Path("own.npz"), "saved", in_order(places), joints, truth.images, truth)
    assert score("pck", found, known, skeleton=skeleton, settings=ScoreSettings()).scores["pck"] == 1


def test_pckh_takes_its_settings() -> None:
    places = np.full((1, 16, 2), 50.0)
    truth = Truth(
        places, np.full((1, 16), 2, np.uint8), np.ones((1, 4)), np.array(["a"]), {"head_size": np.array([20.0])}
    )
    known = TruthFile(Path("truth.mat"), "a layout", MPII.joints, truth)

    def pckh(pixels: float, name: str = "pckh", **settings: Any) -> float:
        found = PredictionFile(Path("found.mat"), "a layout", in_order(places + np.array([pixels, 0.0])))
        return score("pckh", found, known, skeleton=MPII, settings=ScoreSettings(**settings)).scores[name]

    assert (pckh(10.0), pckh(10.0, strict=True)) == (1, 0)
    assert (pckh(2.1, "pckh@0.1"), pckh(2.1, "pckh@0.1", compat=True)) == (0, 1)
    assert (pckh(2.1, threshold=0.1), pckh(2.1, threshold=0.1, compat=True)) == (0, 1)
    assert (pckh(5.0, threshold=0.2), pckh(5.0, threshold=0.3)) == (0, 1)


def test_the_skeleton_is_that_of_the_joints(tmp_path: Path) -> None:
    truth = Truth(np.zeros((1, 2, 2)), np.ones((1, 2), np.uint8), np.ones((1, 4)), np.array(["a"]), {})
    known = TruthFile(Path("arms.npz"), "a layout", ("left_wrist", "right_wrist"), truth)
    assert find_skeleton(None, known).joints == known.joints
    for name in ("mpii", "lsp", "ai_challenger", "coco", "posetrack"):
        joints = find_skeleton(name, known).joints
        assert find_skeleton(None, known._replace(joints=joints)).name == name
    mpii = known._replace(joints=tuple(reversed(find_skeleton("mpii", known).joints)))
    assert find_skeleton(None, mpii).name == "mpii"
    (tmp_path / "mine.yaml").write_text(
        "name: arms\njoints: [right_wrist, left_wrist]\nimages: .\nannotations: {train: a.json}\n"
    )
    assert find_skeleton(str(tmp_path / "mine.yaml"), known).name == "arms"
