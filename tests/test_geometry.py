import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from posepyr import geometry
from posepyr.geometry import CropRule

RULES = [CropRule((96, 64), 1.25, grid) for grid in ("plain", "udp")]
BOX = np.array([30.0, 12.0, 40.0, 90.0])

finite = st.floats(-200, 200)


@pytest.mark.parametrize("rule", RULES)
@given(rotation=finite, flip=st.booleans(), x=finite, y=finite)
def test_inverting_a_crop_undoes_it(rule: CropRule, rotation: float, flip: bool, x: float, y: float) -> None:
    matrix = geometry.crop_matrix(BOX, rule, rotation, flip)
    points = np.array([[x, y]])
    back = geometry.apply(geometry.invert(matrix), geometry.apply(matrix, points))
    np.testing.assert_allclose(back, points, atol=1e-8)


@pytest.mark.parametrize("rule", RULES)
def test_the_box_is_widened_to_the_aspect_and_padded(rule: CropRule) -> None:
    height, width = rule.span
    centre, extent = geometry.fit(BOX, rule)
    np.testing.assert_allclose(centre, [50, 57])
    np.testing.assert_allclose(extent, np.array([90 * width / height, 90]) * 1.25)
    wide = geometry.fit(np.array([0.0, 0.0, 100.0, 10.0]), rule)[1]
    np.testing.assert_allclose(wide, np.array([100, 100 * height / width]) * 1.25)


def test_the_grids_place_the_crop_as_their_definitions_say() -> None:
    for rule, corner in zip(RULES, ([64, 96], [63, 95]), strict=True):
        centre, extent = geometry.fit(BOX, rule)
        matrix = geometry.crop_matrix(BOX, rule)
        np.testing.assert_allclose(geometry.apply(matrix, (centre - extent / 2)[None]), [[0, 0]], atol=1e-9)
        np.testing.assert_allclose(geometry.apply(matrix, (centre + extent / 2)[None]), [corner])


@pytest.mark.parametrize("rule", RULES)
def test_a_flipped_crop_is_the_mirror_image_of_the_crop(rule: CropRule) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (120, 110, 3), np.uint8)
    crop = geometry.warp(pixels, geometry.crop_matrix(BOX, rule, 20.0), rule.input_size)
    flipped = geometry.warp(pixels, geometry.crop_matrix(BOX, rule, 20.0, flip=True), rule.input_size)
    # OpenCV interpolates with 5 fractional bits, so that mirrored sampling points may differ by a 32nd of a pixel.
    difference = np.abs(flipped[:, ::-1].astype(int) - crop)
    assert difference.max() <= 2 * 255 / 32
    assert difference.mean() < 2.0


def test_the_crop_of_a_flipped_picture_is_the_flipped_crop_of_the_picture() -> None:
    rule = RULES[1]
    pixels = np.random.default_rng(1).integers(0, 256, (120, 110, 3), np.uint8)
    x, y, width, height = BOX
    mirrored_box = np.array([110 - 1 - x - width, y, width, height])
    crop = geometry.warp(pixels, geometry.crop_matrix(BOX, rule), rule.input_size)
    other = geometry.warp(pixels[:, ::-1].copy(), geometry.crop_matrix(mirrored_box, rule), rule.input_size)
    assert np.abs(other[:, ::-1].astype(int) - crop).max() <= 2 * 255 / 32


def test_rotation_turns_what_is_seen_clockwise() -> None:
    rule = CropRule((100, 100), 1.0, "plain")
    matrix = geometry.crop_matrix(np.array([0.0, 0.0, 100.0, 100.0]), rule, rotation=90)
    above = geometry.apply(matrix, np.array([[50.0, 10.0]]))
    np.testing.assert_allclose(above, [[90, 50]], atol=1e-9)


def test_a_pixel_lands_where_its_keypoint_does() -> None:
    pixels = np.zeros((120, 110, 3), np.uint8)
    pixels[60, 40] = 255
    for rule in RULES:
        matrix = geometry.crop_matrix(BOX, CropRule((384, 256), 1.25, rule.grid), 33.0, flip=True)
        crop = geometry.warp(pixels, matrix, (384, 256))[..., 0].astype(float)
        rows, columns = np.mgrid[:384, :256]
        centre = [(columns * crop).sum() / crop.sum(), (rows * crop).sum() / crop.sum()]
        np.testing.assert_allclose(centre, geometry.apply(matrix, np.array([[40.0, 60.0]]))[0], atol=0.1)


def test_batches_of_tensors_go_through_their_own_affines() -> None:
    matrices = np.stack([geometry.crop_matrix(BOX, RULES[0], angle) for angle in (0.0, 10.0, 45.0)])
    points = np.random.default_rng(2).uniform(0, 100, (3, 5, 2))
    batch = geometry.apply(torch.from_numpy(matrices), torch.from_numpy(points))
    for matrix, person, found in zip(matrices, points, batch.numpy(), strict=True):
        np.testing.assert_allclose(found, geometry.apply(matrix, person))


def test_inside_is_the_extent_of_the_pixels() -> None:
    points = np.array([[-0.5, -0.5], [63.5, 95.5], [63.6, 0.0], [0.0, -0.6]])
    assert geometry.inside(points, (96, 64)).tolist() == [True, True, False, False]


def whole(matrix: np.ndarray) -> np.ndarray:
    """The affine as a matrix ``3 3`` of homogeneous coordinates."""
    return np.vstack([matrix, [0, 0, 1]])


def test_affines_compose_and_invert_as_their_matrices_do() -> None:
    generator = np.random.default_rng(3)
    for first, second in generator.uniform(-5, 5, (50, 2, 2, 3)):
        np.testing.assert_allclose(whole(geometry.compose(first, second)), whole(first) @ whole(second), atol=1e-12)
        np.testing.assert_allclose(whole(geometry.invert(first)), np.linalg.inv(whole(first)), rtol=1e-9)
        area = abs(np.linalg.det(first[:, :2]))
        assert geometry.magnification(first) == pytest.approx(np.sqrt(area))


def test_a_smaller_picture_has_the_edges_of_the_larger_one() -> None:
    edges = np.array([[-0.5, -0.5], [63.5, 31.5], [31.5, 15.5]])
    for times in (2, 4, 3.2):
        expected = [[-0.5, -0.5], [64 / times - 0.5, 32 / times - 0.5], [32 / times - 0.5, 16 / times - 0.5]]
        np.testing.assert_allclose(geometry.apply(geometry.shrink(times), edges), expected)
    np.testing.assert_array_equal(geometry.shrink(1), geometry.IDENTITY)


@pytest.mark.parametrize("rule", RULES)
@given(factor=st.floats(0.7, 1.3), angle=st.floats(-50, 50), across=st.floats(-0.2, 0.2), down=st.floats(-0.2, 0.2))
def test_crops_keep_within_their_reach(rule: CropRule, factor: float, angle: float, across: float, down: float) -> None:
    reach = geometry.reach(BOX, rule, scale=0.3, shift=0.2, rotation=50)
    centre = BOX[:2] + BOX[2:] * (0.5 + np.array([across, down]))
    matrix = geometry.crop_matrix(np.concatenate([centre - factor * BOX[2:] / 2, factor * BOX[2:]]), rule, angle)
    height, width = rule.span
    corners = geometry.apply(geometry.invert(matrix), np.array([[0.0, 0], [width, 0], [0, height], [width, height]]))
    assert (corners >= np.array(reach[:2]) - 1e-9).all()
    assert (corners <= np.array(reach[2:4]) + 1e-9).all()
    assert geometry.magnification(matrix) <= reach.scale * (1 + 1e-12)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("limit", [0, 20, 80, 170])
def test_the_reach_is_no_larger_than_it_must_be(rule: CropRule, limit: float) -> None:
    reach = geometry.reach(BOX, rule, scale=0.3, rotation=limit)
    height, width = rule.span
    points = np.array([[0.0, 0], [width, 0], [0, height], [width, height]])
    large = np.concatenate([BOX[:2] - 0.15 * BOX[2:], 1.3 * BOX[2:]])
    corners = np.concatenate([
        geometry.apply(geometry.invert(geometry.crop_matrix(large, rule, angle)), points)
        for angle in np.linspace(-limit, limit, 2001)
    ])  # fmt: skip
    np.testing.assert_allclose([*corners.min(0), *corners.max(0)], reach[:4], atol=0.01)
    small = np.concatenate([BOX[:2] + 0.15 * BOX[2:], 0.7 * BOX[2:]])
    assert geometry.magnification(geometry.crop_matrix(small, rule)) == pytest.approx(reach.scale)


def test_reaches_join_to_what_holds_both() -> None:
    first, second = geometry.Reach(0, 5, 10, 20, 0.5), geometry.Reach(-3, 8, 7, 30, 0.4)
    assert first.join(second) == second.join(first) == geometry.Reach(-3, 5, 10, 30, 0.5)


def test_a_box_is_enlarged_about_its_centre() -> None:
    np.testing.assert_allclose(geometry.enlarged(np.array([10.0, 20.0, 4.0, 6.0]), 1.5), [9, 18.5, 6, 9])
    np.testing.assert_allclose(geometry.enlarged(np.array([10.0, 20.0, 4.0, 6.0]), 0.5), [11, 21.5, 2, 3])


@pytest.mark.parametrize("rule", RULES)
def test_without_augmentation_the_reach_is_the_region_that_is_cut(rule: CropRule) -> None:
    centre, extent = geometry.fit(BOX, rule)
    reach = geometry.reach(BOX, rule)
    np.testing.assert_allclose(reach[:4], [*(centre - extent / 2), *(centre + extent / 2)])
    assert reach.scale == pytest.approx(geometry.magnification(geometry.crop_matrix(BOX, rule)))


@pytest.mark.parametrize("rule", RULES)
def test_a_shift_moves_the_reach_by_its_part_of_the_sides(rule: CropRule) -> None:
    still, moved = (geometry.reach(BOX, rule, 0.3, shift, 20.0) for shift in (0.0, 0.2))
    expected = np.array(still[:4]) + 0.2 * np.array([-40, -90, 40, 90])
    np.testing.assert_allclose(moved[:4], expected)
    assert moved.scale == still.scale


def test_a_crop_is_padded_by_a_quarter_on_the_plain_grid_unless_told_otherwise() -> None:
    """As HRNet's and SimpleBaseline's releases do: the box times 1.25, mapped on the crop's width in pixels."""
    assert CropRule((96, 64)) == CropRule((96, 64), 1.25, "plain")


@pytest.mark.parametrize("past", [(-0.6, 5.0), (63.6, 5.0), (5.0, -0.6), (5.0, 95.6)])
def test_half_a_pixel_past_each_edge_is_outside(past: tuple[float, float]) -> None:
    assert not geometry.inside(np.array(past), (96, 64))
    assert geometry.inside(np.array(past).clip(-0.5, [63.5, 95.5]), (96, 64))
