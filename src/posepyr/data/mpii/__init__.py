"""MPII Human Pose: from the official file, the HRNet release's JSON and the hourglass release's HDF5."""

from posepyr.data.mpii.ground_truth import GroundTruth, read_ground_truth
from posepyr.data.mpii.source import Mpii

__all__ = ["GroundTruth", "Mpii", "read_ground_truth"]
