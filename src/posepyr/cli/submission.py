"""Predictions of a whole test split as the file that its benchmark's server takes."""

from pathlib import Path

from posepyr.cli.faults import UsageError
from posepyr.data.coco import Coco
from posepyr.data.module import PoseDataModule
from posepyr.data.mpii import Mpii
from posepyr.data.results.coco_results import write_coco_results
from posepyr.data.results.mpii_submission import write_mpii_submission
from posepyr.metrics.average_precision import AveragePrecision
from posepyr.training.task import PoseTask


def write_submission(path: Path, task: PoseTask, data: PoseDataModule) -> None:
    """Write what the latest test found, checked for completeness; the layout follows from the data."""
    found, source = task.latest, data.source
    if found is None:
        raise UsageError("--submission must come with people to find: the split has none")
    truth = data.truth(data.test_split)
    if isinstance(source, Coco):
        results = AveragePrecision(task.skeleton).results(found, truth)
        write_coco_results(path, results, found, truth)
    elif isinstance(source, Mpii) and source.annotations.endswith(".mat"):
        write_mpii_submission(path, source.folder / source.annotations, found, truth.measures, task.skeleton.joints)
    else:
        raise UsageError(
            "--submission must be written of COCO or of MPII's official file, whose servers take one; "
            f"got data of {type(source).__name__}"
        )
    print(f"submission: {path}", flush=True)
