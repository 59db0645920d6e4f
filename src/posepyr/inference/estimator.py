"""A trained network as an object that predicts."""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from posepyr import geometry
from posepyr.checkpoints.recipe import ClassifierRecipe, Recipe, build_part, read_recipe
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.codec import Codec
from posepyr.geometry import CropRule
from posepyr.inference.found import Found, joined
from posepyr.inference.protocol import Protocol
from posepyr.records import Pixels, Poses
from posepyr.skeleton import Skeleton

Boxes = Sequence[Sequence[float]] | npt.NDArray[np.floating]


class Estimator:
    """Predicts the poses of people in pictures, with the same crop, codec and flip as in training.

    A picture is a path, an array ``H W 3`` or ``H W`` (RGB, uint8), a PIL image, or a tensor ``3 H W`` (uint8, or
    floating point from 0 to 1). Without boxes the whole picture is taken for one person's box.
    """

    def __init__(
        self,
        model: nn.Module,
        codec: Codec,
        skeleton: Skeleton,
        rule: CropRule,
        protocol: Protocol | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.device = torch.device(device)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model = model.to(self.device).eval()
        self.codec, self.skeleton, self.rule = codec, skeleton, rule
        self.protocol = protocol or Protocol()

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        device: str | torch.device = "cpu",
        flip: bool = True,
        packages: Sequence[str] = ("posepyr",),
        scales: Sequence[float] = (1.0,),
    ) -> "Estimator":
        """The network of a checkpoint. Its recipe may name classes of ``packages`` only."""
        content = read_checkpoint(Path(path))
        recipe = read_recipe(content, str(path))
        model = load_model(recipe, content["state_dict"], str(path), packages)
        codec: Codec = build_part(recipe.codec, packages)
        skeleton: Skeleton = build_part(recipe.skeleton, packages)
        rule = CropRule(recipe.input_size, recipe.padding, codec.grid)
        return cls(model, codec, skeleton, rule, Protocol(flip, scales), device)

    def predict(self, image: Any, boxes: Boxes | None = None) -> Poses:
        """The people in one picture, one for each box ``(x, y, width, height)``."""
        return next(iter(self.predict_many([image], None if boxes is None else [boxes])))

    def predict_many(
        self, images: Iterable[Any], boxes: Iterable[Boxes | None] | None = None, batch_size: int = 16
    ) -> list[Poses]:
        """The people in each of many pictures; crops of all pictures share batches."""
        crops: list[Tensor] = []
        to_image: list[Tensor] = []
        asked: list[npt.NDArray[np.float32]] = []
        pictures = list(images)
        places: list[Boxes | None] = [None] * len(pictures) if boxes is None else list(boxes)
        if len(places) != len(pictures):
            raise ValueError(f"boxes must hold one entry for each of the {len(pictures)} images, got {len(places)}")
        for picture, place in zip(pictures, places, strict=True):
            pixels = to_pixels(picture)
            checked = to_boxes(place, pixels)
            asked.append(checked.astype(np.float32))
            for box, scale in itertools.product(checked, self.protocol.scales):
                matrix = geometry.crop_matrix(geometry.enlarged(box, scale), self.rule)
                crops.append(torch.from_numpy(geometry.warp(pixels, matrix, self.rule.input_size)).permute(2, 0, 1))
                to_image.append(torch.from_numpy(geometry.invert(matrix)))
        return by_picture(self._find(crops, to_image, batch_size), asked)

    @torch.inference_mode()
    def _find(self, crops: list[Tensor], to_image: list[Tensor], batch_size: int) -> Found:
        joints = len(self.skeleton)
        # The crops of one person stay together.
        batch_size = max(1, batch_size // len(self.protocol.scales)) * len(self.protocol.scales)
        nothing = torch.zeros(0, joints, 1, 1, device=self.device)
        found = [Found(nothing.new_zeros(0, joints, 2), nothing[..., 0, 0], self.codec.visibility(nothing))]
        for first in range(0, len(crops), batch_size):
            image = torch.stack(crops[first : first + batch_size]).to(self.device)
            affine = torch.stack(to_image[first : first + batch_size]).to(self.device)
            [*_, prediction] = self.protocol.find(self.model, self.codec, image, affine, self.skeleton.flip_order)
            found.append(prediction)
        return joined(found)


def by_picture(found: Found, boxes: Sequence[npt.NDArray[np.float32]]) -> list[Poses]:
    """The people of each picture, whose boxes ``N 4`` say how many there are."""
    keypoints, scores = found.keypoints.float().cpu().numpy(), found.scores.float().cpu().numpy()
    visibility = None if found.visibility is None else found.visibility.cpu().numpy()
    ends = np.cumsum([len(asked) for asked in boxes]).tolist()
    parts = [slice(end - len(asked), end) for end, asked in zip(ends, boxes, strict=True)]
    return [
        Poses(keypoints[part], scores[part], asked, None if visibility is None else visibility[part])
        for part, asked in zip(parts, boxes, strict=True)
    ]


def load_model(
    recipe: Recipe | ClassifierRecipe, state: dict[str, Tensor], where: str, packages: Sequence[str]
) -> nn.Module:
    """The recipe's network with the checkpoint's weights; every weight must find its place."""
    model: nn.Module = build_part(recipe.model, packages)
    weights = {key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")}
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{where}: the weights do not fit the recipe's model: {error}") from error
    return model


def to_pixels(image: Any) -> Pixels:
    """Any kind of picture as an RGB array ``H W 3`` of uint8."""
    if isinstance(image, str | Path):
        from posepyr.data.formats.pictures import read_picture

        return read_picture(Path(image), upright=True)
    if isinstance(image, Tensor):
        image = image.detach().cpu()
        if image.is_floating_point():
            image = (image * 255).round().clamp(0, 255).to(torch.uint8)
        image = image.permute(1, 2, 0) if image.ndim == 3 else image
    pixels = np.asarray(image.convert("RGB") if hasattr(image, "convert") else image)
    if pixels.dtype != np.uint8:
        raise ValueError(f"image must hold uint8 pixels from 0 to 255, got {pixels.dtype}")
    if pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 1):
        pixels = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_GRAY2RGB)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"image must be H x W x 3 in RGB, or H x W in grey, got shape {pixels.shape}")
    return np.ascontiguousarray(pixels)


def to_boxes(boxes: Boxes | None, pixels: Pixels) -> npt.NDArray[np.float64]:
    """Boxes ``N 4``; the whole picture where there are none."""
    if boxes is None:
        return np.array([[0.0, 0.0, pixels.shape[1], pixels.shape[0]]])
    checked = (
        np.asarray(boxes, np.float64).reshape(-1, 4) if np.size(boxes) in (0, 4) else np.asarray(boxes, np.float64)
    )
    if checked.ndim != 2 or checked.shape[1] != 4:
        raise ValueError(f"boxes must be N rows of (x, y, width, height), got shape {np.shape(boxes)}")
    if not np.isfinite(checked).all() or (checked[:, 2:] <= 0).any():
        raise ValueError(f"boxes must be finite with a positive width and height, got {checked.tolist()}")
    return checked
