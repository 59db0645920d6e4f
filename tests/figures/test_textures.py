import numpy as np
import pytest

from posepyr.data.sources.figures import Figures
from posepyr.figures.textures import coloured, hsv, mix, patterns, shaded
from posepyr.records import VISIBLE
from posepyr.skeleton import MPII_JOINTS

PAIRS = [(MPII_JOINTS.index(f"right_{joint}"), MPII_JOINTS.index(f"left_{joint}"))
         for joint in ("ankle", "knee", "hip", "wrist", "elbow", "shoulder")]  # fmt: skip


@pytest.fixture(scope="module")
def colours():
    """Colour around each visible joint of 300 pictures: ``300 16 3``, not a number where it is hidden."""
    split = Figures().split("train")
    found = np.full((300, 16, 3), np.nan)
    for index in range(len(found)):
        annotation = split[index]
        pixels = split.view(annotation).pixels
        for joint, (x, y) in enumerate(annotation.keypoints):
            if annotation.visibility[joint] == VISIBLE:
                column, row = int(x), int(y)
                found[index, joint] = pixels[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3].mean((0, 1))
    return found


def test_no_colour_tells_left_from_right(colours):
    spread = np.nanstd(colours, axis=(0, 1))
    for right, left in PAIRS:
        both = ~np.isnan(colours[:, right, 0]) & ~np.isnan(colours[:, left, 0])
        difference = colours[both, right] - colours[both, left]
        error = difference.std(axis=0) / np.sqrt(both.sum())
        assert both.sum() > 100
        assert (np.abs(difference.mean(axis=0)) < np.maximum(4 * error, 0.1 * spread)).all()


def test_no_colour_belongs_to_one_joint(colours):
    """Whoever knows only the colour and the most typical colour of each joint guesses hardly better than chance."""
    known, asked = colours[::2], colours[1::2]
    typical = np.nanmean(known, axis=0)
    spread = np.nanstd(colours, axis=(0, 1))
    distances = (((asked[:, :, None] - typical) / spread) ** 2).sum(axis=3)
    labelled = ~np.isnan(distances[:, :, 0])
    guesses = distances[labelled].argmin(axis=1)
    truth = np.broadcast_to(np.arange(16), labelled.shape)[labelled]
    assert len(truth) > 1500
    assert np.mean(guesses == truth) < 2 / 16


def test_cloth_and_its_wearers_limbs_do_not_differ_from_joint_to_joint(colours):
    spread = np.nanstd(colours, axis=(0, 1))
    typical = np.nanmean(colours, axis=0)
    shift = np.abs(typical - typical.mean(axis=0)) / spread
    assert shift.max() < 0.5


def test_colours_vary_at_every_joint(colours):
    assert (np.nanstd(colours, axis=0) > 35).all()


def test_patterns_repeat_without_a_seam():
    for pattern in patterns()[7:9].astype(int):
        inside = np.abs(np.diff(pattern, axis=0)).max(), np.abs(np.diff(pattern, axis=1)).max()
        assert np.abs(pattern[0] - pattern[-1]).max() <= inside[0]
        assert np.abs(pattern[:, 0] - pattern[:, -1]).max() <= inside[1]


def test_a_pattern_in_two_colours_has_them_at_its_ends():
    dark, light = (10, 200, 30), (250, 20, 40)
    painted = coloured(np.array([[0, 255]], dtype=np.uint8), dark, light)
    assert painted.tolist() == [[list(dark), list(light)]]


@pytest.mark.parametrize(
    ("parts", "colour"),
    [((0, 1, 1), (255, 0, 0)), ((1 / 3, 1, 1), (0, 255, 0)), ((2 / 3, 1, 1), (0, 0, 255)),
     ((0.4, 0, 1), (255, 255, 255)), ((0.9, 1, 0), (0, 0, 0)), ((1 / 6, 1, 1), (255, 255, 0))],
)  # fmt: skip
def test_hue_saturation_and_value_become_red_green_and_blue(parts, colour):
    assert hsv(*parts) == colour


def test_mixing_and_shading():
    assert mix((0, 100, 200), (100, 0, 200), 0.5) == (50, 50, 200)
    assert shaded((100, 200, 50), 1.5) == (150, 255, 75)
