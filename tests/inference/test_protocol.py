"""Heatmaps of several scales, averaged in the picture."""

import numpy as np
import pytest
import torch
from torch import nn

from posepyr import geometry
from posepyr.codec import Codec
from posepyr.geometry import CropRule
from posepyr.inference.protocol import Protocol, find_in_picture
from posepyr.metrics.average_precision import rescored
from posepyr.records import OCCLUDED, VISIBLE

SCALES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
SIZE = (64, 48)


def affines(codec: Codec, box: tuple[float, ...] = (40.0, 30.0, 60.0, 90.0)) -> torch.Tensor:
    """Crops' affines to the picture, from boxes of all sizes about the same centre."""
    rule = CropRule(SIZE, grid=codec.grid)
    x, y, width, height = box
    found = []
    for scale in SCALES:
        wide, high = width * scale, height * scale
        larger = np.array([x + (width - wide) / 2, y + (height - high) / 2, wide, high])
        found.append(geometry.invert(geometry.crop_matrix(larger, rule)))
    return torch.tensor(np.array(found))


def drawn(codec: Codec, points: torch.Tensor, to_image: torch.Tensor) -> torch.Tensor:
    """The heatmaps of a network that is right at every scale."""
    to_crop = torch.tensor(np.array([geometry.invert(affine) for affine in to_image.numpy()]))
    keypoints = geometry.apply(to_crop, points.expand(len(to_image), -1, -1))
    return codec.encode(keypoints, SIZE, (SIZE[0] // 4, SIZE[1] // 4))


@pytest.mark.parametrize(("grid", "half_cell"), [("plain", False), ("plain", True), ("udp", False)])
def test_agreeing_scales_find_the_joint_within_half_a_cell(grid, half_cell) -> None:
    codec = Codec(sigma=1.5, grid=grid, half_cell=half_cell)
    generator = torch.Generator().manual_seed(0)
    points = torch.tensor([50.0, 45.0]) + torch.tensor([40.0, 60.0]) * torch.rand(60, 2, generator=generator).double()
    to_image = affines(codec)
    [keypoints], [scores], _ = find_in_picture(drawn(codec, points, to_image), to_image, codec, SIZE)
    # A bilinear map is highest at a cell's centre; that of the middle scale has cells of 7 pixels.
    assert (keypoints - points).abs().max() < 3.5
    # Six scales have their cells in different places, so that the mean does better than one, which would be 7 / 4 off.
    assert (keypoints - points).abs().mean() < 1.0
    assert (keypoints - points).mean(dim=0).abs().max() < 0.5
    assert (scores > 0.8).all()
    assert (scores <= 1).all()


def test_peaks_below_nothing_are_found_where_they_are_signed() -> None:
    points = torch.tensor([[70.3, 75.8], [52.0, 60.0]], dtype=torch.float64)
    to_image = affines(Codec())
    heatmaps = drawn(Codec(), points, to_image)
    above, below = (find_in_picture(sign * heatmaps, to_image, Codec(signed=True), SIZE) for sign in (1, -1))
    assert torch.equal(below[0], above[0])
    assert torch.equal(below[1], above[1])
    assert (below[0] - points).abs().max() < 3.5
    assert above.visibility.tolist() == [[VISIBLE, VISIBLE]]
    assert below.visibility.tolist() == [[OCCLUDED, OCCLUDED]]


def test_the_sign_is_that_of_the_mean() -> None:
    """One scale of six says visible; the others say occluded, in one place together."""
    codec = Codec(sigma=1.5, signed=True)
    to_image = affines(codec)
    heatmaps = -drawn(codec, torch.tensor([[70.3, 75.8]], dtype=torch.float64), to_image)
    heatmaps[0] *= -1
    assert find_in_picture(heatmaps, to_image, codec, SIZE).visibility.tolist() == [[OCCLUDED]]


class Signed(nn.Module):
    """A network whose heatmaps are given: those of a crop, or of one turned over."""

    def __init__(self, heatmaps: torch.Tensor) -> None:
        super().__init__()
        self.heatmaps = heatmaps

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return -self.heatmaps, self.heatmaps.flip(-1) if image[0, 0, 0, 0] == 0 else self.heatmaps


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("scales", [(1.0,), SCALES])
def test_signs_tell_who_is_hidden_under_every_protocol(flip: bool, scales: tuple[float, ...]) -> None:
    codec = Codec(sigma=1.5, grid="udp", signed=True)
    points = torch.tensor([[70.3, 75.8], [52.0, 60.0]], dtype=torch.float64)
    to_image = affines(codec)[: len(scales)]
    signs = torch.tensor([1.0, -1.0])[:, None, None]
    network = Signed(drawn(codec, points, to_image) * signs)
    image = torch.ones(len(to_image), 3, *SIZE)
    image[..., -1] = 0  # first in the mirror
    stage, last = Protocol(flip, scales, stages=True).find(network, codec, image, to_image, (0, 1))
    assert last.visibility.tolist() == [[VISIBLE, OCCLUDED]]
    assert stage.visibility.tolist() == [[OCCLUDED, VISIBLE]]
    [unsigned] = Protocol(flip, scales).find(network, Codec(sigma=1.5, grid="udp"), image, to_image, (0, 1))
    assert unsigned.visibility is None


def test_equals_a_mean_by_hand() -> None:
    codec, generator = Codec(sigma=1.5), torch.Generator().manual_seed(0)
    to_image = affines(codec)
    heatmaps = torch.rand(len(SCALES), 1, 16, 12, generator=generator)
    [keypoints], [scores], _ = find_in_picture(heatmaps, to_image, codec, SIZE)
    best = (-1.0, (0, 0))
    inverses = [geometry.invert(affine) for affine in to_image.numpy()]
    for y in range(-15, 165):
        for x in range(140):
            total = 0.0
            for heatmap, inverse in zip(heatmaps[:, 0].numpy(), inverses, strict=True):
                u, v = (inverse @ [x, y, 1.0]) / 4
                i, j = int(np.floor(v)), int(np.floor(u))
                for di in (0, 1):
                    for dj in (0, 1):
                        if 0 <= i + di < 16 and 0 <= j + dj < 12:
                            total += heatmap[i + di, j + dj] * (1 - abs(v - i - di)) * (1 - abs(u - j - dj))
            best = max(best, (total / len(SCALES), (x, y)))
    assert keypoints[0].tolist() == list(best[1])
    assert scores[0].item() == pytest.approx(best[0], abs=1e-5)


def test_a_large_person_is_averaged_at_less_than_the_pictures_resolution() -> None:
    codec = Codec(sigma=1.5)
    to_image = affines(codec, (400.0, 300.0, 1200.0, 1800.0))
    points = torch.tensor([[1000.0, 1200.0]], dtype=torch.float64)
    keypoints, _, _ = find_in_picture(drawn(codec, points, to_image), to_image, codec, SIZE)
    assert (keypoints - points).abs().max() < 25  # of cells of 140 pixels


class Blurred(nn.Module):
    """A network that needs no training: bright dots, one a channel, become heatmaps."""

    strides = (4,)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (nn.functional.avg_pool2d(image.float() / 255, 5, stride=4, padding=2),)


def test_people_are_found_alike_in_any_batch() -> None:
    codec = Codec(sigma=1.5, refine="none")
    protocol = Protocol(flip=True, scales=SCALES)
    generator = torch.Generator().manual_seed(1)
    image = torch.randint(0, 256, (3 * len(SCALES), 3, *SIZE), generator=generator, dtype=torch.uint8)
    to_image = affines(codec).repeat(3, 1, 1)
    [together] = protocol.find(Blurred(), codec, image, to_image, (0, 1, 2))
    assert together.keypoints.shape == (3, 3, 2)
    for person in range(3):
        part = slice(person * len(SCALES), (person + 1) * len(SCALES))
        [alone] = protocol.find(Blurred(), codec, image[part], to_image[part], (0, 1, 2))
        assert torch.equal(alone.keypoints[0], together.keypoints[person])


@pytest.mark.parametrize("scales", [(1.0,), SCALES])
def test_boxes_are_rescored_with_raw_maxima_as_hrnet_does(scales: tuple[float, ...]) -> None:
    """A peak of 1.5 and one of 0.7 are better than two of 1.0; cut to 1, they would be worse."""

    class Given(nn.Module):
        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
            heatmaps = torch.zeros(2, len(scales), 2, 16, 12)
            heatmaps[..., 4:12, 3:9] = torch.tensor([[1.5, 0.7], [1.0, 1.0]])[:, None, :, None, None]
            return (heatmaps.flatten(0, 1),)

    codec, image = Codec(refine="none"), torch.zeros(2 * len(scales), 3, *SIZE, dtype=torch.uint8)
    to_image = affines(codec)[2:3] if len(scales) == 1 else affines(codec)
    [found] = Protocol(False, scales).find(Given(), codec, image, to_image.repeat(2, 1, 1), (0, 1))
    first, second = rescored(np.ones(2), found.scores.double().numpy(), 0.2)
    assert first == pytest.approx(1.1, abs=1e-5)
    assert second == pytest.approx(1.0, abs=1e-5)


def test_stages_are_all_found_when_asked_for() -> None:
    class Two(Blurred):
        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
            [heatmaps] = super().forward(image)
            return heatmaps.flip(-1), heatmaps

    codec = Codec(refine="none")
    image = torch.randint(0, 256, (2, 3, *SIZE), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)
    to_image = affines(codec)[:2]
    first, last = Protocol(flip=False, stages=True).find(Two(), codec, image, to_image, (0, 1, 2))
    [alone] = Protocol(flip=False).find(Two(), codec, image, to_image, (0, 1, 2))
    assert torch.equal(last.keypoints, alone.keypoints)
    assert not torch.equal(first.keypoints, last.keypoints)


@pytest.mark.parametrize("scales", [(), (1.0, 0.0), (-1.0,)])
def test_impossible_scales_are_refused(scales) -> None:
    with pytest.raises(ValueError, match=r"^scales must be one or more positive numbers"):
        Protocol(scales=scales)
