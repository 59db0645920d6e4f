"""Annotated people to crops: the one way from a picture to what a network is shown in training and validation."""

import numpy as np
import torch
from torch.utils.data import Dataset

from posepyr import geometry
from posepyr.data.augment import Augment
from posepyr.data.sampler import Draw
from posepyr.geometry import CropRule
from posepyr.records import NOT_LABELLED, PoseBatch, Split
from posepyr.skeleton import Skeleton


class Crops(Dataset[PoseBatch]):
    """A split's people as uint8 crops with their keypoints.

    Every random number is drawn from a generator made of (seed, epoch, index): samples differ from epoch to epoch and
    do not depend on who loads them.
    """

    def __init__(
        self, split: Split, skeleton: Skeleton, rule: CropRule, augment: Augment | None = None, seed: int = 0
    ) -> None:
        self.split, self.skeleton, self.rule, self.augment, self.seed = split, skeleton, rule, augment, seed
        self._flip_order = list(skeleton.flip_order)

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, draw: Draw) -> PoseBatch:
        """The sample of one draw: a record without the batch axis."""
        annotation = self.split[draw.person]
        generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, draw.epoch, draw.person])))
        if self.augment is not None:
            annotation = self.augment(annotation, self.skeleton, generator)
        matrix = geometry.crop_matrix(annotation.box, self.rule, annotation.rotation, annotation.flip)
        view = self.split.view(annotation, geometry.magnification(matrix))
        from_view = geometry.compose(matrix, geometry.invert(view.matrix))
        crop = geometry.warp(view.pixels, from_view, self.rule.input_size)
        if self.augment is not None:
            crop = self.augment.recolour(crop, generator)
        keypoints = geometry.apply(matrix, annotation.keypoints)
        visible = np.where(geometry.inside(keypoints, self.rule.input_size), annotation.visibility, NOT_LABELLED)
        if annotation.flip:
            keypoints, visible = keypoints[self._flip_order], visible[self._flip_order]
        return PoseBatch(
            image=torch.from_numpy(crop).permute(2, 0, 1),
            keypoints=torch.from_numpy(keypoints.astype(np.float32)),
            visibility=torch.from_numpy(visible.astype(np.uint8)),
            to_image=torch.from_numpy(geometry.invert(matrix)),
            truth=torch.from_numpy(np.asarray(annotation.keypoints, np.float64)),
            labelled=torch.from_numpy(np.asarray(annotation.visibility, np.uint8)),
            sample=torch.tensor(annotation.sample),
        )
