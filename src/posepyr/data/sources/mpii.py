"""MPII Human Pose, in the three layouts that it is passed on in."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posepyr.data.formats.archive import data_folder, require
from posepyr.data.formats.mpii_layout import people
from posepyr.data.formats.mpii_official import Release, read_release
from posepyr.data.formats.mpii_releases import read_hourglass, read_hrnet
from posepyr.data.formats.mpii_validation import find_list, validating
from posepyr.data.formats.people import People
from posepyr.data.results.submissions import check_file, check_joints, write_mpii_submission
from posepyr.errors import UsageError
from posepyr.records import Predictions, PublishedCount, Source, Truth
from posepyr.skeleton import MPII_JOINTS, Skeleton

OFFICIAL = "mpii_human_pose_v1_u12_1.mat"
PARTS = ("train", "valid", "trainval", "test")
SPLITS = {"train": "train", "val": "valid", "trainval": "trainval", "test": "test"}
"""What the releases call the splits. ``trainval`` are all whom the data set's makers annotated for training."""

PICTURES = 24987
PUBLISHED = {"train": 22246, "valid": 2958, "trainval": 28883, "test": 11731}
"""How many pictures the official file lists, and how many people others found in it."""

_READERS = {".json": read_hrnet, ".h5": read_hourglass, ".hdf5": read_hourglass}

_log = logging.getLogger(__name__)


class Mpii(Source):
    """People of MPII with the positions and scales that come with it.

    ``folder`` is looked up under ``POSEPYR_DATA`` (or ``./data``) unless absolute. ``annotations`` is the official
    ``.mat``, or ``annot/{split}.json`` of the HRNet release, or ``annot/{split}.h5`` of the hourglass release, where
    ``{split}`` stands for the name that ``splits`` gives a split; those it does not mention are called as in
    ``SPLITS``. The official file needs a list of who validates beside it, named in ``validation`` or in one of the
    usual places; people who share a picture with somebody on the list neither train nor validate. Training people
    without a labelled joint, and anybody without position or scale, are left out and counted. Test people have no
    labels.
    """

    def __init__(
        self,
        folder: str = "mpii",
        *,
        annotations: str = OFFICIAL,
        images: str = "images",
        validation: str | None = None,
        splits: dict[str, str] | None = None,
    ) -> None:
        self.folder = data_folder(folder)
        self.annotations, self.images, self.validation = annotations, images, validation
        self.splits = SPLITS | (splits or {})
        if Path(annotations).suffix.lower() not in (".mat", *_READERS):
            raise ValueError(f"annotations must end in .mat, .json or .h5, got {annotations!r}")
        self._read: dict[str, People] = {}
        self._release: Release | None = None

    def split(self, name: str) -> People:
        """Return ``train``, ``val``, ``trainval`` or ``test``, read once."""
        if name not in self.splits:
            raise ValueError(f"split must be one of {', '.join(self.splits)}, got {name!r}; name it in splits")
        part = self.splits[name]
        if part not in self._read:
            annotations = self.annotations.replace("{split}", part)
            file = self.folder / annotations
            self._hint(file, part)
            require(self.folder, [annotations, f"{self.images}/"], "MPII")
            read = _READERS.get(file.suffix.lower())
            if read is None:
                self._read[part] = self._official(file, part)
            else:
                unlabelled = part == "test"
                self._read[part] = people(read(file, unlabelled), file, self.folder / self.images, unlabelled)
        return self._read[part]

    def published(self, name: str) -> Sequence[PublishedCount]:
        part = self.splits.get(name, name)
        return (PublishedCount(PUBLISHED[part], "people", "the HRNet release"),) if part in PUBLISHED else ()

    def check_submission(self, name: str, skeleton: Skeleton, path: Path) -> None:
        if not self.annotations.endswith(".mat"):
            super().check_submission(name, skeleton, path)
        check_joints("MPII", MPII_JOINTS, skeleton)
        if self.splits.get(name) != "test":
            raise UsageError(
                f"submission must be of MPII's test people, got its {self.splits.get(name)} people; score the split "
                "test with splits.test=test"
            )
        check_file(path)

    def write_submission(
        self, name: str, skeleton: Skeleton, path: Path, predictions: Predictions, truth: Truth
    ) -> None:
        write_mpii_submission(path, self.folder / self.annotations, predictions, truth.measures, skeleton.joints)

    def _hint(self, file: Path, part: str) -> None:
        """Raise where the annotations lie there in another layout than the one that is asked for."""
        for other in ("annot/{split}.json", "annot/{split}.h5"):
            found = self.folder / other.replace("{split}", part)
            if not file.is_file() and found.is_file():
                raise ValueError(
                    f"annotations must name files that are there, got {self.annotations!r}, but there is "
                    f"{found}: write annotations='{other}'"
                )

    def _official(self, file: Path, part: str) -> People:
        if part not in PARTS:
            raise ValueError(f"splits must name parts among {', '.join(PARTS)} of {file}, got {part!r}")
        release = self._release = self._release or read_release(file)
        skipped = {}
        if part in ("test", "trainval"):
            chosen = release.training == (part == "trainval")
        else:
            image = release.rectangles.measures["image"]
            listed = validating(find_list(self.folder, self.validation), release)
            beside = release.training & np.isin(image, image[listed]) & ~listed
            chosen = listed if part == "valid" else release.training & ~listed & ~beside
            skipped = {"in a picture with somebody who validates": int(beside.sum())} if part == "train" else {}
        found = people(
            release.rectangles.only(chosen), file, self.folder / self.images, unlabelled=part == "test", skipped=skipped
        )
        if release.pictures == PICTURES and len(found) != PUBLISHED[part]:
            _log.warning("%s: %d people in %s, where others find %d", file, len(found), part, PUBLISHED[part])
        return found
