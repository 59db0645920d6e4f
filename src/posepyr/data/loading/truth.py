"""A split's annotations as arrays: what predictions are scored against."""

import numpy as np

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
