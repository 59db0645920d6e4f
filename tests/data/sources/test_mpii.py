"""The data set as a source: its splits, from every layout."""

import logging
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posepyr.data.export import write_mpii
from posepyr.data.formats.mpii_layout import read_ground_truth
from posepyr.data.formats.people import People
from posepyr.data.sources import mpii
from posepyr.data.sources.mpii import Mpii
from posepyr.geometry import CropRule, fit
from posepyr.skeleton import Skeleton
from support import mpii_files as files

OFFICIAL = "mpii_human_pose_v1_u12_1.mat"
POINT = {"x": np.uint8(40), "y": np.int16(-30), "id": np.uint8(9), "is_visible": np.uint8(1)}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Six pictures. Who validates is in the first one, with somebody else; only the last two are for testing."""
    root = tmp_path / "mpii"
    (root / "images").mkdir(parents=True)
    where = {"scale": 2.0, "objpos": files.structure({"x": np.uint16(500), "y": np.uint16(300)})}
    pictures = [
        files.picture("first.jpg", files.complete(100), files.complete(200)),
        files.picture("empty.jpg"),
        files.picture(
            "second.jpg",
            files.complete(300, annopoints=files.EMPTY),
            files.complete(400, annopoints=files.points(POINT)),
            files.complete(500, objpos=None),
            files.complete(600, scale=None),
        ),
        files.picture("third.jpg", files.complete(700, x1=None, y1=None, x2=None, y2=None)),
        files.picture("tested.jpg", where, {"scale": 2.0}, where),
        files.picture("also_tested.jpg", where),
    ]
    files.write_official(root / OFFICIAL, pictures, [1, 1, 1, 1, 0, 0])
    files.write_list(root / "detections.mat", [(1, 1)])
    return root


def test_the_splits(archive: Path) -> None:
    mpii = Mpii(str(archive))
    sizes = {name: len(mpii.split(name)) for name in ("train", "val", "trainval", "test")}
    assert sizes == {"train": 2, "val": 1, "trainval": 4, "test": 3}
    assert mpii.split("train") is mpii.split("train")
    incomplete = {"without position or scale": 2, "without labelled joints": 1}
    assert mpii.split("train").skipped == {"in a picture with somebody who validates": 1, **incomplete}
    assert mpii.split("val").skipped == {}
    assert mpii.split("trainval").skipped == incomplete
    assert mpii.split("test").skipped == {"without position or scale": 1}
    with pytest.raises(ValueError, match="split must be one of train, val, trainval, test, got 'vale'"):
        mpii.split("vale")


def test_nobody_trains_in_a_picture_that_validates(archive: Path) -> None:
    mpii = Mpii(str(archive))
    assert set(mpii.split("train").pictures) == {"second.jpg", "third.jpg"}
    assert set(mpii.split("val").pictures) == {"first.jpg"}


def test_everybody_can_be_trained_on(archive: Path) -> None:
    (archive / "detections.mat").unlink()
    assert len(Mpii(str(archive), splits={"train": "trainval"}).split("train")) == 4


def test_numbers_of_pictures_and_people(archive: Path) -> None:
    """Counted from 0, with the pictures and people that are left out: a submission has them all."""
    measures = Mpii(str(archive)).split("test").measures
    assert measures["image"].tolist() == [4, 4, 5]
    assert measures["person"].tolist() == [0, 2, 0]
    assert measures["people"].tolist() == [3, 3, 1]
    assert measures["scale"].tolist() == [2, 2, 2]
    assert np.isnan(measures["head_size"]).all()
    train = Mpii(str(archive)).split("trainval").measures
    assert train["person"].tolist() == [0, 1, 1, 0]
    # 0.6 of the diagonal of 30 x 40; the last head has no rectangle.
    np.testing.assert_allclose(train["head_size"], [30, 30, 30, np.nan])


def test_test_people_have_boxes_and_no_labels(archive: Path) -> None:
    person = Mpii(str(archive)).split("test")[1]
    assert not person.visibility.any()
    assert person.image == f"{archive}/images/tested.jpg"
    np.testing.assert_allclose(person.box, [499 - 200, 299 + 30 - 200, 400, 400])


def test_a_single_point(archive: Path) -> None:
    person = Mpii(str(archive)).split("train")[0]
    assert person.visibility.tolist() == [0] * 9 + [2] + [0] * 6
    np.testing.assert_array_equal(person.keypoints[9], [39, -31])
    np.testing.assert_array_equal(np.delete(person.keypoints, 9, axis=0), 0)


def test_the_padded_box_is_the_crop_of_the_releases(archive: Path) -> None:
    """250 scale wide about the position, 15 scale further down; 1 less, since MATLAB counts from 1."""
    person = Mpii(str(archive)).split("val")[0]
    centre, extent = fit(person.box, CropRule((256, 256), padding=1.25))
    np.testing.assert_allclose(centre, [180 - 1, 60.5 + 15 * 1.5 - 1])
    np.testing.assert_allclose(extent, 250 * 1.5)


def three_layouts(archive: Path) -> dict[str, Mpii]:
    """The two complete people of the first picture train and validate in the JSON and the HDF5."""
    for index, part in enumerate(("valid", "train")):
        offset = 100 * (1 + index)
        files.write_entries(archive / "annot" / f"{part}.json", [files.entry("first.jpg", offset)])
        files.write_table(archive / "annot" / f"{part}.h5", files.table(["first.jpg"], [offset], [(0, index)]))
    names = {"mat": OFFICIAL, "json": "annot/{split}.json", "h5": "annot/{split}.h5"}
    return {suffix: Mpii(str(archive), annotations=name) for suffix, name in names.items()}


@pytest.mark.parametrize("split", ["train", "val"])
def test_the_layouts_agree(archive: Path, split: str) -> None:
    layouts = three_layouts(archive)
    official = layouts["mat"].split("trainval")[int(split == "train")]
    from_json, from_hdf5 = (layouts[suffix].split(split)[0] for suffix in ("json", "h5"))
    for other in (from_json, from_hdf5):
        np.testing.assert_allclose(other.box, official.box)
        assert other.image == official.image
    np.testing.assert_allclose(from_json.keypoints, official.keypoints)
    np.testing.assert_array_equal(from_json.visibility > 0, official.visibility > 0)
    # The hourglass release cut coordinates to whole numbers.
    np.testing.assert_array_equal(from_hdf5.keypoints + 1, np.floor(official.keypoints + 1))
    np.testing.assert_array_equal(from_hdf5.visibility, official.visibility)
    for name in ("head_size", "image", "person", "scale"):
        [found] = layouts["h5"].split(split).measures[name]
        assert found == pytest.approx(layouts["mat"].split("trainval").measures[name][int(split == "train")])


LISTS: dict[str, Callable[[Path], Path]] = {
    "HRNet's": lambda root: files.write_entries(root / "annot" / "valid.json", [files.entry("first.jpg", 200.4)]),
    "the hourglass release's": lambda root: files.write_table(
        root / "annot" / "valid.h5", files.table(["first.jpg"], [200], [(0, 1)])
    ),
    "Tompson's": lambda root: files.write_list(root / "detections.mat", [(1, 2)]),
    "Tompson's as unpacked": lambda root: files.write_list(
        root / "mpii_predictions" / "data" / "detections.mat", [(1, 2)]
    ),
}


@pytest.mark.parametrize("kind", LISTS)
def test_lists_of_who_validates(archive: Path, kind: str) -> None:
    """All of them name the second person of the first picture."""
    (archive / "detections.mat").unlink()
    file = LISTS[kind](archive)
    for validation in (None, str(file.relative_to(archive))):
        mpii = Mpii(str(archive), validation=validation)
        assert mpii.split("val").measures["person"].tolist() == [1]
        assert len(mpii.split("train")) == 2


def test_without_a_list_the_error_says_which_would_do(archive: Path) -> None:
    (archive / "detections.mat").unlink()
    with pytest.raises(ValueError, match=r"who validates.*annot/valid\.json.*splits\.train=trainval"):
        Mpii(str(archive)).split("val")
    with pytest.raises(ValueError, match=r"looked for other\.json"):
        Mpii(str(archive), validation="other.json").split("train")


LIST_FAULTS: dict[str, tuple[str, Any, str]] = {
    "nobody of that number": ("detections.mat", [(1, 1), (1, 3)], r"detections.mat: \[1\]: picture and person must be"),
    "twice": ("detections.mat", [(1, 1), (1, 1)], r"\[1\]: the person must be named once.*annolist\(1\).annorect\(1\)"),
    "a test picture": ("detections.mat", [(5, 1)], r"must be in a training picture, got 'annolist\(5\)"),
    "an unknown picture": (
        "list.json", [files.entry("other.jpg", 100)], r"\[0\]: image must be one of the pictures.*'other.jpg'",
    ),
    "nobody there": (
        "list.json", [files.entry("first.jpg", 110)], r"center must be the position of somebody in first.jpg",
    ),
    "another scale": (
        "list.json", [files.entry("first.jpg", 100, scale=1.6)], r"center must be the position of somebody",
    ),
    "another suffix": ("list.txt", "first.jpg", r"validation must end in \.json, \.h5 or \.mat, got .*list\.txt"),
}  # fmt: skip


@pytest.mark.parametrize("fault", LIST_FAULTS)
def test_faults_of_lists_are_named(archive: Path, fault: str) -> None:
    name, content, message = LIST_FAULTS[fault]
    write = files.write_list if name.endswith(".mat") else files.write_entries
    write(archive / name, content)
    with pytest.raises(ValueError, match=message):
        Mpii(str(archive), validation=name).split("val")


def test_lists_of_unequal_columns(archive: Path) -> None:
    content = {"RELEASE_img_index": [1, 1], "RELEASE_person_index": [1]}
    files.write_truth(archive / "detections.mat", content)
    with pytest.raises(ValueError, match="RELEASE_person_index must be as long as RELEASE_img_index, 2, got 1"):
        Mpii(str(archive)).split("val")


def test_lists_of_other_numbers(archive: Path) -> None:
    content = {"RELEASE_img_index": [1, 1], "RELEASE_person_index": [1.0, 1.5]}
    files.write_truth(archive / "detections.mat", content)
    with pytest.raises(ValueError, match=r"RELEASE_person_index\[1\] must be a whole number from 1, got 1\.5"):
        Mpii(str(archive)).split("val")


def test_settings_that_do_not_fit(archive: Path) -> None:
    with pytest.raises(ValueError, match=r"annotations must end in \.mat, \.json or \.h5, got 'people\.csv'"):
        Mpii(str(archive), annotations="people.csv")
    with pytest.raises(ValueError, match=r"splits must name parts among train, valid, trainval, test .* got 'minival'"):
        Mpii(str(archive), splits={"val": "minival"}).split("val")


def test_missing_files_are_shown(archive: Path) -> None:
    with pytest.raises(ValueError, match=r"annot/trainval\.json +MISSING"):
        Mpii(str(archive), annotations="annot/{split}.json").split("trainval")
    (archive / OFFICIAL).unlink()
    with pytest.raises(ValueError, match=rf"{OFFICIAL} +MISSING"):
        Mpii(str(archive)).split("train")


def test_another_layout_is_pointed_out(archive: Path) -> None:
    three_layouts(archive)
    (archive / OFFICIAL).unlink()
    with pytest.raises(ValueError, match=r"train\.json: write annotations='annot/\{split\}\.json'"):
        Mpii(str(archive)).split("train")


def test_other_counts_than_published_are_told(
    archive: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a file with as many pictures as the official one has."""
    monkeypatch.setattr(mpii, "PICTURES", 6)
    monkeypatch.setattr(mpii, "PUBLISHED", {"train": 2, "valid": 3})
    source = Mpii(str(archive))
    with caplog.at_level(logging.WARNING):
        source.split("train")
        assert not caplog.records
        source.split("val")
    assert "1 people in valid, where others find 3" in caplog.text


def test_people_survive_pickling(archive: Path) -> None:
    people = Mpii(str(archive)).split("train")
    copy: People = pickle.loads(pickle.dumps(people))
    np.testing.assert_array_equal(copy[1].keypoints, people[1].keypoints)


def exported(root: Path, groups: Any, mpii_skeleton: Skeleton, annotations: str) -> Mpii:
    write_mpii(groups, mpii_skeleton, root, ("train", "val", "test"))
    return Mpii(str(root), annotations=annotations)


@pytest.mark.parametrize("annotations", [OFFICIAL, "annot/{split}.json"])
@pytest.mark.parametrize("split", ["train", "val"])
def test_what_is_written_is_read(
    tmp_path: Path, groups: Any, mpii_skeleton: Skeleton, annotations: str, split: str
) -> None:
    people = exported(tmp_path / "out", groups, mpii_skeleton, annotations).split(split)
    assert people.joints == mpii_skeleton.joints
    assert len(people) == 4
    for index, truth in enumerate(groups.split(split).people):
        person = people[index]
        labelled = truth.visibility > 0
        np.testing.assert_allclose(person.keypoints[labelled], truth.keypoints[labelled])
        expected = truth.visibility if annotations == OFFICIAL else 2 * labelled
        np.testing.assert_array_equal(person.visibility, expected)
        # The square about the box that was written.
        np.testing.assert_allclose(person.box[:2] + person.box[2:] / 2, truth.box[:2] + truth.box[2:] / 2)
        np.testing.assert_allclose(person.box[2:], truth.box[2:].max())
        assert people.view(person).pixels.shape == (96, 128, 3)
    assert people.skipped == {}


def test_heads_are_found_beside_the_json(tmp_path: Path, groups: Any, mpii_skeleton: Skeleton) -> None:
    by_layout = [
        exported(tmp_path / str(number), groups, mpii_skeleton, name).split("val").measures["head_size"]
        for number, name in enumerate((OFFICIAL, "annot/{split}.json"))
    ]
    assert (by_layout[0] > 0).all()
    np.testing.assert_allclose(*by_layout)


def test_the_test_people_that_are_written_are_read(tmp_path: Path, groups: Any, mpii_skeleton: Skeleton) -> None:
    for number, annotations in enumerate((OFFICIAL, "annot/{split}.json")):
        people = exported(tmp_path / str(number), groups, mpii_skeleton, annotations).split("test")
        assert len(people) == 4
        assert not any(people[index].visibility.any() for index in range(4))


def real(shared: Path, tmp_path: Path) -> Path:
    """The validation people of the hourglass release, in its layout; without pictures."""
    (tmp_path / "images").mkdir()
    (tmp_path / "annot").mkdir()
    (tmp_path / "annot" / "valid.h5").symlink_to(shared / "data" / "mpii_val" / "valid.h5")
    return tmp_path


def test_real_annotations_agree_with_the_real_truth(shared: Path, tmp_path: Path) -> None:
    """Within a pixel, whole numbers against fractions, but for 13 joints of 10 people."""
    people = Mpii(str(real(shared, tmp_path)), annotations="annot/{split}.h5").split("val")
    truth = read_ground_truth(shared / "data" / "mpii_val" / "detections_our_format.mat")
    assert len(people) == 2958
    visibility = np.array([people[index].visibility for index in range(len(people))])
    keypoints = np.array([people[index].keypoints for index in range(len(people))])
    np.testing.assert_array_equal(visibility == 0, truth.missing)
    assert (visibility == 1).sum() == 10_243
    apart = (np.abs(keypoints - truth.keypoints) > 1).any(axis=2) & ~truth.missing
    assert apart.sum() == 13
    assert apart.any(axis=1).sum() == 10
    np.testing.assert_allclose(people.measures["head_size"], truth.head_size, rtol=1e-6)


def test_real_people_of_the_json(shared: Path, tmp_path: Path) -> None:
    """The five are the first of the validation people, so the layouts' boxes and joints must meet."""
    folder = shared / "data" / "mpii_mini"
    five = Mpii(str(folder), annotations="test_mpii.json").split("val")
    others = Mpii(str(real(shared, tmp_path)), annotations="annot/{split}.h5").split("val")
    assert len(five) == 5
    for index in range(5):
        person = five[index]
        twin = next(others[row] for row in range(10) if Path(others[row].image).name == Path(person.image).name)
        np.testing.assert_allclose(person.box, twin.box, atol=1e-3)
        assert (np.abs(person.keypoints - twin.keypoints) <= 1).all()
        height, width, _ = five.view(person).pixels.shape
        assert ((person.keypoints >= 0) & (person.keypoints <= (width - 1, height - 1))).all()
