"""Data in the layout of Leeds Sports Pose: ``images/im0001.jpg`` and ``joints.mat``."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posepyr.data.export import writing
from posepyr.records import NOT_LABELLED, VISIBLE, Annotation, FloatArray, Source
from posepyr.skeleton import LSP_JOINTS, Skeleton


def write_lsp(source: Source, skeleton: Skeleton, folder: str | Path, splits: Sequence[str]) -> dict[str, int]:
    """Write splits as one numbered sequence of pictures, in the order given; people by split.

    The archive has no file that splits it: its first 1,000 pictures train and its last 1,000 test. Here the splits
    follow each other in the same way. One picture per person. ``joints`` is ``3 14 n`` as in LSP, not ``14 3 n`` as in
    LSP-extended: x, y, and 1 where the joint is *occluded* (in LSP-extended 1 is visible). Coordinates count from 1.
    LSP labels every joint; one that is not labelled here is 0, 0, outside the picture, and marked as occluded.
    """
    columns = writing.columns(skeleton, LSP_JOINTS, "LSP")
    chosen = writing.splits(source, splits)
    root = writing.start(folder, "images")
    joints: list[FloatArray] = []
    written = {}
    for name, split in chosen.items():
        for index in range(len(split)):
            person = split[index]
            joints.append(_joints(person, columns))
            writing.write_jpeg(root / "images" / f"im{len(joints):04d}.jpg", split.view(person).pixels)
        written[name] = len(split)
    writing.write_mat(root / "joints.mat", {"joints": np.stack(joints, axis=-1)})
    return written


def _joints(person: Annotation, columns: list[int]) -> FloatArray:
    visibility = person.visibility[columns]
    positions = np.where((visibility == NOT_LABELLED)[:, None], 0.0, person.keypoints[columns] + 1)
    return np.concatenate([positions.T, (visibility != VISIBLE)[None].astype(np.float64)])
