"""PoseTrack: people followed through videos, in both of its file layouts."""

from posepyr.data.posetrack.clip import JOINTS, Frame
from posepyr.data.posetrack.source import PoseTrack, Videos

__all__ = ["JOINTS", "Frame", "PoseTrack", "Videos"]
