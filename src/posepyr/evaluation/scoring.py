"""Scores of predictions in files, without a network; and two such files against each other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from posepyr.data.formats.posetrack.clip import JOINTS
from posepyr.data.formats.posetrack.results import read_frames
from posepyr.data.results.coco_results import CocoResults
from posepyr.data.results.content import kind_of
from posepyr.data.results.found import Found
from posepyr.data.results.matching import match
from posepyr.data.results.posepyr_file import read_saved
from posepyr.data.results.truths import Known
from posepyr.metrics import coco_evaluation, posetrack
from posepyr.metrics.average_precision import TAKEN, AveragePrecision, reference_from
from posepyr.metrics.breakdown import By
from posepyr.metrics.comparison import Difference, compare
from posepyr.metrics.pck import PCK
from posepyr.metrics.pckh import PCKh
from posepyr.metrics.pcp import PCP
from posepyr.metrics.posetrack_scorer import PoseTrackAP
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import Skeleton


class Settings(NamedTuple):
    """What a score may be taken by; what is not given is as the metric has it."""

    threshold: float | None = None
    strict: bool = False
    compat: bool = False
    by: tuple[By, ...] = ()


class Report(NamedTuple):
    """Scores, and what they were taken of."""

    protocol: str
    layout: str
    """Of the truth."""
    people: int
    """Poses that were scored."""
    not_found: int
    """Joints among theirs that the predictions have no place for."""
    scores: dict[str, float]
    """Shares of 1 by name, as ``pckh`` and ``pckh/wrist``."""


class Metric(NamedTuple):
    """A score that predictions in files can be given."""

    takes: frozenset[str]
    """The settings that change it."""
    pairs: bool
    """Whether it says of each joint if it was found, so that two results can be compared person by person."""


METRICS = {
    "pckh": Metric(frozenset(Settings._fields), True),
    "pck": Metric(frozenset({"threshold", "by"}), True),
    "pcp": Metric(frozenset({"threshold"}), True),
    "oks": Metric(frozenset(), False),
    "posetrack": Metric(frozenset({"compat"}), False),
}


class Hitting(Protocol):
    """A score that is a mean over what was found and what was not."""

    def __call__(self, found: Predictions, truth: Truth) -> dict[str, float]: ...

    @property
    def protocol(self) -> str:
        """How it is taken, in words."""
        ...

    def hits(self, found: Predictions, truth: Truth) -> FloatArray:
        """``N C``: 1 where something was found, 0 where it was not, NaN where it is not asked for."""
        ...


def score(metric: str, found: Found | CocoResults, known: Known, skeleton: Skeleton, settings: Settings) -> Report:
    """The scores of a file of predictions against a file of truth."""
    if metric == "oks":
        return _average_precision(found, known, skeleton)
    predictions, truth = _pair(metric, found, known, skeleton)
    for way in settings.by:
        if way in known.untold:
            raise ValueError(f"{known.file} must tell of {way} to break scores down by it, got {known.layout}, without")
    scorer, _ = _SCORERS[metric](skeleton, settings)
    return Report(scorer.protocol, known.layout, len(predictions.sample), _not_found(found), scorer(predictions, truth))


def score_videos(truth: Path, predictions: Path, settings: Settings) -> Report:
    """PoseTrack's scores of a folder of results against the folder of annotations, a file a video in both.

    Instead of results there may be what ``posepyr evaluate`` saved, whose people are not followed.
    """
    if predictions.is_file() and kind_of(predictions) == "NumPy":
        return _score_saved_videos(truth, predictions)
    frames = read_frames(truth, predictions)
    slip = "; MOTA with the slips of the benchmark's own evaluation" if settings.compat else ""
    protocol = f"{posetrack.TAKEN}; mAP in single frames, MOTA through videos, mean: every joint counts the same{slip}"
    layout = f"PoseTrack, {len({frame.video for frame in frames})} videos of {len(frames)} frames"
    people = sum(len(frame.found.keypoints) for frame in frames)
    return Report(protocol, layout, people, 0, posetrack.scores(frames, JOINTS, settings.compat))


def _score_saved_videos(truth: Path, predictions: Path) -> Report:
    if not truth.exists():
        raise ValueError(f"{truth} must be a folder of PoseTrack's annotation files, or one of all videos, got none")
    saved = read_saved(predictions)
    if "image" not in saved.truth.measures:
        raise ValueError(f"{predictions} must hold people of PoseTrack, got people without the numbers of frames")
    scorer = PoseTrackAP(Skeleton("saved", saved.joints))
    scores = scorer(saved.found, saved.truth._replace(videos=str(truth)))
    return Report(scorer.protocol, "PoseTrack", len(saved.found.sample), 0, scores)


def compare_files(
    metric: str,
    files: tuple[Found | CocoResults, Found | CocoResults],
    known: Known,
    skeleton: Skeleton,
    settings: Settings,
) -> tuple[str, dict[str, Difference]]:
    """How a score is taken, and the differences of two files of the same people: second less first."""
    scorer, columns = _SCORERS[metric](skeleton, settings)
    first, second = (_pair(metric, found, known, skeleton) for found in files)
    ours, theirs = first[0].sample, second[0].sample
    if not np.array_equal(ours, theirs):
        raise ValueError(
            f"{files[1].file} must hold the same people as {files[0].file}, got {len(theirs)} and {len(ours)}, "
            f"{len(np.intersect1d(ours, theirs))} of them in both"
        )
    return scorer.protocol, compare(scorer.hits(*first), scorer.hits(*second), columns)


def _pair(metric: str, found: Found | CocoResults, known: Known, skeleton: Skeleton) -> tuple[Predictions, Truth]:
    if isinstance(found, CocoResults):
        raise ValueError(
            f"{found.file} must hold one pose for each person to be scored by {metric}, got COCO's results, which do "
            "not say who is who; score them by oks"
        )
    predictions, truth = match(found, known, skeleton.joints)
    if metric == "pckh" and "head_size" not in truth.measures:
        raise ValueError(f"{known.file} must tell the size of heads for pckh, got {known.layout}, without; take pck")
    return predictions, truth


def _not_found(found: Found | CocoResults) -> int:
    return found.not_found if isinstance(found, Found) else 0


def _average_precision(found: Found | CocoResults, known: Known, skeleton: Skeleton) -> Report:
    scorer = AveragePrecision(skeleton)
    if isinstance(found, CocoResults):
        results = _checked(found, known, skeleton)
        reference = reference_from(known.file, skeleton)
        pictures = [image["id"] for image in reference["images"]]
        sigmas = np.array(skeleton.sigmas)
        scores = coco_evaluation.evaluate(reference, results, pictures, sigmas, scorer.library)
        return Report(f"{TAKEN}; results as they stand", known.layout, len(results), 0, scores)
    predictions, truth = match(found, known, skeleton.joints)
    if not truth.images.all():
        raise ValueError(f"{known.file} must tell which picture people are in for oks, got {known.layout}, without")
    # The libraries write and read JSON, which has no word for what is no number: nobody is found at 0, 0.
    places = np.where(np.isfinite(predictions.keypoints), predictions.keypoints, 0.0)
    scores = scorer(predictions._replace(keypoints=places), truth)
    return Report(scorer.protocol, known.layout, len(predictions.sample), found.not_found, scores)


def _checked(found: CocoResults, known: Known, skeleton: Skeleton) -> list[dict[str, Any]]:
    """The results with the skeleton's joints, if they are of the truth's pictures."""
    if known.truth.file is None:
        raise ValueError(f"{known.file} must be COCO-style JSON for COCO's results, got {known.layout}")
    lacking = [joint for joint in skeleton.joints if joint not in known.joints]
    if lacking:
        raise ValueError(
            f"{known.file} must have all joints of the skeleton for oks, got none for {', '.join(lacking)}"
        )
    pictures = {image["id"] for image in reference_from(known.file, skeleton)["images"]}
    for number, image in enumerate(found.images):
        if image not in pictures:
            raise ValueError(f"{found.file}: [{number}]: image_id must be an image of {known.file}, got {image!r}")
    return found.results([known.joints.index(joint) for joint in skeleton.joints])


class _Built(NamedTuple):
    scorer: Hitting
    columns: tuple[str, ...]
    """What its hits are of."""


def _pckh(skeleton: Skeleton, settings: Settings) -> _Built:
    thresholds = (0.5, 0.1) if settings.threshold is None else (settings.threshold,)
    return _Built(PCKh(skeleton, thresholds, settings.strict, compat=settings.compat, by=settings.by), skeleton.joints)


def _pck(skeleton: Skeleton, settings: Settings) -> _Built:
    scorer = PCK(skeleton, 0.2 if settings.threshold is None else settings.threshold, by=settings.by)
    return _Built(scorer, skeleton.joints)


def _pcp(skeleton: Skeleton, settings: Settings) -> _Built:
    scorer = PCP(skeleton, 0.5 if settings.threshold is None else settings.threshold)
    return _Built(scorer, tuple(part.kind for part in scorer.parts))


_SCORERS: dict[str, Callable[[Skeleton, Settings], _Built]] = {"pckh": _pckh, "pck": _pck, "pcp": _pcp}
