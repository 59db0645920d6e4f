"""MPII's validation people: the official file does not name them, the releases that came after it do."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from posepyr.data.formats.archive import Record
from posepyr.data.formats.containers import read_mat
from posepyr.data.formats.mpii_layout import BoolArray, whole_numbers
from posepyr.data.formats.mpii_official import Release
from posepyr.data.formats.mpii_releases import read_hrnet, read_pairs
from posepyr.records import NOT_LABELLED

LISTS = ("annot/valid.json", "annot/valid.h5", "detections.mat", "mpii_predictions/data/detections.mat")
"""Where the split of Tompson et al. (CVPR 2015) may lie: HRNet's, the hourglass release's, their own twice."""

_NEAR = 1.0
"""Pixels by which a position in a list may differ from the official one, which it may have rounded."""


def find_list(root: Path, name: str | None) -> Path:
    """Return the list that is named, or the first that is there."""
    for path in [name] if name else LISTS:
        if (root / path).is_file():
            return root / path
    looked = name or ", ".join(LISTS)
    raise ValueError(
        f"{root} must hold a list of who validates, which the official file does not say, got none; looked for "
        f"{looked}. Put the HRNet release's valid.json, the hourglass release's valid.h5 or Tompson's detections.mat "
        "there and name it in validation, or train on everybody with splits.train=trainval"
    )


def validating(file: Path, release: Release) -> BoolArray:
    """Return a mask ``N`` of the release's people whom a list names.

    Names of pictures do not do: other people are in them, too.
    """
    rows = _by_place(file, release) if file.suffix.lower() == ".json" else _by_number(file, release)
    chosen = np.zeros(len(release.training), np.bool_)
    for index, row in enumerate(rows):
        if chosen[row]:
            raise Record(file, f"[{index}]").error("the person", "be named once", release.name(row))
        if not release.training[row]:
            raise Record(file, f"[{index}]").error("the person", "be in a training picture", release.name(row))
        chosen[row] = True
    return chosen


def _by_number(file: Path, release: Release) -> list[int]:
    measures = release.rectangles.measures
    numbered = {
        pair: row for row, pair in enumerate(zip(measures["image"].tolist(), measures["person"].tolist(), strict=True))
    }
    rows = []
    for index, pair in enumerate(_pairs(file).tolist()):
        if tuple(pair) not in numbered:
            raise Record(file, f"[{index}]").error(
                "picture and person", f"be the numbers of somebody in {release.file}", pair
            )
        rows.append(numbered[tuple(pair)])
    return rows


def _pairs(file: Path) -> npt.NDArray[np.int64]:
    """Return numbers ``N 2`` of picture and rectangle, from 0."""
    if file.suffix.lower() in (".h5", ".hdf5"):
        return read_pairs(file)
    if file.suffix.lower() != ".mat":
        raise ValueError(f"validation must end in .json, .h5 or .mat, got {file}")
    record, content = Record(file), read_mat(file)
    image, person = (
        whole_numbers(np.ravel(record.value(content, name)), record, name, -1, least=1)
        for name in ("RELEASE_img_index", "RELEASE_person_index")
    )
    if len(image) != len(person):
        raise record.error("RELEASE_person_index", f"be as long as RELEASE_img_index, {len(image)}", len(person))
    return np.stack([image, person], axis=-1) - 1


def _by_place(file: Path, release: Release) -> list[int]:
    """Find people by picture, position and scale, and by joints if several share them: the JSON has no numbers."""
    known, named = release.rectangles, read_hrnet(file)
    present: dict[str, list[int]] = {}
    for row, image in enumerate(known.images):
        present.setdefault(image, []).append(row)
    rows = []
    for index, image in enumerate(named.images):
        if image not in present:
            raise Record(file, f"[{index}]").error(
                "image", f"be one of the pictures with people in {release.file}", image
            )
        candidates = np.array(present[image])
        # In pixels, all of it: a scale of 1 is a body of 200 pixels.
        higher = 200 * (known.scale[candidates] - named.scale[index])
        apart = np.column_stack([known.position[candidates] - named.position[index], higher])
        candidates = candidates[(np.abs(apart) <= _NEAR).all(axis=1)]
        if not len(candidates):
            rule = f"be the position of somebody in {image} of {release.file}"
            raise Record(file, f"[{index}]").error("center", rule, named.position[index].tolist())
        labelled = named.visibility[index] != NOT_LABELLED
        bent = np.abs(known.joints[candidates] - named.joints[index])[:, labelled].sum(axis=(1, 2))
        rows.append(int(candidates[bent.argmin()]))
    return rows
