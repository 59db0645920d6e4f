"""People as a network is shown them, drawn on sheets: joints, limbs and names, mirrored, and with their targets."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from posepyr import draw, geometry
from posepyr.codec import Codec
from posepyr.data.classification.labelled import LabelledPictures
from posepyr.data.loading.dataset import Crops
from posepyr.data.loading.loader import SampleIndex
from posepyr.data.module import PoseDataModule
from posepyr.records import Pixels, PoseBatch
from posepyr.studies.datasets.check import Data

STRIDE = 4
"""Pixels of the crop for each cell of the targets that are drawn, as of most networks."""

ACROSS = 6
"""Tiles in a row, about."""


class SheetOptions(NamedTuple):
    """The drawing of a person beside joints and limbs."""

    side: int = 256
    """Pixels of a tile's longer side."""
    names: bool = False
    mirrored: bool = False
    targets: bool = False


def draw_sheet(
    data: Data, codec: Codec, split: str, numbers: Sequence[int], options: SheetOptions, augment: bool = False
) -> Pixels:
    """Draw a sheet of some people, or pictures, of a split, as a network is shown them."""
    if isinstance(data, PoseDataModule):
        return pose_sheet(data.samples(split, augment), numbers, codec, split, options)
    return labelled_sheet(data.samples(split, augment), numbers, data.source.classes, split, options)


def pose_sheet(crops: Crops, people: Sequence[int], codec: Codec, name: str, options: SheetOptions) -> Pixels:
    """Draw a sheet of some of a split's people; ``name`` is the split's."""
    tiles: list[Pixels] = []
    captions: list[str] = []
    for person in people:
        sample = crops[SampleIndex(0, person)]
        tiles.append(_pose(sample, crops, options))
        captions.append(f"{name} {person}")
        if options.mirrored:
            tiles.append(_pose(mirrored(crops, person), crops, options))
            captions.append("mirrored")
        if options.targets:
            tiles.append(_targets(sample, codec, options.side))
            captions.append("targets")
    each = 1 + options.mirrored + options.targets
    return draw.sheet(tiles, captions, columns=each * max(1, ACROSS // each))


def labelled_sheet(
    pictures: LabelledPictures, chosen: Sequence[int], classes: Sequence[str], name: str, options: SheetOptions
) -> Pixels:
    """Draw a sheet of some pictures, with the names of their classes."""
    samples = [pictures[SampleIndex(0, number)] for number in chosen]
    tiles = [draw.enlarge(sample.image.permute(1, 2, 0).numpy(), options.side)[0] for sample in samples]
    captions = [
        f"{name} {number}: {classes[int(sample.label)]}" for number, sample in zip(chosen, samples, strict=True)
    ]
    return draw.sheet(tiles, captions, columns=ACROSS)


def mirrored(crops: Crops, person: int) -> PoseBatch:
    """Return the person's sample with its flip the other way round, all else alike."""
    placed = crops.place(SampleIndex(0, person))
    annotation = placed.annotation._replace(flip=not placed.annotation.flip)
    matrix = geometry.crop_matrix(annotation.box, crops.rule, annotation.rotation, annotation.flip)
    placed = placed._replace(annotation=annotation, matrix=matrix)
    return crops.sample(placed, crops.recolour(placed, crops.cut(placed, crops.view(placed))))


def _pose(sample: PoseBatch, crops: Crops, options: SheetOptions) -> Pixels:
    large, factor = draw.enlarge(sample.image.permute(1, 2, 0).numpy(), options.side)
    keypoints, shown = draw.place(sample.keypoints.numpy(), factor), ((sample.visibility > 0) & sample.inside).numpy()
    tile = draw.draw_pose(large, keypoints, crops.skeleton, shown)
    return draw.name_joints(tile, keypoints, crops.skeleton.joints, shown) if options.names else tile


def _targets(sample: PoseBatch, codec: Codec, side: int) -> Pixels:
    height, width = sample.image.shape[-2:]
    cells = max(1, height // STRIDE), max(1, width // STRIDE)
    targets = codec.encode(sample.keypoints[None], (height, width), cells)[0]
    large, _ = draw.enlarge(sample.image.permute(1, 2, 0).numpy(), side)
    # As training draws them by default: also of joints outside, as far as their Gaussians reach in.
    shown = targets * (sample.visibility > 0)[:, None, None]
    return draw.overlay(large, torch.as_tensor(shown).numpy())


def sample_numbers(size: int, count: int, seed: int) -> list[int]:
    """Sample ``count`` different numbers below ``size``, in order."""
    return sorted(np.random.default_rng(seed).permutation(size)[:count].tolist())
