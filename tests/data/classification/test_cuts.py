"""Pictures to what a classifier is shown."""

import numpy as np
import pytest

from posepyr.data.classification.cuts import PaddedCut, ResizedCut


def numbered(height: int, width: int) -> np.ndarray:
    """A picture whose first two channels say where each pixel was."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    return np.stack([rows, columns, np.full_like(rows, 7)], axis=-1)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("fill", ["reflection", "mean"])
def test_a_padded_cut_is_a_shift_and_perhaps_a_mirror(fill):
    picture = numbered(32, 32)
    cut = PaddedCut(fill=fill)
    shifts, mirrored = set(), 0
    for seed in range(400):
        shown = cut.random(picture, generator(seed))
        assert shown.shape == (32, 32, 3)
        # The middle is never padding.
        step = int(shown[16, 17, 1]) - int(shown[16, 16, 1])
        assert abs(step) == 1
        mirrored += step < 0
        straight = shown[:, ::-1] if step < 0 else shown
        down, right = int(straight[16, 16, 0]) - 16, int(straight[16, 16, 1]) - 16
        shifts.add((down, right))
        rows, columns = np.mgrid[:32, :32] + np.array([down, right])[:, None, None]
        inside = (rows >= 0) & (rows < 32) & (columns >= 0) & (columns < 32)
        expected = np.stack([rows, columns, np.full_like(rows, 7)], axis=-1)
        np.testing.assert_array_equal(straight[inside], expected[inside])
        if fill == "mean":
            assert (straight[~inside] == (125, 123, 114)).all()
        else:
            mirror = np.stack([31 - abs(31 - abs(rows)), 31 - abs(31 - abs(columns))], axis=-1)
            np.testing.assert_array_equal(straight[..., :2], mirror)
    assert min(shifts) == (-4, -4)
    assert max(shifts) == (4, 4)
    assert len(shifts) > 75
    assert 140 < mirrored < 260


def test_a_padded_cut_evaluates_the_picture_itself():
    picture = numbered(32, 32)
    np.testing.assert_array_equal(PaddedCut().central(picture), picture)
    still = PaddedCut(padding=0, flip_probability=0)
    np.testing.assert_array_equal(still.random(picture, generator(0)), picture)


def test_a_padded_cut_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"size must be the pictures' own size, got \[32, 32\] .*\[30, 32\]"):
        PaddedCut().random(numbered(30, 32), generator(0))


def plane(height: int, width: int) -> np.ndarray:
    """Rises along rows and columns, so that a cut's extent can be read off its pixels."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, rows], axis=-1).astype(np.uint8)


def test_a_resized_cut_keeps_to_area_and_aspect():
    cut = ResizedCut((24, 24), area=(0.2, 0.5), aspect=(0.5, 2.0))
    picture = plane(200, 180)
    areas, aspects, mirrored = [], [], 0
    for seed in range(300):
        shown = cut.random(picture, generator(seed)).astype(float)
        assert shown.shape == (24, 24, 3)
        across = shown[12, -1, 1] - shown[12, 0, 1]
        mirrored += across < 0
        # Between the centres of the outermost of 24 averages lie 23 / 24 of the extent.
        height, width = (shown[-1, 12, 0] - shown[0, 12, 0]) * 24 / 23, abs(across) * 24 / 23
        areas.append(height * width / (200 * 180))
        aspects.append(width / height)
    assert 0.19 < min(areas) < 0.23
    assert 0.47 < max(areas) < 0.52
    assert 0.48 < min(aspects) < 0.55
    assert 1.8 < max(aspects) < 2.08
    assert 105 < mirrored < 195


def test_a_picture_that_no_drawn_shape_fits_gives_its_largest_part():
    cut = ResizedCut((8, 8), area=(1.0, 1.0), aspect=(0.75, 1.0), flip_probability=0)
    # A tenth as high as wide: a square of the whole height is the widest allowed.
    shown = cut.random(plane(20, 200), generator(1)).astype(float)
    assert (shown[4, -1, 1] - shown[4, 0, 1]) * 8 / 7 == pytest.approx(20, abs=1)
    assert (shown[-1, 4, 0] - shown[0, 4, 0]) * 8 / 7 == pytest.approx(20, abs=1)


@pytest.mark.parametrize("shape", [(100, 150), (150, 100), (40, 61), (64, 64)])
def test_evaluation_sees_the_middle(shape):
    cut = ResizedCut((56, 56))
    assert cut.shorter == 64
    shown = cut.central(plane(*shape)).astype(float)
    assert shown.shape == (56, 56, 3)
    for axis, length in enumerate(shape):
        assert shown[..., axis].mean() == pytest.approx((length - 1) / 2, abs=1)
    np.testing.assert_array_equal(cut.central(plane(*shape)), cut.central(plane(*shape)))


def test_what_evaluation_sees_is_said_in_words():
    assert str(PaddedCut()) == "whole 32x32"
    assert str(ResizedCut((64, 48))) == "middle 64x48 of shorter side 73"


def test_one_setting_does_not_change_anothers_draws():
    picture = plane(90, 90)
    plain = ResizedCut((16, 16), flip_probability=0).random(picture, generator(3))
    flipped = ResizedCut((16, 16), flip_probability=1).random(picture, generator(3))
    np.testing.assert_array_equal(plain, flipped[:, ::-1])


@pytest.mark.parametrize(
    ("make", "argument", "value"),
    [
        (PaddedCut, "size", (0, 3)),
        (PaddedCut, "padding", -1),
        (PaddedCut, "padding", 32),
        (PaddedCut, "fill", "black"),
        (PaddedCut, "flip_probability", 1.5),
        (ResizedCut, "size", (3,)),
        (ResizedCut, "area", (0.0, 1.0)),
        (ResizedCut, "area", (0.5, 0.2)),
        (ResizedCut, "aspect", (2.0, 1.0)),
        (ResizedCut, "shorter", 100),
        (ResizedCut, "flip_probability", -0.1),
    ],
)
def test_a_wrong_argument_is_named(make, argument, value):
    with pytest.raises(ValueError, match=rf"{argument} must .* got"):
        make(**{argument: value})
