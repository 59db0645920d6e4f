"""OKS AP: what the reference library says of the same files, by both libraries, with and without a file."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posepyr.data.formats.coco_people import read_coco
from posepyr.data.formats.people import against_file, truth_of
from posepyr.metrics.average_precision import AveragePrecision
from posepyr.records import Predictions, Truth
from posepyr.skeleton import Skeleton

LIBRARIES = ["pycocotools", "faster_coco_eval"]


def skeleton(joints: int) -> Skeleton:
    sigmas = tuple(np.random.default_rng(joints).uniform(0.025, 0.11, joints).tolist())
    return Skeleton("random", tuple(f"joint_{number}" for number in range(joints)), sigmas=sigmas)


def annotations(joints: int, pictures: int, generator: np.random.Generator) -> dict[str, Any]:
    """Pictures with none to four people; some crowds, some people without a labelled joint, sizes of all kinds."""
    people = []
    for picture in range(1, pictures + 1):
        for _ in range(generator.integers(0, 5)):
            x, y = generator.uniform(0, 200, 2)
            width, height = np.exp(generator.uniform(np.log(20), np.log(250), 2))
            kind = generator.random()
            visibility = generator.integers(0, 3, joints) * (kind > 0.15)
            points = np.array([x, y]) + generator.random((joints, 2)) * (width, height)
            triples = np.column_stack([points * (visibility > 0)[:, None], visibility])
            people.append({
                "id": len(people) + 1, "image_id": 10 * picture, "category_id": 1, "iscrowd": int(0.15 < kind < 0.25),
                "bbox": [x, y, width, height], "area": float(width * height * 0.6),
                "keypoints": triples.ravel().tolist(), "num_keypoints": int((visibility > 0).sum()),
            })  # fmt: skip
    return {
        "images": [
            {"id": 10 * number, "file_name": f"{number}.jpg", "height": 500, "width": 500}
            for number in range(1, pictures + 1)
        ],
        "annotations": people,
        "categories": [
            {"id": 1, "name": "person", "keypoints": [f"joint_{number}" for number in range(joints)], "skeleton": []}
        ],
    }


def predictions(truth: Truth, generator: np.random.Generator) -> Predictions:
    """Right, nearly right and wrong poses, with scores of which many are equal: eighths, whose sums are exact."""
    people, joints = truth.visibility.shape
    spread = generator.choice([1, 5, 20], people)[:, None, None]
    found = truth.keypoints + generator.normal(0, 1, truth.keypoints.shape) * spread
    return Predictions(np.arange(people), found, generator.integers(0, 9, (people, joints)) / 8)


def reference_scores(file: Path, results: list[dict[str, Any]], sigmas: tuple[float, ...]) -> dict[str, float]:
    """By pycocotools from files alone, as its users do."""
    written = file.with_name("results.json")
    written.write_text(json.dumps(results))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(file))
        run = COCOeval(truth, truth.loadRes(str(written)), "keypoints")
        run.params.kpt_oks_sigmas = np.array(sigmas)
        run.evaluate()
        run.accumulate()
        run.summarize()
    names = ("ap", "ap50", "ap75", "ap_medium", "ap_large", "ar", "ar50", "ar75", "ar_medium", "ar_large")
    return dict(zip(names, run.stats.tolist(), strict=True))


@pytest.fixture(params=[14, 16, 17])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Skeleton, Truth, Predictions, Path]:
    generator = np.random.default_rng(request.param)
    body, file = skeleton(request.param), tmp_path / "truth.json"
    file.write_text(json.dumps(annotations(request.param, 40, generator)))
    truth = against_file(truth_of(read_coco(file, tmp_path)), file)
    return body, truth, predictions(truth, generator), file


@pytest.mark.parametrize("library", LIBRARIES)
def test_equals_the_reference_library_on_files(library: Any, case: tuple) -> None:
    if library != "pycocotools":
        pytest.importorskip(library, reason="faster-coco-eval is not installed")
    body, truth, found, file = case
    got = AveragePrecision(body, suppression=1.0, joint_threshold=0.2, library=library)(found, truth)
    # Rescored by hand; a suppression at 1 takes nobody away.
    results = []
    for number, (pose, scores) in enumerate(zip(found.keypoints, found.scores, strict=True)):
        counted = [score for score in scores.tolist() if score > 0.2]
        results.append({
            "image_id": int(truth.measures["image"][number]), "category_id": 1,
            "keypoints": np.column_stack([pose, scores]).ravel().tolist(),
            "score": sum(counted) / len(counted) if counted else 0.0,
        })  # fmt: skip
    expected = reference_scores(file, results, body.sigmas)
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, abs=1e-6), name
    assert 0.05 < got["ap"] < 0.95
    assert np.mean([got[f"ap@{0.5 + 0.05 * step:.2f}"] for step in range(10)]) == pytest.approx(got["ap"], abs=1e-9)
    assert got["ap@0.50"] == pytest.approx(got["ap50"], abs=1e-9)


def test_without_a_file_the_truth_itself_is_one(tmp_path: Path) -> None:
    body, file = skeleton(17), tmp_path / "truth.json"
    content = annotations(17, 30, np.random.default_rng(5))
    content["annotations"] = [
        person for person in content["annotations"] if person["num_keypoints"] and not person["iscrowd"]
    ]
    file.write_text(json.dumps(content))
    truth = truth_of(read_coco(file, tmp_path))
    found = predictions(truth, np.random.default_rng(6))
    with_file, without = (AveragePrecision(body)(found, each) for each in (against_file(truth, file), truth))
    assert without == pytest.approx(with_file, abs=1e-9)


def test_crowds_and_people_without_joints_excuse_what_is_found_there(case: tuple) -> None:
    body, truth, found, _ = case
    with_file = AveragePrecision(body)(found, truth)
    without = AveragePrecision(body)(found, truth._replace(pictures=None))
    assert with_file["ap"] >= without["ap"]


def test_pictures_apart_by_how_many_people_they_have(case: tuple, tmp_path: Path) -> None:
    """As of files that hold nothing but these pictures."""
    body, truth, found, file = case
    scores = AveragePrecision(body, by=["people"])(found, truth)
    content = json.loads(file.read_text())
    counts = {image["id"]: 0 for image in content["images"]}
    for person in content["annotations"]:
        counts[person["image_id"]] += person["num_keypoints"] > 0 and not person["iscrowd"]
    parts = {"1": {1}, "2": {2}, "3+": set(range(3, 100))}
    assert {name for name in scores if "people" in name} == {f"ap_by_people/{part}" for part in parts}
    for part, wanted in parts.items():
        own = {image for image, count in counts.items() if count in wanted}
        only = tmp_path / f"{part}.json"
        only.write_text(json.dumps({
            **content, "images": [image for image in content["images"] if image["id"] in own],
            "annotations": [person for person in content["annotations"] if person["image_id"] in own],
        }))  # fmt: skip
        results = [one for one in AveragePrecision(body).results(found, truth) if one["image_id"] in own]
        assert scores[f"ap_by_people/{part}"] == pytest.approx(reference_scores(only, results, body.sigmas)["ap"])
    plain = AveragePrecision(body)(found, truth)
    assert {name: value for name, value in scores.items() if "people" not in name} == plain


def test_of_other_ways_to_break_it_down_the_reason_is_named() -> None:
    with pytest.raises(ValueError, match=r"^by must hold nothing but people, got 'size': sizes are in"):
        AveragePrecision(skeleton(17), by=["size"])  # type: ignore[list-item]


def test_near_duplicates_are_suppressed(case: tuple) -> None:
    body, truth, found, _ = case
    twice = Predictions(
        np.repeat(found.sample, 2), np.repeat(found.keypoints, 2, axis=0), np.repeat(found.scores, 2, axis=0)
    )
    scorer = AveragePrecision(body)
    assert len(scorer.results(twice, truth)) == len(scorer.results(found, truth))


def test_the_boxes_scores_count(case: tuple) -> None:
    body, truth, found, _ = case
    boxes = np.linspace(0.1, 1, len(truth.boxes))
    truth = truth._replace(measures={**truth.measures, "score": boxes})
    plain = AveragePrecision(body, suppression=1.0).results(
        found, truth._replace(measures={"image": truth.measures["image"]})
    )
    weighted = AveragePrecision(body, suppression=1.0).results(found, truth)
    for number, (one, other) in enumerate(zip(plain, weighted, strict=True)):
        assert other["score"] == pytest.approx(one["score"] * boxes[number])


def test_nothing_found_scores_nothing(case: tuple) -> None:
    body, truth, found, _ = case
    nobody = Predictions(*(array[:0] for array in found[:3]))
    assert AveragePrecision(body)(nobody, truth) == {"ap": 0.0, "ar": 0.0}


def test_a_skeleton_without_sigmas_is_refused() -> None:
    with pytest.raises(ValueError, match="'bare' must have sigmas for OKS"):
        AveragePrecision(Skeleton("bare", ("a",)))
