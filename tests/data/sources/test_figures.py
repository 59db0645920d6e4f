import hashlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from posepyr.data.sources.figures import Figures
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE

PRINT_DIGESTS = """
import hashlib
from posepyr.data.sources.figures import Figures
split = Figures(seed=3).split("val")
for index in (7, 2, 5, 0):
    annotation = split[index]
    digest = hashlib.sha256(split.view(annotation).pixels.tobytes() + annotation.keypoints.tobytes())
    print(index, digest.hexdigest())
"""


def digests(split, indices):
    lines = []
    for index in indices:
        annotation = split[index]
        digest = hashlib.sha256(split.view(annotation).pixels.tobytes() + annotation.keypoints.tobytes())
        lines.append(f"{index} {digest.hexdigest()}")
    return lines


def test_another_process_and_another_order_give_the_same_bytes():
    split = Figures(seed=3).split("val")
    here = digests(split, (0, 2, 5, 7))
    there = subprocess.run([sys.executable, "-c", PRINT_DIGESTS], capture_output=True, text=True, check=True)
    assert sorted(there.stdout.split("\n")[:-1]) == sorted(here)


def test_pictures_are_found_by_name_alone():
    figures = Figures()
    split, fresh = figures.split("train"), figures.split("train")
    annotation = split[123]
    assert annotation.image == "figures/train/000123"
    assert np.array_equal(fresh.view(annotation).pixels, split.view(annotation).pixels)


@pytest.mark.parametrize("change", [{"seed": 1}, {"difficulty": 0.6}, {"foreshortening": 0.9}])
def test_other_parameters_give_other_pictures(change):
    split, other = Figures().split("train"), Figures(**change).split("train")
    assert not np.array_equal(split[0].keypoints, other[0].keypoints)


def test_splits_share_no_picture():
    seen = {Figures().split(name)[index].keypoints.tobytes() for name in ("train", "val", "test") for index in range(5)}
    assert len(seen) == 15


def test_annotations_keep_the_contract():
    split = Figures().split("train")
    for index in range(60):
        annotation = split[index]
        assert annotation.sample == index
        assert annotation.keypoints.shape == (16, 2)
        assert annotation.keypoints.dtype == np.float64
        assert np.isfinite(annotation.keypoints).all()
        assert annotation.visibility.dtype == np.uint8
        x, y, width, height = annotation.box
        assert width > 0
        assert height > 0
        labelled = annotation.visibility != NOT_LABELLED
        inside = ((annotation.keypoints >= 0) & (annotation.keypoints <= 255)).all(axis=1)
        assert np.array_equal(labelled, inside)
        kept = annotation.keypoints[labelled]
        assert (kept >= (x - 1e-9, y - 1e-9)).all()
        assert (kept <= (x + width + 1e-9, y + height + 1e-9)).all()
        assert set(annotation.visibility.tolist()) <= {NOT_LABELLED, OCCLUDED, VISIBLE}


def test_changing_an_annotation_changes_no_other():
    split = Figures().split("train")
    annotation = split[4]
    annotation.keypoints[:] = 0.0
    annotation.box[:] = 0.0
    again = split[4]
    assert (again.keypoints != 0.0).any()
    assert (again.box[2:] != 0.0).all()


@pytest.mark.parametrize("size", [48, 256, 640])
def test_pictures_have_the_size_asked_for(size):
    split = Figures(size=size, difficulty=1.0).split("train")
    for index in range(6):
        pixels = split.view(split[index]).pixels
        assert pixels.shape == (size, size, 3)
        assert pixels.dtype == np.uint8
        assert pixels.std() > 2.0


def test_the_size_scales_the_scene():
    small, large = Figures(size=128).split("train"), Figures(size=256).split("train")
    for index in range(20):
        # Pixel centres lie at integers: the corner of both pictures is (-0.5, -0.5).
        assert np.allclose((small[index].keypoints + 0.5) * 2.0 - 0.5, large[index].keypoints, atol=1e-6)


def test_survives_pickling():
    split = Figures(difficulty=0.8).split("test")
    before = split[3]
    copy = pickle.loads(pickle.dumps(split))
    assert np.array_equal(copy[3].keypoints, before.keypoints)
    assert np.array_equal(copy.view(copy[3]).pixels, split.view(before).pixels)


def test_lengths_are_the_ones_asked_for():
    figures = Figures(train=7, val=0, test=3)
    assert [len(figures.split(name)) for name in ("train", "val", "test")] == [7, 0, 3]
    with pytest.raises(IndexError, match="from 0 to 6"):
        figures.split("train")[7]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"difficulty": -0.1}, "difficulty must be from 0 to 1, got -0.1"),
        ({"difficulty": float("nan")}, "difficulty must be from 0 to 1, got nan"),
        ({"foreshortening": 1.5}, "foreshortening must be from 0 to 1, got 1.5"),
        ({"size": 16}, "size must be from 32 to 2048 pixels, got 16"),
        ({"train": -1}, "train must not be negative, got -1"),
        ({"seed": -5}, "seed must not be negative, got -5"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Figures(**arguments)


def test_an_unknown_split_or_picture_is_refused():
    figures = Figures(train=10)
    with pytest.raises(ValueError, match="split must be one of train, val, test, got 'valid'"):
        figures.split("valid")
    annotation = figures.split("val")[0]
    with pytest.raises(ValueError, match="image must be a name such as 'figures/train/000000'"):
        figures.split("train").view(annotation)


def test_covered_joints_are_hidden_in_every_picture_and_nothing_else_changes():
    plain, covering = Figures().split("train"), Figures(covered=["right_knee", "left_wrist"]).split("train")
    joints = list(plain.joints)
    covered = [joints.index("right_knee"), joints.index("left_wrist")]
    states = set()
    for index in range(80):
        before, after = plain[index], covering[index]
        assert np.array_equal(before.keypoints, after.keypoints)
        assert np.array_equal(before.box, after.box)
        changed = np.flatnonzero(before.visibility != after.visibility)
        assert set(after.visibility[changed].tolist()) <= {OCCLUDED}
        states |= set(after.visibility[covered].tolist())
        for joint in covered:
            if after.visibility[joint] == OCCLUDED:
                x, y = after.keypoints[joint].round().astype(int)
                assert not np.array_equal(plain.view(before).pixels[y, x], covering.view(after).pixels[y, x])
    assert states <= {OCCLUDED, NOT_LABELLED}  # one outside of the picture stays so


def test_only_joints_can_be_covered():
    with pytest.raises(ValueError, match=r"covered must hold some of right_ankle, .* got nose"):
        Figures(covered=["nose"])
