"""What was found of people, in files: read whoever wrote them, and written as benchmarks' servers take them."""

from posepyr.data.results.coco_results import CocoResults, write_coco_results
from posepyr.data.results.found import Found
from posepyr.data.results.mpii_submission import write_mpii_submission
from posepyr.data.results.posepyr_file import Saved, read_saved, write_saved
from posepyr.data.results.posetrack_videos import write_posetrack_videos
from posepyr.data.results.predictions import read_predictions
from posepyr.data.results.truths import Known, read_truth

__all__ = [
    "CocoResults",
    "Found",
    "Known",
    "Saved",
    "read_predictions",
    "read_saved",
    "read_truth",
    "write_coco_results",
    "write_mpii_submission",
    "write_posetrack_videos",
    "write_saved",
]
