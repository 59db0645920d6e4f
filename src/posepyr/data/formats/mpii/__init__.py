"""The files of MPII Human Pose."""
