"""Predictions of a whole test split as the file that its benchmark's server takes."""

from pathlib import Path
from typing import Any

import numpy as np

from posepyr.data.formats.mpii.layout import JOINTS as MPII_JOINTS
from posepyr.data.formats.posetrack.clip import JOINTS as POSETRACK_JOINTS
from posepyr.data.module import PoseDataModule
from posepyr.data.results.coco_results import write_coco_results
from posepyr.data.results.mpii_submission import write_mpii_submission
from posepyr.data.results.posetrack_videos import write_posetrack_videos
from posepyr.data.sources import coco
from posepyr.data.sources.coco import Coco
from posepyr.data.sources.mpii import Mpii
from posepyr.data.sources.posetrack import PoseTrack
from posepyr.errors import UsageError
from posepyr.metrics.average_precision import AveragePrecision
from posepyr.records import Source
from posepyr.skeleton import Skeleton
from posepyr.training.task import PoseTask


def check_submission(path: Path, source: Source, skeleton: Skeleton, split: str) -> None:
    """Raise unless a server takes what a network with a skeleton finds in a split of a data set."""
    if isinstance(source, Coco):
        _check_joints("COCO", coco.JOINTS, skeleton)
    elif isinstance(source, Mpii) and source.annotations.endswith(".mat"):
        _check_joints("MPII", MPII_JOINTS, skeleton)
        if source.splits.get(split) != "test":
            raise UsageError(
                f"--submission must be of MPII's test people, got its {source.splits.get(split)} people; write "
                f"--split test data.source.splits.test=test"
            )
    elif isinstance(source, PoseTrack):
        _check_joints("PoseTrack", POSETRACK_JOINTS, skeleton)
        if source.detections is not None:
            raise UsageError(
                "--submission must tell who is who in all frames of PoseTrack's videos, which takes tracking: nobody "
                f"follows the people in the boxes of {source.detections}; data.source.detections=null looks into the "
                "annotated boxes, whose tracks are known"
            )
    else:
        raise UsageError(
            "--submission must be written of COCO, of MPII's official file or of PoseTrack, whose servers take one; "
            f"got data of {type(source).__name__}"
        )
    _check_place(path, folder=isinstance(source, PoseTrack))


def _check_joints(benchmark: str, joints: tuple[str, ...], skeleton: Skeleton) -> None:
    lacking = [joint for joint in joints if joint not in skeleton.joints]
    if lacking:
        raise UsageError(
            f"--submission must have all {len(joints)} joints of {benchmark}, whose server takes nothing less, but the "
            f"network's skeleton {skeleton.name!r} lacks {', '.join(lacking)}"
        )


def _check_place(path: Path, folder: bool) -> None:
    if folder and path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UsageError(f"--submission must name a new folder, for a file a video, got {path}, which is there already")
    if not folder and path.is_dir():
        raise UsageError(f"--submission must name a file, got {path}, a folder")


def write_submission(path: Path, task: PoseTask, data: PoseDataModule) -> None:
    """Write what the latest test found, checked for completeness; the layout follows from the data."""
    found, source, joints = task.latest, data.source, task.skeleton.joints
    if found is None:
        raise UsageError("--submission must come with people to find: the split has none")
    truth = data.truth(data.test_split)
    if isinstance(source, Coco):
        results = AveragePrecision(task.skeleton).results(found, truth)
        columns = [joints.index(joint) for joint in coco.JOINTS]
        write_coco_results(path, [_in_order(result, columns) for result in results], found, truth)
    elif isinstance(source, Mpii):
        write_mpii_submission(path, source.folder / source.annotations, found, truth.measures, joints)
    elif isinstance(source, PoseTrack):
        columns = [joints.index(joint) for joint in POSETRACK_JOINTS]
        ordered = found._replace(keypoints=found.keypoints[:, columns], scores=found.scores[:, columns])
        frames = source.split(data.test_split).frames
        write_posetrack_videos(path, frames, ordered, truth.measures["image"], truth.measures["track"])
    print(f"submission: {path}", flush=True)


def _in_order(result: dict[str, Any], columns: list[int]) -> dict[str, Any]:
    """A COCO result with some of the joints, in another order."""
    triples = np.reshape(result["keypoints"], (-1, 3))[columns]
    return {**result, "keypoints": triples.ravel().tolist()}
