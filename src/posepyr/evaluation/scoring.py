"""Scores of predictions in files, without a network."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from posepyr.configuration import catalogue
from posepyr.data.formats.containers import kind_of
from posepyr.data.formats.posetrack_videos import read_annotated, read_frames
from posepyr.data.results.posepyr_file import read_saved
from posepyr.data.results.predictions import CocoResults, PredictionFile
from posepyr.data.results.truths import TruthFile, match
from posepyr.data.sources import custom
from posepyr.errors import UsageError, suggestion
from posepyr.metrics import coco_evaluation, posetrack
from posepyr.metrics.average_precision import RULES, AveragePrecision
from posepyr.metrics.coco_evaluation import reference_from
from posepyr.metrics.pck import PCK, PCKh
from posepyr.metrics.pcp import PCP
from posepyr.metrics.scorer import By, Scorer
from posepyr.nodes import build
from posepyr.records import Predictions, Truth
from posepyr.skeleton import POSETRACK_JOINTS, Skeleton


class ScoreSettings(NamedTuple):
    """Settings of a score; those that are not given are as the score has them."""

    threshold: float | None = None
    strict: bool = False
    compat: bool = False
    by: tuple[By, ...] = ()


class FileScores(NamedTuple):
    """Scores of a file of predictions, and how they were taken."""

    protocol: str
    layout: str
    """Of the truth."""
    people: int
    """Poses that were scored."""
    not_found: int
    """Joints without coordinates among theirs, which count as missed."""
    scores: dict[str, float]
    """Shares of 1 by name, as ``pckh`` and ``pckh/wrist``."""


class Metric(NamedTuple):
    """A score that predictions in files can be given."""

    build: Callable[[Skeleton, ScoreSettings], Scorer]
    takes: frozenset[str]
    """The settings that change it."""
    pairs: bool
    """True where it tells of each joint if it was found, so that two results can be compared person by person."""


def _pckh(skeleton: Skeleton, settings: ScoreSettings) -> Scorer:
    thresholds = (0.5, 0.1) if settings.threshold is None else (settings.threshold,)
    return PCKh(skeleton, thresholds=thresholds, strict=settings.strict, compat=settings.compat, by=settings.by)


def _pck(skeleton: Skeleton, settings: ScoreSettings) -> Scorer:
    return PCK(skeleton, threshold=0.2 if settings.threshold is None else settings.threshold, by=settings.by)


def _pcp(skeleton: Skeleton, settings: ScoreSettings) -> Scorer:
    return PCP(skeleton, 0.5 if settings.threshold is None else settings.threshold)


METRICS = {
    "pckh": Metric(_pckh, frozenset(ScoreSettings._fields), True),
    "pck": Metric(_pck, frozenset({"threshold", "by"}), True),
    "pcp": Metric(_pcp, frozenset({"threshold"}), True),
    "oks": Metric(lambda skeleton, _: AveragePrecision(skeleton), frozenset(), False),
    "posetrack": Metric(lambda skeleton, _: posetrack.PoseTrackAP(skeleton), frozenset({"compat"}), False),
}


def find_skeleton(name: str | None, known: TruthFile) -> Skeleton:
    """Return the skeleton of a name or of a data set's YAML file.

    Without a name it is posepyr's own skeleton with the truth's joints, in the same order where there are several.
    """
    if name is not None and name.endswith((".yaml", ".yml")):
        return custom.skeleton(name)
    files = catalogue.choices(catalogue.search_folders(), "skeleton")
    contents = {choice: yaml.safe_load(path.read_text(encoding="utf-8")) for choice, path in files.items()}
    # The skeleton of a data set of one's own has its joints in the data set's file.
    ours: dict[str, Skeleton] = {choice: build(content) for choice, content in contents.items() if "joints" in content}
    if name is not None:
        if name not in ours:
            raise UsageError(f"--skeleton must be one of {', '.join(ours)}, got {name}; {suggestion(name, ours)}")
        return ours[name]
    alike = [skeleton for skeleton in ours.values() if set(skeleton.joints) == set(known.joints)]
    # Two data sets label the same joints in different orders.
    alike.sort(key=lambda skeleton: skeleton.joints != known.joints)
    return alike[0] if alike else Skeleton(known.file.stem, known.joints)


def score(
    metric: str, found: PredictionFile | CocoResults, known: TruthFile, *, skeleton: Skeleton, settings: ScoreSettings
) -> FileScores:
    """Score a file of predictions against a file of truth."""
    if metric == "oks":
        return _average_precision(found, known, skeleton)
    predictions, truth = pair(metric, found, known, skeleton)
    for group in settings.by:
        if group in known.lacks:
            raise ValueError(f"{known.file} must hold {group} to break scores down by it, got {known.layout}, without")
    scorer = METRICS[metric].build(skeleton, settings)
    not_found = found.not_found if isinstance(found, PredictionFile) else 0
    return FileScores(scorer.protocol, known.layout, len(predictions.sample), not_found, scorer(predictions, truth))


def pair(
    metric: str, found: PredictionFile | CocoResults, known: TruthFile, skeleton: Skeleton
) -> tuple[Predictions, Truth]:
    """Return predictions and truth of the same people and joints, if the metric can be taken of them."""
    if isinstance(found, CocoResults):
        raise ValueError(
            f"{found.file} must hold one pose for each person to be scored by {metric}, got COCO's results, which do "
            "not tell which person a pose is of; score them by oks"
        )
    predictions, truth = match(found, known, skeleton.joints)
    if metric == "pckh" and "head_size" not in truth.measures:
        raise ValueError(f"{known.file} must hold the size of heads for pckh, got {known.layout}, without; take pck")
    return predictions, truth


def _average_precision(found: PredictionFile | CocoResults, known: TruthFile, skeleton: Skeleton) -> FileScores:
    scorer = AveragePrecision(skeleton)
    if isinstance(found, CocoResults):
        return _coco_results(found, known, skeleton, scorer)
    predictions, truth = match(found, known, skeleton.joints)
    if not truth.images.all():
        raise ValueError(f"{known.file} must hold the pictures that people are in for oks, got {known.layout}, without")
    # The libraries write and read JSON, which cannot hold NaN: a joint without coordinates is put at 0, 0.
    finite = np.where(np.isfinite(predictions.keypoints), predictions.keypoints, 0.0)
    scores = scorer(predictions._replace(keypoints=finite), truth)
    return FileScores(scorer.protocol, known.layout, len(predictions.sample), found.not_found, scores)


def _coco_results(found: CocoResults, known: TruthFile, skeleton: Skeleton, scorer: AveragePrecision) -> FileScores:
    """Score COCO's results as they stand, with the skeleton's joints, if they are of the truth's pictures."""
    if known.truth.pictures is None:
        raise ValueError(f"{known.file} must be COCO-style JSON for COCO's results, got {known.layout}")
    lacking = [joint for joint in skeleton.joints if joint not in known.joints]
    if lacking:
        raise ValueError(
            f"{known.file} must have all joints of the skeleton for oks, got none for {', '.join(lacking)}"
        )
    reference = reference_from(known.truth.pictures(), skeleton)
    pictures = [image["id"] for image in reference["images"]]
    known_pictures = set(pictures)
    for number, image in enumerate(found.images):
        if image not in known_pictures:
            raise ValueError(f"{found.file}: [{number}]: image_id must be an image of {known.file}, got {image!r}")
    results = found.results([known.joints.index(joint) for joint in skeleton.joints])
    scores = coco_evaluation.evaluate(
        reference, results, pictures, sigmas=np.array(skeleton.sigmas), library=scorer.library
    )
    return FileScores(f"{RULES}; results as they stand", known.layout, len(results), 0, scores)


def score_videos(truth: Path, predictions: Path, settings: ScoreSettings) -> FileScores:
    """Take PoseTrack's scores of a folder of results against the folder of annotations, a file a video in both.

    Instead of results there may be what ``posepyr evaluate`` saved, whose people are not followed.
    """
    if predictions.is_file() and kind_of(predictions) == "NumPy":
        return _saved_videos(truth, predictions)
    frames = read_frames(truth, predictions)
    slip = "; MOTA with the slips of the benchmark's own evaluation" if settings.compat else ""
    protocol = f"{posetrack.RULES}; mAP in single frames, MOTA through videos; mean: average over the joints{slip}"
    layout = f"PoseTrack, {len({frame.video for frame in frames})} videos of {len(frames)} frames"
    people = sum(len(frame.found.keypoints) for frame in frames)
    return FileScores(protocol, layout, people, 0, posetrack.scores(frames, POSETRACK_JOINTS, settings.compat))


def _saved_videos(truth: Path, predictions: Path) -> FileScores:
    if not truth.exists():
        raise ValueError(f"{truth} must be a folder of PoseTrack's annotation files, or one of all videos, got none")
    saved = read_saved(predictions)
    if "image" not in saved.truth.measures:
        raise ValueError(f"{predictions} must hold people of PoseTrack, got people without the numbers of frames")
    scorer = posetrack.PoseTrackAP(Skeleton("saved", saved.joints))
    scores = scorer(saved.predictions, saved.truth._replace(videos=partial(read_annotated, truth)))
    return FileScores(scorer.protocol, "PoseTrack", len(saved.predictions.sample), 0, scores)
