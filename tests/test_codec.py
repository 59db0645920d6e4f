import itertools

import numpy as np
import numpy.typing as npt
import pytest
import torch

from posepyr.codec import Codec
from posepyr.nodes import build
from posepyr.records import OCCLUDED, VISIBLE
from support.presets import read_preset

SIZE = (128, 96)
MAP = (32, 24)
GRIDS = ("plain", "udp")


def keypoints_inside(codec: Codec, border: float, count: int = 400) -> torch.Tensor:
    """Random keypoints at least ``border`` cells from the heatmap's outermost cell centres."""
    generator = torch.Generator().manual_seed(0)
    limits = torch.tensor([MAP[1] - 1 - 2 * border, MAP[0] - 1 - 2 * border])
    cells = torch.rand(count, 1, 2, generator=generator) * limits + border
    return (cells + codec.middle) / torch.tensor(codec.cells(SIZE, MAP))


def worst_error(codec: Codec, keypoints: torch.Tensor) -> float:
    """In cells, of x and of y each for itself."""
    decoded, _ = codec.decode(codec.encode(keypoints, SIZE, MAP), SIZE)
    return float(((decoded - keypoints) * torch.tensor(codec.cells(SIZE, MAP))).abs().max())


@pytest.mark.parametrize(("grid", "half_cell"), [("plain", False), ("plain", True), ("udp", False)])
@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize(
    ("quantise", "refine", "border", "bound"),
    [
        (False, "dark", 5, 0.02),
        (False, "dark", 2, 0.02),
        # Wherever the highest cell has all of its neighbours; an outermost one is taken as it is.
        (False, "dark", 0.51, 0.02),
        (False, "dark", 0, 0.5),
        (False, "quarter", 0.51, 0.25),
        (False, "quarter", 0, 0.5),
        (False, "none", 0, 0.5),
        (True, "none", 0, 0.5),
        (True, "quarter", 0, 0.5),  # even neighbours around a whole cell: nothing to move
    ],
)
def test_decoding_gives_back_what_was_encoded(grid, half_cell, sigma, quantise, refine, border, bound) -> None:
    codec = Codec(sigma=sigma, grid=grid, quantise=quantise, refine=refine, half_cell=half_cell)
    assert worst_error(codec, keypoints_inside(codec, border)) <= bound + 1e-4


@pytest.mark.parametrize("grid", GRIDS)
def test_a_dark_summit_needs_no_room_for_its_blur(grid: str) -> None:
    """The blur of so wide a Gaussian reaches nine cells, as far as most peaks here are from a border."""
    codec = Codec(sigma=6.0, grid=grid)
    assert worst_error(codec, keypoints_inside(codec, 0.51)) <= 0.02


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("sigma", [2.0, 3.0])
def test_the_blur_makes_little_of_noise(grid: str, sigma: float) -> None:
    """Inside, where the blur fits, noise of 2 % moves a joint by a small part of a cell, in x and in y."""
    codec = Codec(sigma=sigma, grid=grid)
    keypoints = keypoints_inside(codec, 1.5 * sigma + 2)
    heatmaps = codec.encode(keypoints, SIZE, MAP)
    noise = 0.02 * torch.randn(heatmaps.shape, generator=torch.Generator().manual_seed(1))
    errors = (codec.decode(heatmaps + noise, SIZE)[0] - keypoints) * torch.tensor(codec.cells(SIZE, MAP))
    assert errors.square().mean().sqrt() < 0.03


def test_quantised_peaks_stand_on_the_nearest_cell() -> None:
    heatmaps = Codec(quantise=True).encode(torch.tensor([[[41.9, 14.1]]]), SIZE, MAP)  # cells 10.475, 3.525
    assert heatmaps[0, 0].max() == 1
    assert heatmaps[0, 0, 4, 10] == 1


@pytest.mark.parametrize("quantise", [False, True])
@pytest.mark.parametrize(("grid", "half_cell"), [("plain", False), ("plain", True), ("udp", False)])
def test_by_its_own_rule_a_joint_reaches_the_map_if_a_cell_of_its_gaussian_does(grid, half_cell, quantise) -> None:
    codec = Codec(sigma=1.0, grid=grid, half_cell=half_cell, quantise=quantise)
    keypoints = torch.rand(400, 1, 2, generator=torch.Generator().manual_seed(0)) * 200 - 50
    drawn = codec.encode(keypoints, SIZE, MAP).flatten(2).amax(-1) > 0
    assert torch.equal(codec.reaches(keypoints, SIZE, MAP), drawn)
    assert 0.2 < drawn.float().mean() < 0.8


def test_by_the_releases_rule_one_cell_more_passes_on_the_left_and_above() -> None:
    """A place eight cells before the map is rounded to the seventh: it counts, and nothing of its Gaussian is drawn."""
    cells = torch.tensor([[[-8.0, 5.0], [-9.0, 5.0], [5.0, -8.0], [5.0, -9.0], [29.0, 5.0], [30.0, 5.0]]])
    codec = Codec(quantise=True, border="hrnet")
    assert codec.reaches(4 * cells, SIZE, MAP).tolist() == [[True, False, True, False, True, False]]
    drawn = codec.encode(4 * cells, SIZE, MAP).flatten(2).amax(-1) > 0
    assert drawn.tolist() == [[False, False, False, False, True, False]]
    assert torch.equal(Codec(quantise=True).reaches(4 * cells, SIZE, MAP), drawn)


def test_half_cells_are_drawn_where_a_place_is_rounded_down_to() -> None:
    keypoints = torch.tensor([[[41.9, 14.1], [40.0, 15.9], [43.9, 16.0]]])  # cells 10.475 and 3.525, 10 and 3.975, ...
    heatmaps = Codec(sigma=1.0, quantise=True, half_cell=True).encode(keypoints, SIZE, MAP)[0]
    peaks = [(place % MAP[1], place // MAP[1]) for place in heatmaps.flatten(1).argmax(-1).tolist()]
    assert peaks == [(10, 3), (10, 3), (10, 4)]


def test_half_cells_are_read_as_pytorch_pose_reads_them() -> None:
    """In its words, which count from 1: the highest cell, a quarter towards the higher neighbour, and a half more."""
    heatmaps = torch.zeros(1, 4, *MAP)
    for joint, (row, column, above, below, left, right) in enumerate([
        (20, 10, 0.1, 0.3, 0.5, 0.2),
        (7, 3, 0.4, 0.2, 0.0, 0.9),
        (12, 17, 0.3, 0.3, 0.1, 0.2),
        (0, 0, 0.0, 0.0, 0.0, 0.0),
    ]):  # fmt: skip
        heatmaps[0, joint, row, column] = 1.0
        if row > 0:
            heatmaps[0, joint, [row - 1, row + 1], column] = torch.tensor([above, below])
            heatmaps[0, joint, row, [column - 1, column + 1]] = torch.tensor([left, right])
    one_based = torch.tensor([[11 - 0.25, 21 + 0.25], [4 + 0.25, 8 - 0.25], [18 + 0.25, 13], [1, 1]]) + 0.5
    # A crop is four times as large as its heatmaps, and pixel 1 of both begins at the same corner.
    expected = (one_based - 1) * 4
    decoded, _ = Codec(sigma=1.0, quantise=True, refine="quarter", half_cell=True).decode(heatmaps, SIZE)
    assert torch.equal(decoded[0], expected)


def quarter(heatmap: npt.NDArray[np.float64], row: int, column: int, rule: str) -> tuple[float, float]:
    """The offset (x, y) from the highest cell by the rules of the releases, written out.

    HRNet's counts cells from 0 and wants ``1 < px < W - 1`` and ``1 < py < H - 1``; pytorch-pose's counts from 1 and
    wants ``px > 1 and px < W`` and the same of y. Both move in x and in y, or in neither.
    """
    rows, columns = heatmap.shape
    if rule == "hrnet":
        moves = 1 < column < columns - 1 and 1 < row < rows - 1
    else:
        px, py = column + 1, row + 1
        moves = px > 1 and px < columns and py > 1 and py < rows
    if not moves:
        return 0.0, 0.0
    across = heatmap[row, column + 1] - heatmap[row, column - 1]
    down = heatmap[row + 1, column] - heatmap[row - 1, column]
    return 0.25 * float(np.sign(across)), 0.25 * float(np.sign(down))


@pytest.mark.parametrize(
    ("preset", "rule"),
    [("quarter", "hrnet"), ("udp_quarter", "hrnet"), ("pytorch_pose", "pytorch_pose"), ("signed", "pytorch_pose")],
)
def test_presets_move_by_a_quarter_where_their_release_does(preset: str, rule: str) -> None:
    """Of every cell of a heatmap in turn, the highest one: at the border the releases move less, or not at all."""
    codec = build(read_preset("codec", preset))
    heatmaps = np.random.default_rng(0).random((1, 9 * 7, 9, 7))
    for number, (row, column) in enumerate(itertools.product(range(9), range(7))):
        heatmaps[0, number, row, column] = 2.0
    expected = [
        np.add((column, row), quarter(heatmaps[0, number], row, column, rule))
        for number, (row, column) in enumerate(itertools.product(range(9), range(7)))
    ]
    decoded, _ = codec.decode(torch.tensor(heatmaps), (36, 28))
    cells = decoded[0] * torch.tensor(codec.cells((36, 28), (9, 7))) - codec.middle
    np.testing.assert_allclose(cells.numpy(), expected, atol=1e-5)


def test_by_its_own_rule_a_quarter_is_moved_along_each_axis_that_has_both_neighbours() -> None:
    heatmaps = torch.zeros(1, 3, 9, 7)
    for number, (row, column) in enumerate(((0, 1), (4, 0), (1, 1))):
        heatmaps[0, number, row, column] = 2.0
        heatmaps[0, number, row + 1, column] = heatmaps[0, number, row, column + 1] = 1.0
    decoded, _ = Codec(refine="quarter").decode(heatmaps, (9, 7))
    assert decoded[0].tolist() == [[1.25, 0.0], [0.0, 4.25], [1.25, 1.25]]


def test_a_heatmap_is_the_gaussian_cut_at_three_sigma() -> None:
    codec = Codec(sigma=2.0, grid="udp")
    x, y = 40.0, 60.0
    cx, cy = x * 23 / 95, y * 31 / 127
    heatmap = codec.encode(torch.tensor([[[x, y]]]), SIZE, MAP)[0, 0]
    for row, column in itertools.product(range(MAP[0]), range(MAP[1])):
        near = abs(row - cy) <= 6.5 and abs(column - cx) <= 6.5
        expected = torch.exp(torch.tensor(-((row - cy) ** 2 + (column - cx) ** 2) / 8)) if near else torch.tensor(0.0)
        assert heatmap[row, column] == pytest.approx(float(expected), abs=1e-6)


def test_scores_are_the_heights_of_the_peaks_as_they_are() -> None:
    """Above 1 and below 0 too: where poses are ranked, a limit would make equals of unequal ones."""
    heatmaps = torch.zeros(1, 3, *MAP)
    heatmaps[0, 0, 5, 5] = 0.3
    heatmaps[0, 1, 5, 5] = 7.0
    heatmaps[0, 2] = -1.0
    _, scores = Codec().decode(heatmaps, SIZE)
    assert scores[0].tolist() == pytest.approx([0.3, 7.0, -1.0])


@pytest.mark.parametrize("refine", ["none", "quarter", "dark"])
def test_decoding_never_leaves_the_heatmap_or_fails(refine: str) -> None:
    codec = Codec(refine=refine)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(4, 5, *MAP, generator=generator)
    corners = torch.zeros(1, 4, *MAP)
    for joint, (row, column) in enumerate(((0, 0), (0, -1), (-1, 0), (-1, -1))):
        corners[0, joint, row, column] = 1
    for heatmaps in (noise, corners, torch.zeros(1, 1, *MAP), torch.full((1, 1, *MAP), torch.e)):
        decoded, scores = codec.decode(heatmaps, SIZE)
        assert decoded.isfinite().all()
        assert scores.isfinite().all()
        assert (decoded >= -4).all()
        assert (decoded[..., 0] <= SIZE[1]).all()
        assert (decoded[..., 1] <= SIZE[0]).all()


@pytest.mark.parametrize("mirror", ["cells", "pixels"])
@pytest.mark.parametrize(("grid", "half_cell"), [("plain", False), ("plain", True), ("udp", False)])
def test_merging_the_mirror_image_keeps_the_joint_in_place(grid, half_cell, mirror) -> None:
    """A perfect network's heatmaps of a crop and of its mirror image agree after the merge."""
    codec = Codec(grid=grid, half_cell=half_cell, mirror=mirror)
    keypoints = keypoints_inside(codec, 6 if mirror == "pixels" else 0, count=50).view(25, 2, 2)
    order = (1, 0)
    mirrored = keypoints[:, list(order)].clone()
    exact = grid == "udp" or mirror == "cells"
    mirrored[..., 0] = SIZE[1] - (0 if grid == "plain" and exact else 1) - mirrored[..., 0]
    straight = codec.encode(keypoints, SIZE, MAP)
    merged = codec.merge_flipped(straight, codec.encode(mirrored, SIZE, MAP), order, SIZE)
    decoded, _ = codec.decode(merged, SIZE)
    if exact:
        torch.testing.assert_close(merged, straight, atol=1e-5, rtol=0)
    else:
        # The plain grid moves by a whole cell where 0.75 would be exact, and half cells stay where 0.25 to the left
        # would be: an eighth of a cell in the mean.
        assert (decoded - keypoints).norm(dim=-1).max() < 0.13 * 4


@pytest.mark.parametrize(
    ("codec", "expected"),
    [
        (Codec(), [5, 5, 4, 3, 2, 1]),  # pixel x at 6 - x
        (Codec(half_cell=True), [5, 5, 4, 3, 2, 1]),
        (Codec(grid="udp"), [5, 4, 3, 2, 1, 0]),  # pixel x at 5 - x
        (Codec(mirror="pixels"), [5, 4, 3, 2, 1, 0]),
    ],
)
def test_a_crop_is_mirrored_about_the_middle_of_its_cells_or_pixels(codec: Codec, expected: list[int]) -> None:
    image = torch.arange(6, dtype=torch.uint8).expand(1, 3, 2, 6)
    assert codec.mirrored(image)[0, 0, 0].tolist() == expected


def test_a_column_that_the_mirror_image_does_not_show_is_the_crops_own() -> None:
    codec, (straight, mirrored) = Codec(mirror="cells"), torch.randn(2, 1, 1, *MAP)
    merged = codec.merge_flipped(straight, mirrored, (0,), SIZE)
    # Turned back, the first column shows what belongs into the second.
    turned = mirrored.flip(-1)
    torch.testing.assert_close(merged[..., 0], straight[..., 0])
    torch.testing.assert_close(merged[..., 1:], (straight[..., 1:] + turned[..., :-1]) / 2)


@pytest.mark.parametrize("half_cell", [False, True])
def test_a_mirrored_heatmap_of_the_inputs_own_size_is_moved_exactly(half_cell) -> None:
    codec = Codec(half_cell=half_cell, mirror="pixels")
    keypoints = torch.tensor([[[11.0, 20.0]]])
    mirrored = torch.tensor([[[MAP[1] - 1 - 11.0, 20.0]]])
    straight, turned = codec.encode(keypoints, MAP, MAP), codec.encode(mirrored, MAP, MAP)
    torch.testing.assert_close(codec.merge_flipped(straight, turned, (0,), MAP), straight, atol=1e-6, rtol=0)


def test_half_cells_are_the_plain_grids() -> None:
    with pytest.raises(ValueError, match=r"half_cell must be false unless grid is plain, got grid udp"):
        Codec(grid="udp", half_cell=True)


@pytest.mark.parametrize("refine", ["none", "quarter", "dark"])
def test_peaks_below_nothing_are_read_where_they_are_signed(refine: str) -> None:
    codec = Codec(refine=refine, signed=True)
    keypoints = keypoints_inside(codec, 3, count=20)
    heatmaps = codec.encode(keypoints, SIZE, MAP)
    high = codec.decode(heatmaps, SIZE)
    for read in (codec.decode(-heatmaps, SIZE), Codec(refine=refine).decode(heatmaps, SIZE)):
        torch.testing.assert_close(read, high)
    # A larger peak of the other sign is not the joint's where signs are not read.
    places = torch.tensor([[[8.0, 8.0], [40.0, 40.0]]])
    seen, hidden = codec.encode(places, SIZE, MAP).unbind(1)
    mixed = (0.5 * seen - hidden)[:, None]
    assert (codec.decode(mixed, SIZE)[0] - places[:, 1]).norm() < 2
    assert (Codec(refine=refine).decode(mixed, SIZE)[0] - places[:, 0]).norm() < 2


def test_the_sign_of_the_farthest_peak_tells_visible_from_occluded() -> None:
    heatmaps = torch.zeros(1, 4, *MAP)
    for joint, (height, depth) in enumerate(((0.9, -0.2), (0.3, -0.8), (0.0, -1e-3), (0.0, 0.0))):
        heatmaps[0, joint, 3, 4] = height
        heatmaps[0, joint, 20, 10] = depth
    states = Codec(signed=True).visibility(heatmaps)
    assert states.dtype == torch.uint8
    # Of a map of nothing, nothing is known: it is not said to be hidden.
    assert states.tolist() == [[VISIBLE, OCCLUDED, OCCLUDED, VISIBLE]]
    assert Codec().visibility(heatmaps) is None


def test_sigma_must_be_positive() -> None:
    with pytest.raises(ValueError, match=r"sigma must be positive, got 0"):
        Codec(sigma=0)
