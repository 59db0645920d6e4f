"""Checks of a whole data set before it is trained on: errors that would stop or mislead a training, and notes."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from posepyr.data.classification.labelled import LabelledSource
from posepyr.data.formats.people import truth_of
from posepyr.data.module import ClassificationDataModule, PoseDataModule
from posepyr.records import FloatArray, Pixels, PublishedCount, Source, Split
from posepyr.skeleton import Skeleton
from posepyr.studies.datasets.findings import Finding, Offender, SplitAnnotations, merged
from posepyr.studies.datasets.people import check_people
from posepyr.studies.datasets.pictures import (
    DECODED,
    CheckedPictures,
    DecodeLimit,
    Progress,
    check_labelled_split,
    check_pictures,
    check_split_pictures,
    no_progress,
)

Data = PoseDataModule | ClassificationDataModule

SPLITS = ("train", "val", "test")


class DatasetCheck(NamedTuple):
    """The splits of a data set, its pictures and everything that was found in them."""

    splits: Mapping[str, Mapping[str, Any]]
    """What each split holds; one that holds the same as an earlier one only has its name, ``same_as``."""
    pictures: dict[str, int]
    """How many are ``named``, how many of them were ``looked_at``, and how many of these ``decoded``."""
    findings: list[Finding]

    @property
    def has_errors(self) -> bool:
        """Return True if anything would stop or mislead a training."""
        return any(finding.is_error for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the check as plain data."""
        return {
            "splits": dict(self.splits),
            "pictures": self.pictures,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def check_data(
    data: Data,
    names: Sequence[str] = SPLITS,
    decode: DecodeLimit = DECODED,
    progress: Progress = no_progress,
) -> DatasetCheck:
    """Check the data set of a data module; ``decode`` is the number of pictures to decode."""
    if isinstance(data, ClassificationDataModule):
        return check_labelled(data.source, names, decode, progress)
    return check_poses(data.source, data.skeleton, names, decode, progress)


def read_splits(source: Any, names: Sequence[str]) -> tuple[dict[str, Any], list[Finding]]:
    """Read the splits that can be read, and say why the others cannot."""
    found, faults = {}, []
    for name in names:
        try:
            found[name] = source.split(name)
        except ValueError as error:
            faults.append(Offender(name, str(error)))
    return found, [Finding("splits that cannot be read", True, faults)]


def check_poses(
    source: Source,
    skeleton: Skeleton,
    names: Sequence[str] = SPLITS,
    decode: DecodeLimit = DECODED,
    progress: Progress = no_progress,
) -> DatasetCheck:
    """Check a data set of people, decoding so many of its pictures; see :func:`check_pictures`."""
    read, findings = read_splits(source, names)
    annotated, twins = _annotations(read)
    pictures = _pictures({name: read[name] for name in annotated}, annotated)
    checked = check_pictures(pictures, decode, progress)
    annotated = {name: one.sized(checked.sizes) for name, one in annotated.items()}
    findings += [finding for one in annotated.values() for finding in check_people(one)]
    findings += [
        *_picture_faults(annotated, checked),
        _shared_pictures(annotated),
        _lacking_joints(annotated, skeleton),
    ]
    findings += _left_out_and_miscounted(source, {name: read[name] for name in annotated})
    splits: dict[str, dict[str, Any]] = {name: _summary(annotated[name], source) for name in annotated}
    splits |= {name: {"same_as": twin} for name, twin in twins.items()}
    counts = {"named": len(pictures), "looked_at": checked.number, "decoded": checked.decoded}
    return DatasetCheck({name: splits[name] for name in names if name in splits}, counts, merged(findings))


def check_labelled(
    source: LabelledSource,
    names: Sequence[str] = SPLITS,
    decode: DecodeLimit = DECODED,
    progress: Progress = no_progress,
) -> DatasetCheck:
    """Check a data set of pictures of one class each."""
    read, findings = read_splits(source, names)
    splits: dict[str, Mapping[str, Any]] = {}
    counts = Counter[str]()
    for name, split in read.items():
        twin = next((other for other in splits if _same_pictures(read[other], split)), None)
        if twin is not None:
            splits[name] = {"same_as": twin}
            continue
        checked = check_split_pictures(split, decode, progress)
        splits[name], more = check_labelled_split(name, split, source.classes, checked)
        findings += more
        counts += Counter(named=len(split), looked_at=checked.number, decoded=checked.decoded)
        findings.append(_of(name, "other counts than published", miscounts(source.published(name), split)))
    return DatasetCheck(splits, {name: counts[name] for name in ("named", "looked_at", "decoded")}, merged(findings))


def _same_pictures(first: Any, second: Any) -> bool:
    """Return True if two splits of labelled pictures are of the same files, or the same bytes."""
    if hasattr(first, "files"):
        return bool(first.files == second.files)
    return hasattr(first, "records") and np.array_equal(first.records, second.records)


def _annotations(read: Mapping[str, Split]) -> tuple[dict[str, SplitAnnotations], dict[str, str]]:
    """Gather annotations by split; and the splits that have the people of an earlier one, with its name."""
    annotated: dict[str, SplitAnnotations] = {}
    twins: dict[str, str] = {}
    for name, split in read.items():
        truth = truth_of(split)
        unknown: FloatArray = np.full((len(split), 2), np.nan)
        annotations = SplitAnnotations(name, split.joints, truth, unknown)
        twin = next((other for other in annotated if _same_people(annotated[other], annotations)), None)
        if twin is None:
            annotated[name] = annotations
        else:
            twins[name] = twin
    return annotated, twins


def _same_people(first: SplitAnnotations, second: SplitAnnotations) -> bool:
    return all(
        np.array_equal(getattr(first.truth, field), getattr(second.truth, field))
        for field in ("images", "boxes", "keypoints", "visibility")
    )


def _pictures(read: Mapping[str, Split], annotated: Mapping[str, SplitAnnotations]) -> dict[str, Callable[[], Pixels]]:
    """Return every picture once, with the function that reads its pixels."""
    found: dict[str, Callable[[], Pixels]] = {}
    for name, annotations in annotated.items():
        names, firsts = np.unique(annotations.truth.images, return_index=True)
        for picture, first in zip(names.tolist(), firsts.tolist(), strict=True):
            found.setdefault(picture, partial(_pixels, read[name], first))
    return found


def _pixels(split: Split, index: int) -> Pixels:
    return split.view(split[index]).pixels


def _picture_faults(annotated: Mapping[str, SplitAnnotations], checked: CheckedPictures) -> list[Finding]:
    found = []
    for kind, faults in (
        ("pictures that are missing", checked.missing),
        ("pictures that cannot be read", checked.unreadable),
    ):
        offenders = []
        for annotations in annotated.values():
            names, firsts = np.unique(annotations.truth.images, return_index=True)
            places = sorted(zip(firsts.tolist(), names.tolist(), strict=True))
            offenders += [annotations.person(first, faults[picture]) for first, picture in places if picture in faults]
        found.append(Finding(kind, True, offenders))
    return found


def _shared_pictures(annotated: Mapping[str, SplitAnnotations]) -> Finding:
    """Find pictures that are trained on and scored on."""
    offenders = []
    for name, annotations in annotated.items():
        if name != "train" and "train" in annotated:
            shared = np.intersect1d(annotated["train"].truth.images, annotations.truth.images)
            offenders += [Offender(name, "is in train as well", picture=str(picture)) for picture in shared]
    return Finding("pictures in two splits", False, offenders)


def _lacking_joints(annotated: Mapping[str, SplitAnnotations], skeleton: Skeleton) -> Finding:
    offenders = []
    for name, annotations in annotated.items():
        lacking = [joint for joint in skeleton.joints if joint not in annotations.joints]
        if len(lacking) == len(skeleton):
            return Finding("joints of another skeleton", True, [Offender(name, ", ".join(annotations.joints))])
        offenders += [Offender(name, joint) for joint in lacking]
    return Finding("joints of the skeleton that the data lacks", False, offenders)


def _left_out_and_miscounted(source: Source, read: Mapping[str, Split]) -> list[Finding]:
    findings = []
    for name in read:
        for part in source.parts(name):
            split = part.split(name)
            findings += [
                _of(name, "people left out", (f"{count:,} {reason}" for reason, count in left_out(split).items())),
                _of(name, "other counts than published", miscounts(part.published(name), split)),
            ]
    return findings


def _of(name: str, kind: str, values: Iterable[str]) -> Finding:
    """Return a note about a split as a whole."""
    return Finding(kind, False, [Offender(name, value) for value in values])


def left_out(split: Split) -> dict[str, int]:
    """Return the number of a file's people that its reader left out, by reason; none of a split that is of no file."""
    return dict(getattr(split, "skipped", {}))


def _summary(annotations: SplitAnnotations, source: Source) -> dict[str, Any]:
    splits = (part.split(annotations.name) for part in source.parts(annotations.name))
    skipped = sum((Counter(left_out(split)) for split in splits), Counter[str]())
    return {
        "people": len(annotations.truth.boxes),
        "pictures": len(np.unique(annotations.truth.images)),
        "left_out": dict(skipped),
    }


def miscounts(published: Sequence[PublishedCount], split: Any) -> Iterator[str]:
    """Say how a split differs from every count that was published of it; nothing where one of them agrees."""
    counted = {one.unit: _count(split, one.unit) for one in published}
    if published and all(counted[one.unit] != one.number for one in published):
        ours = " and ".join(f"{count:,} {unit}" for unit, count in counted.items())
        theirs = " or ".join(f"{one.number:,} ({one.where})" for one in published)
        yield f"{ours}, published {theirs}"


def _count(split: Any, unit: str) -> int:
    if unit == "videos":
        return len({frame.video for frame in split.frames})
    if unit == "pictures" and hasattr(split, "joints"):
        return len({split[index].image for index in range(len(split))})
    return len(split)
