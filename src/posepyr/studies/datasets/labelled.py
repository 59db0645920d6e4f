"""What may be wrong with pictures of one class each."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from posepyr.data.classification.labelled import LabelledSplit
from posepyr.studies.datasets.findings import Finding, Offender
from posepyr.studies.datasets.pictures import Looked, Most, Track, look_at


def class_counts(split: LabelledSplit, classes: Sequence[str]) -> dict[str, int]:
    """How many pictures each class has."""
    labels = [split.label(index) for index in range(len(split))]
    return dict(zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True))


def look_at_split(split: LabelledSplit, most: Most, track: Track) -> Looked:
    """What becomes of a split's pictures: those in files by their paths, others by their numbers."""
    files: Sequence[tuple[Any, int]] = getattr(split, "files", ())
    names = [str(path) for path, _ in files] or [str(index) for index in range(len(split))]
    return look_at({name: partial(split.picture, index) for index, name in enumerate(names)}, most, track)


def check_labelled_split(
    name: str, split: LabelledSplit, classes: Sequence[str], looked: Looked
) -> tuple[Mapping[str, Any], list[Finding]]:
    """What a split holds, and what is found in it."""
    counts = class_counts(split, classes)
    empty = [Offender(name, label) for label, count in counts.items() if not count]
    findings = [
        Finding("splits without pictures", True, [Offender(name, "nothing")] if not len(split) else []),
        Finding("pictures that are missing", True, _faults(name, looked.missing)),
        Finding("pictures that cannot be read", True, _faults(name, looked.unreadable)),
        # Whatever is never shown is never learnt; what is not tested on is not scored.
        Finding("classes without pictures", name == "train", empty if len(split) else []),
    ]
    return {"pictures": len(split), "classes": counts}, findings


def _faults(name: str, faults: Mapping[str, str]) -> list[Offender]:
    return [Offender(name, fault, picture=picture) for picture, fault in faults.items()]
