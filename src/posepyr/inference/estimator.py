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
from posepyr.checkpoints.parts import build_part
from posepyr.checkpoints.recipe import read_recipe
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.checkpoints.weights import load_model
from posepyr.codec import Codec
from posepyr.data.formats.pictures import read_picture
from posepyr.geometry import CropRule
from posepyr.inference.protocol import Found, Protocol, concatenate
from posepyr.records import Pixels, Poses
from posepyr.skeleton import Skeleton

Boxes = Sequence[Sequence[float]] | npt.NDArray[np.floating]


class Estimator:
    """Predicts the poses of people in pictures, with the same crop, codec and flip as in training.

    A picture is a path, an array ``H W 3`` or ``H W`` (RGB, uint8), a PIL image, or a tensor ``3 H W`` (uint8, or
    floating point from 0 to 1). Without boxes the whole picture is one person's box.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        codec: Codec,
        skeleton: Skeleton,
        rule: CropRule,
        protocol: Protocol | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.device = torch.device(device)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the stub wants a device beside it
        self.model = model.to(self.device).eval()
        self.codec, self.skeleton, self.rule = codec, skeleton, rule
        self.protocol = protocol or Protocol()

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        *,
        device: str | torch.device = "cpu",
        flip: bool = True,
        scales: Sequence[float] = (1.0,),
        trust: Sequence[str] = (),
    ) -> "Estimator":
        """Return an estimator with the network of a checkpoint.

        A network may be of posepyr's own classes, or of those in the packages that ``trust`` names.
        """
        content = read_checkpoint(Path(path))
        recipe = read_recipe(content, str(path))
        codec: Codec = build_part(recipe.codec, "codec", str(path), trust)
        return cls(
            load_model(content, trust, str(path)),
            codec=codec,
            skeleton=build_part(recipe.skeleton, "skeleton", str(path), trust),
            rule=CropRule(recipe.input_size, recipe.padding, codec.grid),
            protocol=Protocol(flip, scales),
            device=device,
        )

    def predict(self, image: Any, boxes: Boxes | None = None) -> Poses:
        """Return the people in one picture, one for each box ``(x, y, width, height)``."""
        return next(iter(self.predict_many([image], None if boxes is None else [boxes])))

    def predict_many(
        self, images: Iterable[Any], boxes: Iterable[Boxes | None] | None = None, batch_size: int = 16
    ) -> list[Poses]:
        """Return the people in each of many pictures; crops of all pictures share batches."""
        pictures = list(images)
        boxes_of = [None] * len(pictures) if boxes is None else list(boxes)
        if len(boxes_of) != len(pictures):
            raise ValueError(f"boxes must hold one entry for each of the {len(pictures)} images, got {len(boxes_of)}")
        crops: list[Tensor] = []
        to_image: list[Tensor] = []
        checked: list[npt.NDArray[np.float64]] = []
        for picture, people in zip(pictures, boxes_of, strict=True):
            pixels = to_pixels(picture)
            checked.append(to_boxes(people, pixels))
            for box, scale in itertools.product(checked[-1], self.protocol.scales):
                matrix = geometry.crop_matrix(geometry.enlarged(box, scale), self.rule)
                crops.append(torch.from_numpy(geometry.warp(pixels, matrix, self.rule.input_size)).permute(2, 0, 1))
                to_image.append(torch.from_numpy(geometry.invert(matrix)))
        return _by_picture(self._find(crops, to_image, batch_size), [each.astype(np.float32) for each in checked])

    @torch.inference_mode()
    def _find(self, crops: list[Tensor], to_image: list[Tensor], batch_size: int) -> Found:
        # The crops of one person stay together.
        batch_size = max(1, batch_size // len(self.protocol.scales)) * len(self.protocol.scales)
        no_heatmaps = torch.zeros(0, len(self.skeleton), 1, 1, device=self.device)
        no_keypoints = no_heatmaps.new_zeros(0, len(self.skeleton), 2)
        found = [Found(no_keypoints, no_heatmaps[..., 0, 0], self.codec.visibility(no_heatmaps))]
        for first in range(0, len(crops), batch_size):
            image = torch.stack(crops[first : first + batch_size]).to(self.device)
            affine = torch.stack(to_image[first : first + batch_size]).to(self.device)
            [*_, prediction] = self.protocol.find(self.model, self.codec, image, affine, self.skeleton.flip_order)
            found.append(prediction)
        return concatenate(found)


def _by_picture(found: Found, boxes: Sequence[npt.NDArray[np.float32]]) -> list[Poses]:
    """Part the people of all pictures by picture; each has as many as boxes ``N 4``. Scores are cut to 0 to 1."""
    keypoints, scores = found.keypoints.float().cpu().numpy(), found.scores.float().clamp(0, 1).cpu().numpy()
    visibility = None if found.visibility is None else found.visibility.cpu().numpy()
    ends = np.cumsum([len(own) for own in boxes]).tolist()
    parts = [slice(end - len(own), end) for end, own in zip(ends, boxes, strict=True)]
    return [
        Poses(keypoints[part], scores[part], own, None if visibility is None else visibility[part])
        for part, own in zip(parts, boxes, strict=True)
    ]


def to_pixels(image: Any) -> Pixels:
    """Return any kind of picture as an RGB array ``H W 3`` of uint8."""
    if isinstance(image, str | Path):
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
    """Return boxes ``N 4``, checked; without any, that of the whole picture."""
    if boxes is None:
        return np.array([[0.0, 0.0, pixels.shape[1], pixels.shape[0]]])
    checked = np.asarray(boxes, np.float64)
    if checked.size in (0, 4):
        checked = checked.reshape(-1, 4)
    if checked.ndim != 2 or checked.shape[1] != 4:
        raise ValueError(f"boxes must be N rows of (x, y, width, height), got shape {np.shape(boxes)}")
    if not np.isfinite(checked).all() or (checked[:, 2:] <= 0).any():
        raise ValueError(f"boxes must be finite with a positive width and height, got {checked.tolist()}")
    return checked
