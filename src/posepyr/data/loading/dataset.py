"""Crops of annotated people: the one way from a picture to a sample, in training, validation and testing."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from posepyr import geometry
from posepyr.data.formats.pictures import Decode
from posepyr.data.loading.augment import Augment
from posepyr.data.loading.loader import SampleIndex
from posepyr.geometry import CropRule
from posepyr.records import Annotation, FloatArray, Pixels, PoseBatch, Split, View
from posepyr.skeleton import Skeleton


class PlacedPerson(NamedTuple):
    """A person, and where the crop of a sample lies."""

    annotation: Annotation
    matrix: FloatArray
    """From image pixels to crop pixels."""
    generator: np.random.Generator | None
    """Random numbers for the rest of the augmentation; None without."""


class Crops(Dataset[PoseBatch]):
    """A split's people as uint8 crops with their keypoints.

    Every random number comes from a generator made of (seed, epoch, index): samples differ from epoch to epoch and
    do not depend on who loads them.
    """

    def __init__(
        self,
        split: Split,
        skeleton: Skeleton,
        rule: CropRule,
        augment: Augment | None = None,
        *,
        seed: int = 0,
        decode: Decode = "full",
    ) -> None:
        self.split, self.skeleton, self.rule, self.augment, self.seed = split, skeleton, rule, augment, seed
        self.decode = decode
        self._flip_order = list(skeleton.flip_order)

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: SampleIndex) -> PoseBatch:
        """Return one sample: a record without the batch axis."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[SampleIndex]) -> list[PoseBatch]:
        """Return the samples of a batch, as Torch's loader asks for them.

        Step by step: decoding drives everything else out of the processor's caches, and after it a small step takes
        three to ten times as long as after one of its kind.
        """
        placed = [self.place(index) for index in indices]
        crops = [self.cut(one, self.view(one)) for one in placed]
        crops = [self.recolour(one, crop) for one, crop in zip(placed, crops, strict=True)]
        return [self.sample(one, crop) for one, crop in zip(placed, crops, strict=True)]

    def place(self, index: SampleIndex) -> PlacedPerson:
        """Return the person of a sample, augmented, and where the crop lies."""
        annotation, generator = self.split[index.person], None
        if self.augment is not None:
            generator = np.random.Generator(
                np.random.PCG64(np.random.SeedSequence([self.seed, index.epoch, index.person]))
            )
            annotation = self.augment(annotation, self.skeleton, generator)
        if index.scale != 1:
            annotation = annotation._replace(box=geometry.enlarged(annotation.box, index.scale))
        matrix = geometry.crop_matrix(annotation.box, self.rule, annotation.rotation, annotation.flip)
        return PlacedPerson(annotation, matrix, generator)

    def view(self, placed: PlacedPerson) -> View:
        """Read as much of the picture as the crop needs."""
        return self.split.view(
            placed.annotation, 1.0 if self.decode == "full" else geometry.magnification(placed.matrix)
        )

    def cut(self, placed: PlacedPerson, view: View) -> Pixels:
        """Cut the crop out of the picture, by one affine."""
        from_view = geometry.compose(placed.matrix, geometry.invert(view.matrix))
        return geometry.warp(view.pixels, from_view, self.rule.input_size)

    def recolour(self, placed: PlacedPerson, crop: Pixels) -> Pixels:
        """Return the crop in the sample's colours."""
        if self.augment is None or placed.generator is None:
            return crop
        return self.augment.recolour(crop, placed.generator)

    def sample(self, placed: PlacedPerson, crop: Pixels) -> PoseBatch:
        """Return the crop and its keypoints as tensors."""
        annotation, matrix, _ = placed
        keypoints = geometry.apply(matrix, annotation.keypoints)
        order = self._flip_order if annotation.flip else slice(None)
        keypoints, visibility = keypoints[order], annotation.visibility[order]
        return PoseBatch(
            image=torch.from_numpy(crop).permute(2, 0, 1),
            keypoints=torch.from_numpy(keypoints.astype(np.float32)),
            visibility=torch.from_numpy(visibility.astype(np.uint8)),
            inside=torch.from_numpy(geometry.inside(keypoints, self.rule.input_size)),
            to_image=torch.from_numpy(geometry.invert(matrix)),
            truth=torch.from_numpy(np.asarray(annotation.keypoints, np.float64)),
            labelled=torch.from_numpy(np.asarray(annotation.visibility, np.uint8)),
            sample=torch.tensor(annotation.sample),
        )
