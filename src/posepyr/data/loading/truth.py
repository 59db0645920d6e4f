"""A split's annotations as arrays: what predictions are scored against."""

from functools import cache, partial
from pathlib import Path

import numpy as np

from posepyr.data.formats.coco_file import annotated_pictures
from posepyr.records import Split, Truth


def truth_of(split: Split) -> Truth:
    """Everybody's annotation, without looking at a picture."""
    people = [split[index] for index in range(len(split))]
    joints = len(split.joints)
    return Truth(
        keypoints=np.array([person.keypoints for person in people], np.float64).reshape(-1, joints, 2),
        visibility=np.array([person.visibility for person in people], np.uint8).reshape(-1, joints),
        boxes=np.array([person.box for person in people], np.float64).reshape(-1, 4),
        images=np.array([person.image for person in people], np.str_),
        measures=split.measures,
    )


def against_file(truth: Truth, file: Path) -> Truth:
    """Have scores taken against all that an annotation file in COCO's layout holds, which is read when first needed."""
    return truth._replace(file=str(file), pictures=cache(partial(annotated_pictures, file)))
