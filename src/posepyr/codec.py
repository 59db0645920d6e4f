"""Keypoints to heatmaps and back.

Arguments and results are in crop pixels; inside, coordinates are heatmap cells with centres at integers. A heatmap's
size is never configured: it is that of the model's output, from which, and from the grid, the scale follows.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from posepyr.geometry import Grid
from posepyr.records import OCCLUDED, VISIBLE

Size = tuple[int, int]
Border = Literal["own", "hrnet", "pytorch_pose"]


@dataclass(frozen=True)
class Codec:
    """Gaussian heatmaps: encoding joints as peaks, and decoding peaks as keypoints.

    ``quantise`` puts the peak on the nearest cell, as the releases do, instead of where the joint is.
    ``refine`` reads the position between cells: ``none`` takes the highest cell, ``quarter`` moves a quarter cell
    towards the higher neighbour, ``dark`` takes the summit of the parabola through the blurred heatmap's
    logarithm (Zhang et al. 2020), which is exact for a Gaussian. ``half_cell`` lets cell n of the plain grid stand for
    n + 1/2, the middle of what it covers, instead of for n, as in the hourglasses' releases: these round a position
    down to its cell and add the half when they read it. ``signed`` reads peaks below 0 as well as above it, for targets
    that have an occluded joint's at -1 (MSSH, section 4.1), and their signs with :meth:`visibility`.

    ``border`` is the rule at the heatmap's border. By the ``own`` one a quarter is moved along each axis on which the
    highest cell has both neighbours; pytorch-pose's release moves on both axes or on neither, and HRNet's neither from
    the second column and row. Joints outside the map are rounded and counted by it too (:meth:`reaches`). ``mirror`` is
    the middle about which crops are mirrored: that of the plain grid's ``cells``, so that both heatmaps meet exactly,
    or that of the ``pixels``, as in the releases, where they meet to half a cell and joints come out too far right, by
    half a pixel at stride 4.
    """

    sigma: float = 2.0
    """Standard deviation of the Gaussian, in heatmap cells."""
    grid: Grid = "plain"
    quantise: bool = False
    refine: Literal["none", "quarter", "dark"] = "dark"
    half_cell: bool = False
    signed: bool = False
    border: Border = "own"
    mirror: Literal["cells", "pixels"] = "cells"

    def __post_init__(self) -> None:
        if self.sigma <= 0:
            raise ValueError(f"sigma must be positive, got {self.sigma}")
        if self.half_cell and self.grid != "plain":
            raise ValueError(f"half_cell must be false unless grid is plain, got grid {self.grid}")

    def cells(self, input_size: Size, heatmap_size: Size) -> tuple[float, float]:
        """Return heatmap cells per crop pixel, ``(x, y)``."""
        steps = 1 if self.grid == "udp" else 0
        (height, width), (rows, columns) = input_size, heatmap_size
        return (columns - steps) / (width - steps), (rows - steps) / (height - steps)

    @property
    def middle(self) -> float:
        """Return the offset, in x and in y, from a cell's index to the position on the grid that it stands for."""
        return 0.5 if self.half_cell else 0.0

    def encode(self, keypoints: Tensor, input_size: Size, heatmap_size: Size) -> Tensor:
        """Return heatmaps ``B K h w`` with a peak of 1 at each of the keypoints ``B K 2``.

        The Gaussian ends three sigma from its peak, as in the releases.
        """
        rows, columns = heatmap_size
        centres = self._centres(keypoints, input_size, heatmap_size)
        across = self._bell(centres[..., 0], columns)
        down = self._bell(centres[..., 1], rows)
        return down.unsqueeze(-1) * across.unsqueeze(-2)

    def reaches(self, keypoints: Tensor, input_size: Size, heatmap_size: Size) -> Tensor:
        """Return True for those of the keypoints ``B K 2`` whose Gaussian reaches a cell of the heatmap: ``B K``.

        The releases' test lets one cell more pass on the left and above, of whose Gaussian nothing is drawn: such a
        joint is trained on an empty map.
        """
        rows, columns = heatmap_size
        centres = self._centres(keypoints, input_size, heatmap_size)
        last = centres.new_tensor([columns - 1, rows - 1])
        reach = 3 * self.sigma + 0.5
        more = 0 if self.border == "own" else 1
        return ((centres >= -reach - more) & (centres <= last + reach)).all(-1)

    def _centres(self, keypoints: Tensor, input_size: Size, heatmap_size: Size) -> Tensor:
        """Return the places ``B K 2`` of the peaks, in cells."""
        scale = keypoints.new_tensor(self.cells(input_size, heatmap_size), dtype=torch.float32)
        centres = keypoints.float() * scale - self.middle
        if not self.quantise:
            return centres
        # The releases cut the fraction off, which moves joints left of the map and above it one cell towards it.
        return torch.floor(centres + 0.5) if self.border == "own" else torch.trunc(centres + 0.5)

    def _bell(self, centres: Tensor, length: int) -> Tensor:
        distance = torch.arange(length, device=centres.device, dtype=torch.float32) - centres.unsqueeze(-1)
        bell = torch.exp(-0.5 * (distance / self.sigma) ** 2)
        return torch.where(distance.abs() <= 3 * self.sigma + 0.5, bell, 0.0)

    def decode(self, heatmaps: Tensor, input_size: Size) -> tuple[Tensor, Tensor]:
        """Return keypoints ``B K 2`` in crop pixels, and their scores ``B K``: the heights of the peaks as they are.

        A network's peaks may be higher than its targets', 1. Poses are ranked by them, as in HRNet's release; what a
        user reads is cut to 0 to 1 (:class:`~posepyr.inference.estimator.Estimator`).
        """
        heatmaps = self.raised(heatmaps.float())
        rows, columns = heatmaps.shape[-2:]
        height, place = heatmaps.flatten(2).max(-1)
        cell = torch.stack([place % columns, place // columns], -1)  # B K 2
        if self.refine == "quarter":
            offset = _quarter(heatmaps, cell, self.border)
        elif self.refine == "dark":
            offset = self._summit(heatmaps, cell)
        else:
            offset = torch.zeros_like(cell, dtype=torch.float32)
        scale = heatmaps.new_tensor(self.cells(input_size, (rows, columns)))
        return (cell + offset + self.middle) / scale, height

    def visibility(self, heatmaps: Tensor) -> Tensor | None:
        """Return joints' states ``B K`` by the signs of their peaks, VISIBLE or OCCLUDED; None unless signed."""
        if not self.signed:
            return None
        flat = heatmaps.flatten(2)
        peak = flat.gather(-1, flat.abs().argmax(-1, keepdim=True)).squeeze(-1)
        return torch.where(peak < 0, OCCLUDED, VISIBLE).to(torch.uint8)

    def raised(self, heatmaps: Tensor) -> Tensor:
        """Return heatmaps that are highest at the joint: magnitudes where peaks are signed."""
        return heatmaps.abs() if self.signed else heatmaps

    def _summit(self, heatmaps: Tensor, cell: Tensor) -> Tensor:
        """Return the offset, at most one cell, from a cell to the summit of the log-parabola through its neighbours.

        The blur would pull a peak near the border inwards, or outwards by more where it is renormalised; within 1.5
        sigma of it the heatmap is read without blur. So a Gaussian's exact centre is found wherever its highest cell is
        not an outermost one.
        """
        rows, columns = heatmaps.shape[-2:]
        limit = cell.new_tensor([columns - 1, rows - 1])
        border = torch.minimum(cell, limit - cell).amin(-1)  # B K, cells from the outermost
        blurred = _neighbourhood(self._blur(heatmaps), cell)
        near = _neighbourhood(heatmaps, cell)
        patch = torch.where((border > self._reach)[..., None], blurred, near).clamp_min(1e-10).log()
        above_left, above, above_right, left, here, right, below_left, below, below_right = patch.unbind(-1)
        x, y = (right - left) / 2, (below - above) / 2
        xx, yy = right - 2 * here + left, below - 2 * here + above
        xy = (below_right + above_left - above_right - below_left) / 4
        determinant = xx * yy - xy * xy
        summit = torch.stack([xy * y - yy * x, xy * x - xx * y], -1)
        summit = summit / torch.where(determinant == 0, 1.0, determinant)[..., None]
        # Only a strict maximum with all of its neighbours has a summit.
        reliable = (determinant > 0) & (xx < 0) & (border > 0)
        return torch.where(reliable[..., None], summit.clamp(-1, 1), 0.0)

    @property
    def _reach(self) -> int:
        return max(1, round(1.5 * self.sigma))

    def _blur(self, heatmaps: Tensor) -> Tensor:
        """Blur with a Gaussian of the codec's own width, after which a Gaussian peak is still a Gaussian."""
        reach = self._reach
        bell = self._bell(heatmaps.new_full((), float(reach)), 2 * reach + 1)
        bell = bell / bell.sum()
        flat = heatmaps.clamp_min(0).flatten(0, 1).unsqueeze(1)
        down = F.conv2d(flat, bell.view(1, 1, -1, 1), padding=(reach, 0))
        return F.conv2d(down, bell.view(1, 1, 1, -1), padding=(0, reach)).view_as(heatmaps)

    def mirrored(self, image: Tensor) -> Tensor:
        """Return crops ``B C H W`` in the mirror, for :meth:`merge_flipped`.

        About the middle of the plain grid's cells pixel ``x`` goes to ``W - x``: the first pixel leaves the crop, and
        the place that it would come from is filled with its neighbour.
        """
        mirrored = image.flip(-1)
        if self.grid == "udp" or self.mirror == "pixels":
            return mirrored
        return torch.cat([mirrored[..., :1], mirrored[..., :-1]], -1)

    def merge_flipped(
        self, heatmaps: Tensor, mirrored: Tensor, flip_order: tuple[int, ...], input_size: Size
    ) -> Tensor:
        """Return the mean of a crop's heatmaps and those of its mirror image, ``mirrored``, flipped back.

        Flipped back, the plain grid's cells lie one cell to the left of where they belong, half cells where they do. A
        first column that the mirror image does not show is the crop's own. Mirrored about the middle of the pixels
        they lie ``1 - cells per pixel`` of a cell to the left, half cells one whole cell further right, and are moved
        by the nearest whole cell. On the UDP grid there is nothing to move.
        """
        back = mirrored.flip(-1)[:, list(flip_order)]
        across, _ = self.cells(input_size, (heatmaps.shape[-2], heatmaps.shape[-1]))
        between = across if self.mirror == "pixels" else 0.0
        shift = round(1 - between - 2 * self.middle) if self.grid == "plain" else 0
        if shift:
            columns = torch.arange(back.shape[-1], device=back.device) - shift
            back = back[..., columns.clamp(0, back.shape[-1] - 1)]
            if self.mirror == "cells":
                back = torch.where(columns < 0, heatmaps, back)
        return (heatmaps + back) / 2


_CROSS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def _neighbourhood(heatmaps: Tensor, cell: Tensor) -> Tensor:
    """Return the values ``B K 9`` at a cell and around it, row by row."""
    places = [(dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return torch.stack([_neighbour(heatmaps, cell, dx, dy) for dx, dy in places], -1)


def _neighbour(heatmaps: Tensor, cell: Tensor, dx: int, dy: int) -> Tensor:
    """Return the values ``B K`` at the cells beside ``cell``; beyond the border, those of the border."""
    rows, columns = heatmaps.shape[-2:]
    x = (cell[..., 0] + dx).clamp(0, columns - 1)
    y = (cell[..., 1] + dy).clamp(0, rows - 1)
    return heatmaps.flatten(2).gather(-1, (y * columns + x).unsqueeze(-1)).squeeze(-1)


def _quarter(heatmaps: Tensor, cell: Tensor, border: Border) -> Tensor:
    """Return a quarter of a cell towards the higher neighbour, in x and in y; 0 at the border, by its rule."""
    left, right, above, below = (_neighbour(heatmaps, cell, dx, dy) for dx, dy in _CROSS)
    slope = torch.stack([right - left, below - above], -1)
    limit = cell.new_tensor([heatmaps.shape[-1] - 1, heatmaps.shape[-2] - 1])
    # HRNet's release counts cells from 0 and compares with 1, as the hourglasses' do, which count from 1.
    inner = (cell > (1 if border == "hrnet" else 0)) & (cell < limit)
    if border != "own":
        inner = inner.all(-1, keepdim=True)
    return torch.where(inner, 0.25 * slope.sign(), 0.0)
