"""Predictions of whoever made them, in a file whose layout is told by what is in it."""

from pathlib import Path
from typing import Any

from posepyr.data.formats.archive import Record
from posepyr.data.formats.json_file import read_json
from posepyr.data.formats.matlab import read_mat
from posepyr.data.results.arrays import read_arrays
from posepyr.data.results.coco_results import CocoResults, read_coco_results
from posepyr.data.results.content import kind_of, read_datasets
from posepyr.data.results.found import Found
from posepyr.data.results.people_list import read_people_list, read_preds
from posepyr.data.results.posepyr_file import read_saved


def read_predictions(file: Path, joints: int) -> Found | CocoResults:
    """What a file says was found; ``joints`` is how many the truth has, since arrays do not say which is which."""
    kind = kind_of(file)
    if kind == "MATLAB":
        return read_arrays(read_mat(file), file, joints)
    if kind == "HDF5":
        return read_arrays(read_datasets(file), file, joints)
    if kind == "NumPy":
        saved = read_saved(file)
        images = saved.truth.images[saved.found.sample]
        return Found(file, "saved by posepyr", saved.found, saved.joints, images, saved.truth)
    return _json(read_json(file), file, joints)


def _json(content: Any, file: Path, joints: int) -> Found | CocoResults:
    record = Record(file)
    if isinstance(content, dict):
        if "preds" in content:
            return read_preds(content, file, joints)
        raise record.error("the file", "be a list of people, COCO's results or preds", ", ".join(map(str, content)))
    if not content:
        raise record.error("the file", "hold somebody's pose", content)
    first = record._replace(name="[0]").mapping(content[0])
    if "image_id" in first:
        return read_coco_results(content, file, joints)
    return read_people_list(content, file, joints)
