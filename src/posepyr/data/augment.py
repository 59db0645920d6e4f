"""Random changes of a training sample, drawn from the sample's own generator."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from posepyr.records import Annotation, Pixels


class Augment:
    """Scale, rotation and mirroring of the person's box, and colour changes of the finished crop.

    The geometry is only described here, on the annotation: one affine carries it out. Defaults are those of the
    hourglass releases: scale within 0.75 to 1.25, rotation of 30 degrees' deviation, at most twice that.

    ``colour`` holds albumentations transforms that leave coordinates alone.
    """

    def __init__(
        self,
        scale: float = 0.25,
        rotation: float = 30.0,
        rotation_probability: float = 0.4,
        flip_probability: float = 0.5,
        shift: float = 0.0,
        colour: Sequence[Any] = (),
    ) -> None:
        for name, value in (("rotation_probability", rotation_probability), ("flip_probability", flip_probability)):
            if not 0 <= value <= 1:
                raise ValueError(f"augment.{name} must lie between 0 and 1, got {value}")
        if not 0 <= scale < 1:
            raise ValueError(f"augment.scale must lie between 0 and 1, got {scale}")
        self.scale, self.rotation, self.shift = scale, rotation, shift
        self.rotation_probability, self.flip_probability = rotation_probability, flip_probability
        self._colour = _compose(colour) if colour else None

    def __call__(self, annotation: Annotation, generator: np.random.Generator) -> Annotation:
        """The annotation with a box scaled and shifted, to be cut with a rotation and perhaps mirrored.

        Draws are made in a fixed order and number, so that one setting never changes another's numbers.
        """
        normal_scale, normal_rotation = generator.standard_normal(2)
        rotate, flip = generator.random(2)
        shift = generator.uniform(-self.shift, self.shift, 2)
        factor = np.clip(1 + self.scale * normal_scale, 1 - self.scale, 1 + self.scale)
        angle = np.clip(self.rotation * normal_rotation, -2 * self.rotation, 2 * self.rotation)
        x, y, width, height = annotation.box
        centre = np.array([x + width / 2, y + height / 2]) + shift * (width, height)
        extent = np.array([width, height]) * factor
        return annotation._replace(
            box=np.concatenate([centre - extent / 2, extent]),
            rotation=float(angle) if rotate < self.rotation_probability else 0.0,
            flip=bool(flip < self.flip_probability),
        )

    def recolour(self, crop: Pixels, generator: np.random.Generator) -> Pixels:
        """The crop in changed colours.

        albumentations draws from generators of its own, which repeat themselves across workers and epochs unless
        they are seeded for every sample.
        """
        if self._colour is None:
            return crop
        self._colour.set_random_seed(int(generator.integers(2**31)))
        recoloured: Pixels = self._colour(image=crop)["image"]
        return recoloured


def _compose(transforms: Sequence[Any]) -> Any:
    # Asks the package index for its newest version on import unless told not to.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations

    return albumentations.Compose(list(transforms))
