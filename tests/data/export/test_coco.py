import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from posepyr.data.export import write_coco
from posepyr.data.formats.people import matched
from posepyr.data.sources.coco import Coco
from posepyr.skeleton import Skeleton


@pytest.fixture
def archive(tmp_path: Path, groups: Any, mpii_skeleton: Skeleton) -> Path:
    folder = tmp_path / "coco"
    assert write_coco(groups, mpii_skeleton, folder, ("train", "val")) == {"train": 4, "val": 4}
    return folder


def test_what_is_written_is_read_again(archive: Path, groups: Any, mpii_skeleton: Skeleton) -> None:
    source = Coco(str(archive))
    for name in ("train", "val"):
        read, written = source.split(name), groups.split(name)
        assert len(read) == len(written)
        for index in range(len(written)):
            got, truth = read[index], written[index]
            np.testing.assert_array_equal(got.visibility, truth.visibility)
            labelled = truth.visibility > 0
            np.testing.assert_allclose(got.keypoints[labelled], truth.keypoints[labelled], atol=0.005 + 1e-9)
            # The reader's rule counts both corners as pixels.
            np.testing.assert_allclose(got.box, truth.box - [0, 0, 1, 1], atol=0.005 + 1e-9)
            difference = read.view(got).pixels.astype(int) - groups.split(name).view(truth).pixels
            assert np.abs(difference).mean() < 2


def test_joints_by_name_in_another_order(archive: Path, groups: Any, mpii_skeleton: Skeleton) -> None:
    chosen = ("left_wrist", "pelvis")
    person = matched(Coco(str(archive)).split("train"), chosen)[1]
    truth = groups.split("train")[1].visibility
    assert person.visibility.tolist() == [truth[mpii_skeleton.index(joint)] for joint in chosen]


def test_each_picture_is_written_once(archive: Path, groups: Any) -> None:
    assert groups.split("train").seen == ["a", "b", "c"]
    assert sorted(path.name for path in (archive / "train2017").iterdir()) == [f"{i:012d}.jpg" for i in (1, 2, 3)]
    assert sorted(path.name for path in (archive / "val2017").iterdir()) == [f"{i:012d}.jpg" for i in (4, 5, 6)]


def test_the_reference_library_reads_it(archive: Path, groups: Any, mpii_skeleton: Skeleton) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO(str(archive / "annotations" / "person_keypoints_val2017.json"))
    assert len(reference.getImgIds()) == 3
    assert sorted(reference.getAnnIds()) == [5, 6, 7, 8]
    [category] = reference.loadCats(reference.getCatIds(catNms=["person"]))
    assert tuple(category["keypoints"]) == mpii_skeleton.joints
    # Counted from 1.
    assert category["skeleton"][0] == [1, 2]
    for entry, truth in zip(reference.loadAnns(reference.getAnnIds(imgIds=4)), groups.split("val"), strict=False):
        assert entry["num_keypoints"] == int((truth.visibility > 0).sum())
        assert entry["area"] == pytest.approx(entry["bbox"][2] * entry["bbox"][3], abs=0.01)
        assert entry["iscrowd"] == 0
        assert all(entry["keypoints"][3 * k : 3 * k + 3] == [0, 0, 0] for k in np.flatnonzero(truth.visibility == 0))


def test_the_file_has_all_parts_of_the_original(archive: Path) -> None:
    content = json.loads((archive / "annotations" / "person_keypoints_train2017.json").read_text())
    assert set(content) == {"info", "licenses", "images", "annotations", "categories"}
    assert set(content["info"]) == {"description", "url", "version", "year", "contributor", "date_created"}
    assert content["images"][0] == {
        "id": 1, "file_name": "000000000001.jpg", "height": 96, "width": 128, "license": 1,
    }  # fmt: skip
    assert set(content["annotations"][0]) == {
        "id", "image_id", "category_id", "keypoints", "num_keypoints", "bbox", "area", "iscrowd", "segmentation",
    }  # fmt: skip


def test_a_folder_with_files_is_refused(archive: Path, groups: Any, mpii_skeleton: Skeleton) -> None:
    before = sorted(archive.rglob("*"))
    with pytest.raises(ValueError, match="output must be a new or an empty folder"):
        write_coco(groups, mpii_skeleton, archive, ("test",))
    with pytest.raises(ValueError, match="output must be a new or an empty folder"):
        write_coco(groups, mpii_skeleton, archive / "annotations" / "person_keypoints_val2017.json", ("test",))
    assert sorted(archive.rglob("*")) == before


def test_an_interrupted_export_leaves_no_annotations_and_no_parts(
    tmp_path: Path, groups: Any, mpii_skeleton: Skeleton, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = groups.split("train")
    plain = type(train).view

    def fail(split: Any, annotation: Any, scale: float = 1.0) -> Any:
        if annotation.image == "c":
            raise KeyboardInterrupt
        return plain(split, annotation, scale)

    monkeypatch.setattr(type(train), "view", fail)
    with pytest.raises(KeyboardInterrupt):
        write_coco(groups, mpii_skeleton, tmp_path / "cut", ("train",))
    files = sorted(path.name for path in (tmp_path / "cut").rglob("*") if path.is_file())
    assert files == ["000000000001.jpg", "000000000002.jpg"]


def test_splits_without_anybody_are_refused(tmp_path: Path, groups: Any, mpii_skeleton: Skeleton) -> None:
    groups.split("val").people.clear()
    with pytest.raises(ValueError, match="splits must have people in them, got 'val' with nobody"):
        write_coco(groups, mpii_skeleton, tmp_path / "none", ("train", "val"))
    with pytest.raises(ValueError, match="splits must be one or more different names"):
        write_coco(groups, mpii_skeleton, tmp_path / "none", ())
    assert not (tmp_path / "none").exists()
