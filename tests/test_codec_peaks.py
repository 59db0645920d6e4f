"""Where peaks are drawn and read: at their ends, at the border and between cells."""

import math

import pytest
import torch

from posepyr.codec import Codec

SIZE = (128, 96)
MAP = (32, 24)


def test_a_peak_left_of_the_map_stands_on_the_nearest_cell_too() -> None:
    """At cell -1.3: one cell outside, where the releases, which cut the fraction off, put it on the first."""
    keypoints = torch.tensor([[[-1.3 * 4, 8.0 * 4]]])
    own = Codec(sigma=2.0, quantise=True).encode(keypoints, SIZE, MAP)
    assert own[0, 0, 8, :2].tolist() == pytest.approx([math.exp(-1 / 8), math.exp(-4 / 8)])
    released = Codec(sigma=2.0, quantise=True, border="hrnet").encode(keypoints, SIZE, MAP)
    assert released[0, 0, 8, :2].tolist() == pytest.approx([1, math.exp(-1 / 8)])


def passes(column: float) -> bool:
    """HRNet's release with a sigma of 1.5: Python's ``int`` cuts fractions off."""
    centre = int(column + 0.5)
    return not (int(centre - 4.5) >= MAP[1] or int(centre + 4.5 + 1) < 0)


@pytest.mark.parametrize("border", ["own", "hrnet", "pytorch_pose"])
def test_a_joint_reaches_the_map_as_far_as_its_gaussian_or_the_releases_test(border: str) -> None:
    codec = Codec(sigma=1.5, quantise=True, border=border)
    columns = torch.arange(-9.0, MAP[1] + 9)
    keypoints = torch.stack([columns * 4, torch.full_like(columns, 40.0)], -1)[:, None]
    reached = codec.reaches(keypoints, SIZE, MAP)[:, 0]
    assert torch.equal(codec.reaches(keypoints.flip(-1), SIZE[::-1], MAP[::-1])[:, 0], reached)
    if border == "own":
        assert torch.equal(reached, codec.encode(keypoints, SIZE, MAP).flatten(1).any(-1))
    else:
        assert reached.tolist() == [passes(column) for column in columns.tolist()]


@pytest.mark.parametrize(("column", "row", "bound"), [(2.3, 15.4, 1e-3), (11.6, 2.2, 1e-3), (11.6, 15.4, 0.03)])
@pytest.mark.parametrize("tilt", [0.12, -0.12])
def test_the_centre_of_a_tilted_gaussian_is_found(column: float, row: float, bound: float, tilt: float) -> None:
    """Near a border, where nothing is blurred, as exactly as the parabola is."""
    x = torch.arange(MAP[1], dtype=torch.float32) - column
    y = torch.arange(MAP[0], dtype=torch.float32)[:, None] - row
    heatmap = torch.exp(-0.5 * (0.2 * x**2 + 2 * tilt * x * y + 0.15 * y**2))
    codec = Codec(sigma=2.0, grid="udp")
    decoded, _ = codec.decode(heatmap[None, None], SIZE)
    found = decoded[0, 0] * torch.tensor(codec.cells(SIZE, MAP))
    torch.testing.assert_close(found, torch.tensor([column, row]), atol=bound, rtol=0)


def test_a_gaussian_ends_on_both_sides_alike_where_its_peak_lies_between_cells() -> None:
    """Three sigma and the half cell that rounding may take: of a peak at 10.5 with a sigma of 2, cells 4 to 17."""
    heatmap = Codec(sigma=2.0).encode(torch.tensor([[[42.0, 62.0]]]), SIZE, MAP)[0, 0]
    assert heatmap[15].nonzero().flatten().tolist() == list(range(4, 18))
    assert heatmap[:, 10].nonzero().flatten().tolist() == list(range(9, 23))


@pytest.mark.parametrize(("sigma", "free"), [(0.5, 2), (1.0, 3), (2.0, 4)])
def test_away_from_the_border_a_peak_is_read_alike_everywhere(sigma: float, free: int) -> None:
    """From ``free`` cells on, the first for which 1.5 sigma, a cell at least, leaves room for the blur."""
    noise = 0.5 * torch.rand(9, 9, generator=torch.Generator().manual_seed(4))
    noise[4, 4] = 1.0
    heatmaps = torch.zeros(1, 2, *MAP)
    near = noise[4 - free :, 4 - free :]
    heatmaps[0, 0, : len(near), : len(near)] = near
    heatmaps[0, 1, 10 : 10 + len(near), 12 : 12 + len(near)] = near
    codec = Codec(sigma=sigma, grid="udp")
    first, second = codec.decode(heatmaps, SIZE)[0][0] * torch.tensor(codec.cells(SIZE, MAP))
    torch.testing.assert_close(second - first, torch.tensor([12.0, 10.0]))


@pytest.mark.parametrize("towards", [1, -1])
def test_a_dark_summit_lies_at_most_one_cell_from_the_highest(towards: int) -> None:
    """A spike beside a wide hill is the highest cell, but after the blur the hill, two cells further, is."""
    cells = torch.arange(MAP[1], dtype=torch.float32)
    hill = 0.95 * torch.exp(-((cells - 12 - 3 * towards) ** 2) / 18)
    rows = torch.exp(-((torch.arange(MAP[0], dtype=torch.float32) - 15) ** 2) / 18)
    heatmap = rows[:, None] * hill
    heatmap[15, 12] = 1.0
    codec = Codec(sigma=2.0, grid="udp")
    decoded, _ = codec.decode(heatmap[None, None], SIZE)
    found = decoded[0, 0] * torch.tensor(codec.cells(SIZE, MAP))
    torch.testing.assert_close(found[0], torch.tensor(12.0 + towards))
    turned, _ = codec.decode(heatmap.T[None, None], SIZE[::-1])
    torch.testing.assert_close(turned[0, 0].flip(0), decoded[0, 0])
