"""MPII Human Pose, in the three layouts that it is passed on in."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posepyr.data.formats.archive import Record, data_folder, require
from posepyr.data.formats.containers import read_mat
from posepyr.data.formats.mpii_layout import BoolArray, people, whole_numbers
from posepyr.data.formats.mpii_official import Release, read_release
from posepyr.data.formats.mpii_releases import read_hourglass, read_hrnet, read_pairs
from posepyr.data.formats.people import People
from posepyr.data.results.submissions import check_file, check_joints, write_mpii_submission
from posepyr.errors import UsageError
from posepyr.records import NOT_LABELLED, Predictions, PublishedCount, Source, Truth
from posepyr.skeleton import MPII_JOINTS, Skeleton

OFFICIAL = "mpii_human_pose_v1_u12_1.mat"
PARTS = ("train", "valid", "trainval", "test")
SPLITS = {"train": "train", "val": "valid", "trainval": "trainval", "test": "test"}
"""What the releases call the splits. ``trainval`` are all whom the data set's makers annotated for training."""

PICTURES = 24987
PUBLISHED = {"train": 22246, "valid": 2958, "trainval": 28883, "test": 11731}
"""How many pictures the official file lists, and how many people others found in it."""

LISTS = ("annot/valid.json", "annot/valid.h5", "detections.mat", "mpii_predictions/data/detections.mat")
"""Where the split of Tompson et al. (CVPR 2015) may lie: HRNet's, the hourglass release's, their own twice."""

_NEAR = 1.0
"""Pixels by which a position in a list may differ from the official one, which it may have rounded."""

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
        part = self._part(name)
        if part not in self._read:
            self.require_files(name)
            file = self.folder / self.annotations.replace("{split}", part)
            read = _READERS.get(file.suffix.lower())
            if read is None:
                self._read[part] = self._official(file, part)
            else:
                unlabelled = part == "test"
                self._read[part] = people(read(file, unlabelled), file, self.folder / self.images, unlabelled)
        return self._read[part]

    def require_files(self, name: str) -> None:
        part = self._part(name)
        annotations = self.annotations.replace("{split}", part)
        self._hint(self.folder / annotations, part)
        require(self.folder, [annotations, f"{self.images}/"], "MPII")
        if Path(annotations).suffix.lower() not in _READERS and part in ("train", "valid"):
            find_list(self.folder, self.validation)

    def lacks_occlusion(self, name: str) -> str | None:
        if _READERS.get(Path(self.annotations).suffix.lower()) is not read_hrnet:
            return None
        return (
            f"{self.annotations} of the HRNet release has joints_vis alone, which tells labelled joints from missing "
            f"ones; name the official {OFFICIAL} or the hourglass release's annot/{{split}}.h5 in annotations"
        )

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

    def _part(self, name: str) -> str:
        if name not in self.splits:
            raise ValueError(f"split must be one of {', '.join(self.splits)}, got {name!r}; name it in splits")
        return self.splits[name]

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
