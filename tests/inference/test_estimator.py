import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from posepyr.checkpoints.storage import write_checkpoint
from posepyr.codec import Codec
from posepyr.geometry import CropRule
from posepyr.inference.estimator import Estimator
from posepyr.inference.protocol import Protocol
from posepyr.nodes import build
from posepyr.records import OCCLUDED, VISIBLE
from posepyr.skeleton import Skeleton
from support.places import CONF
from support.presets import read_preset

SKELETON = Skeleton("two", ("left_dot", "right_dot"), flip_pairs=(("left_dot", "right_dot"),))


class Brightest(nn.Module):
    """A stand-in for a network: heatmaps are the red and the green channel, a quarter the size."""

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        channels = image[:, :2].float() / 255
        return (torch.nn.functional.avg_pool2d(channels, 4, 4, count_include_pad=False),)


def estimator(flip: bool = False, grid: str = "plain") -> Estimator:
    rule = CropRule((128, 128), 1.0, grid)
    codec = Codec(grid=grid, refine="dark", sigma=1.0)
    return Estimator(Brightest(), codec=codec, skeleton=SKELETON, rule=rule, protocol=Protocol(flip))


def picture(red: tuple[int, int] = (40, 50), green: tuple[int, int] = (80, 90)) -> np.ndarray:
    pixels = np.zeros((128, 128, 3), np.uint8)
    for channel, (x, y) in enumerate((red, green)):
        cv2.circle(pixels, (x, y), 5, [255 if c == channel else 0 for c in range(3)], -1)
    return pixels


def test_dots_are_found_where_they_are() -> None:
    poses = estimator().predict(picture())
    assert poses.keypoints.shape == (1, 2, 2)
    # The stand-in reads the centre of four pixels as their first: 1.5 pixels on the plain grid.
    np.testing.assert_allclose(poses.keypoints[0] + 1.5, [[40, 50], [80, 90]], atol=1.5)
    assert (poses.scores > 0.9).all()


@pytest.mark.parametrize("scales", [(1.0,), (0.9, 1.0, 1.1)])
def test_users_read_scores_from_zero_to_one(scales: tuple[float, ...]) -> None:
    class Loud(Brightest):
        def forward(self, image: Tensor) -> tuple[Tensor, ...]:
            return (super().forward(image)[0] * torch.tensor([3.0, -3.0])[:, None, None] - 0.01,)

    rule = CropRule((128, 128), 1.0)
    loud = Estimator(Loud(), codec=Codec(sigma=1.0), skeleton=SKELETON, rule=rule, protocol=Protocol(False, scales))
    poses = loud.predict(picture())
    assert poses.scores.tolist() == [[1.0, 0.0]]
    assert {name: joint["score"] for name, joint in poses.to_dict(SKELETON.joints)[0]["joints"].items()} == {
        "left_dot": 1.0,
        "right_dot": 0.0,
    }


def test_several_scales_agree_with_one_and_people_stay_apart() -> None:
    rule = CropRule((128, 128), 1.0)
    protocol = Protocol(False, (0.9, 1.0, 1.1))
    several = Estimator(Brightest(), codec=Codec(sigma=1.0), skeleton=SKELETON, rule=rule, protocol=protocol)
    boxes = [[0, 0, 128, 128], [10, 20, 100, 100], [5, 5, 110, 110]]
    found = several.predict_many([picture(), picture((60, 60), (30, 90))], [boxes, boxes[:1]], batch_size=4)
    assert [len(poses.keypoints) for poses in found] == [3, 1]
    for keypoints in found[0].keypoints:
        np.testing.assert_allclose(keypoints + 1.5, [[40, 50], [80, 90]], atol=2.5)
    np.testing.assert_allclose(found[1].keypoints[0] + 1.5, [[60, 60], [30, 90]], atol=2.5)


def test_every_kind_of_picture_gives_the_same_answer(tmp_path: Path) -> None:
    pixels = picture()
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    kinds = [pixels, path, str(path), Image.fromarray(pixels), torch.from_numpy(pixels).permute(2, 0, 1)]
    kinds.append(torch.from_numpy(pixels).permute(2, 0, 1).float() / 255)
    expected = estimator().predict(pixels)
    for image in kinds:
        found = estimator().predict(image)
        np.testing.assert_array_equal(found.keypoints, expected.keypoints)
        np.testing.assert_array_equal(found.scores, expected.scores)


def test_grey_pictures_are_taken() -> None:
    grey = picture()[..., 0]
    np.testing.assert_array_equal(
        estimator().predict(grey).keypoints, estimator().predict(np.repeat(grey[..., None], 3, 2)).keypoints
    )


def test_boxes_choose_where_to_look_and_answers_are_in_the_picture() -> None:
    wide = np.zeros((200, 400, 3), np.uint8)
    wide[20:148, 250:378] = picture()
    poses = estimator().predict(wide, boxes=[[250, 20, 128, 128], [0, 0, 128, 128]])
    assert poses.keypoints.shape == (2, 2, 2)
    np.testing.assert_allclose(poses.keypoints[0] + 1.5, [[290, 70], [330, 110]], atol=1.5)
    assert (poses.scores[1] == 0).all()
    np.testing.assert_array_equal(poses.boxes, [[250, 20, 128, 128], [0, 0, 128, 128]])


def test_many_pictures_share_batches_without_changing_the_answers() -> None:
    pictures = [picture((30 + 5 * n, 40), (70, 60 + 5 * n)) for n in range(5)]
    boxes = [None, [], [[0, 0, 128, 128], [10, 10, 100, 100]], None, [[5, 5, 120, 120]]]
    together = estimator().predict_many(pictures, boxes, batch_size=2)
    assert [len(poses.keypoints) for poses in together] == [1, 0, 2, 1, 1]
    for pixels, box, poses in zip(pictures, boxes, together, strict=True):
        alone = estimator().predict(pixels, box)
        np.testing.assert_allclose(poses.keypoints, alone.keypoints, atol=1e-4)


def test_no_pictures_give_no_poses() -> None:
    assert estimator().predict_many([]) == []


def test_the_mirror_is_merged_in_place() -> None:
    class Sided(Brightest):
        """In the mirror, what is on the left is called left: a network's answer to a mirrored person."""

        def forward(self, image: Tensor) -> tuple[Tensor, ...]:
            heatmaps = super().forward(image)[0]
            return (heatmaps if not self.mirrored(image) else heatmaps[:, [1, 0]],)

        def mirrored(self, image: Tensor) -> bool:
            columns = torch.arange(image.shape[-1]).float()
            red, green = ((image[0, c].float() * columns).sum() / image[0, c].sum() for c in (0, 1))
            return bool(red > green)

    model = Sided()
    rule = CropRule((128, 128), 1.0, "udp")
    codec = Codec(grid="udp", sigma=1.0)
    once, twice = (
        Estimator(model, codec=codec, skeleton=SKELETON, rule=rule, protocol=Protocol(flip)) for flip in (False, True)
    )
    difference = once.predict(picture()).keypoints - twice.predict(picture()).keypoints
    assert np.abs(difference).max() < 2.5


class Exact(nn.Module):
    """A network that is right: it finds a bright spot's middle, and draws an exact Gaussian there.

    A cell is ``stride`` pixels on the plain grid, and on UDP's the map's steps over the crop's.
    """

    def __init__(self, codec: Codec, stride: int) -> None:
        super().__init__()
        self.codec, self.stride = codec, stride

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        light = image[:, 0].double()
        pixels = light.shape[-1]
        cells = pixels // self.stride
        scale = (cells - 1) / (pixels - 1) if self.codec.grid == "udp" else 1 / self.stride
        place, cell = torch.arange(pixels), torch.arange(cells)
        bells = []
        for axis in (1, 2):
            middle = (light.sum(axis) * place).sum(-1) / light.sum((1, 2))
            centre = middle * scale - (0.5 if self.codec.half_cell else 0.0)
            bells.append(torch.exp(-((cell - centre[:, None]) ** 2) / (2 * self.codec.sigma**2)))
        across, down = bells
        return ((down[:, :, None] * across[:, None, :])[:, None].float(),)


SPOT = Skeleton("one", ("spot",))


def mean_error(codec: Codec, stride: int, scales: tuple[float, ...] = (1.0,)) -> np.ndarray:
    """The mean error (x, y) in pixels over spots that lie alike in all parts of a cell, predicted with flip."""
    side = 128
    steps = 1 if codec.grid == "udp" else 0
    # One cell, or several about the middle, where crops at several scales have their cells.
    cells, parts = (1, 16) if len(scales) == 1 else (8, 40)
    span = cells * (side - steps) / (side // stride - steps)
    offsets = ((np.arange(parts) + 0.5) / parts - 0.5) * span
    spots = (side - steps) / 2 + np.stack([offsets, np.roll(offsets, parts // 3)], -1)
    y, x = np.mgrid[:side, :side]
    pictures = [np.exp(-((x - u) ** 2 + (y - v) ** 2) / 18) for u, v in spots]
    model = Exact(codec, stride)
    rule = CropRule((side, side), 1.0, codec.grid)
    estimator = Estimator(model, codec=codec, skeleton=SPOT, rule=rule, protocol=Protocol(True, scales))
    images = [np.repeat((255 * picture).round().astype(np.uint8)[..., None], 3, 2) for picture in pictures]
    box = [[0, 0, side - steps, side - steps]]
    found = estimator.predict_many(images, [box] * len(images))
    return np.mean([poses.keypoints[0, 0] - spot for poses, spot in zip(found, spots, strict=True)], axis=0)


def table_of_errors() -> list[tuple[str, list[float]]]:
    """The rows of the table of conventions: presets, and their errors in pixels."""
    text = (CONF.parent / "docs" / "conventions.md").read_text()
    lines = text.split("| mirrored crops with |")[1].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        first, *numbers = [cell.strip() for cell in line.strip("|").split("|")]
        rows += [(name, [float(number) for number in numbers]) for name in re.findall(r"`(\w+)`", first)]
    return rows


def test_the_errors_of_mirrored_crops_are_those_of_the_table_of_conventions() -> None:
    rows = dict(table_of_errors())
    presets = {path.stem for path in (CONF / "codec").glob("*.yaml")}
    assert rows.keys() == presets
    for preset, expected in rows.items():
        codec = build(read_preset("codec", preset))
        measured = [mean_error(codec, stride) for stride in (2, 4, 8)]
        measured.append(mean_error(codec, 4, (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)))
        np.testing.assert_allclose(np.array(measured)[:3, 0], expected[:3], atol=0.05, err_msg=preset)
        np.testing.assert_allclose(measured[3][0], expected[3], atol=0.15, err_msg=preset)
        np.testing.assert_allclose(np.array(measured)[:, 1], 0.0, atol=0.15, err_msg=preset)


@pytest.mark.parametrize("refine", ["none", "quarter", "dark"])
def test_the_default_is_unbiased_however_it_is_read(refine: str) -> None:
    for stride in (1, 2, 4, 8):
        assert np.abs(mean_error(Codec(refine=refine), stride)).max() < 0.02


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((8, 8, 3), np.float64), "image must hold uint8 pixels from 0 to 255, got float64"),
        (np.zeros((8, 8, 4), np.uint8), r"image must be H x W x 3 in RGB.*got shape \(8, 8, 4\)"),
        (np.zeros((0, 8, 3), np.uint8), "got shape"),
        (Path("no_such_picture.jpg"), "no_such_picture.jpg"),
    ],
)
def test_what_is_no_picture_is_refused(image, message) -> None:
    with pytest.raises(ValueError, match=message):
        estimator().predict(image)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[0, 0, 10]], r"boxes must be N rows of \(x, y, width, height\), got shape \(1, 3\)"),
        ([[0, 0, 10, 0]], "positive width and height"),
        ([[0, float("nan"), 10, 10]], "must be finite"),
    ],
)
def test_impossible_boxes_are_refused(boxes, message) -> None:
    with pytest.raises(ValueError, match=message):
        estimator().predict(picture(), boxes)


def test_boxes_must_match_the_pictures() -> None:
    with pytest.raises(ValueError, match="one entry for each of the 2 images, got 1"):
        estimator().predict_many([picture(), picture()], [None])


def test_a_checkpoint_without_a_recipe_or_with_other_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    write_checkpoint(path, {"state_dict": {}})
    with pytest.raises(ValueError, match="it carries no recipe"):
        Estimator.from_checkpoint(path)
    recipe = {
        "model": {"_target_": "posepyr.models.hourglass.StackedHourglass", "joints": 1, "stacks": 1, "width": 8},
        "codec": {"_target_": "posepyr.codec.Codec"},
        "skeleton": {"_target_": "posepyr.skeleton.Skeleton", "name": "one", "joints": ["a"]},
        "input_size": [8, 8], "padding": 1.0, "weights": "raw", "version": 1,
    }  # fmt: skip
    write_checkpoint(path, {"posepyr": recipe, "state_dict": {"model.wrong": torch.zeros(1)}})
    with pytest.raises(ValueError, match="the weights do not fit the recipe's model"):
        Estimator.from_checkpoint(path)


def test_signs_say_which_joints_are_hidden() -> None:
    class Hiding(Brightest):
        def forward(self, image: Tensor) -> tuple[Tensor, ...]:
            [heatmaps] = super().forward(image)
            return (heatmaps * torch.tensor([1.0, -1.0])[:, None, None],)

    codec, rule = Codec(refine="dark", sigma=1.0, signed=True), CropRule((128, 128), 1.0)
    signed = Estimator(Hiding(), codec=codec, skeleton=SKELETON, rule=rule, protocol=Protocol(False))
    boxes = [[0, 0, 128, 128], [10, 20, 100, 100]]
    plain = estimator().predict(picture(), boxes)
    one, other = signed.predict_many([picture(), picture()], [boxes, []])
    np.testing.assert_array_equal(one.keypoints, plain.keypoints)
    assert one.visibility.tolist() == [[VISIBLE, OCCLUDED]] * 2
    assert other.visibility.shape == (0, 2)
    [person, _] = one.to_dict(SKELETON.joints)
    assert {name: joint["visible"] for name, joint in person["joints"].items()} == {
        "left_dot": True,
        "right_dot": False,
    }
    assert plain.visibility is None
    assert "visible" not in plain.to_dict(SKELETON.joints)[0]["joints"]["left_dot"]
