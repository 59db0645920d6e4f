"""The files of PoseTrack."""
