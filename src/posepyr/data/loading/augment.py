"""Random changes of a training sample, drawn from the sample's own generator."""

import functools
import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from posepyr import geometry
from posepyr.geometry import CropRule, Reach
from posepyr.records import NOT_LABELLED, Annotation, FloatArray, Pixels
from posepyr.skeleton import Skeleton

HalfCentre = Literal["mean", "middle"]
"""The centre of half a person: the mean of its joints, or the middle of their box."""


class Augment:
    """Scale, rotation and mirroring of the person's box, and colour changes of the finished crop.

    The geometry is only described here, on the annotation: one affine carries it out. Defaults are those of the
    hourglass releases: scale within 0.75 to 1.25, rotation of 30 degrees' deviation, at most ``rotation_limit``, by
    default twice that. ``half_body`` is how often the box of a person with more than eight labelled joints becomes
    that of the upper or of the lower ones alone, as HRNet trains (Wang et al. 2018). ``half_centre`` is where it lies:
    about the ``mean`` of these joints, as in HRNet's release, or about the ``middle`` of their box.

    ``colour`` holds albumentations transforms that leave coordinates alone.
    """

    def __init__(
        self,
        *,
        scale: float = 0.25,
        rotation: float = 30.0,
        rotation_probability: float = 0.4,
        flip_probability: float = 0.5,
        shift: float = 0.0,
        colour: Sequence[Any] = (),
        rotation_limit: float | None = None,
        half_body: float = 0.0,
        half_centre: HalfCentre = "mean",
    ) -> None:
        for name, value in (
            ("rotation_probability", rotation_probability),
            ("flip_probability", flip_probability),
            ("half_body", half_body),
        ):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, got {value}")
        if rotation_limit is not None and not 0 <= rotation_limit <= 180:
            raise ValueError(f"rotation_limit must lie between 0 and 180 degrees, got {rotation_limit}")
        if not 0 <= scale < 1:
            raise ValueError(f"scale must lie between 0 and 1, got {scale}")
        if half_centre not in ("mean", "middle"):
            raise ValueError(f"half_centre must be mean or middle, got {half_centre!r}")
        self.scale, self.rotation, self.shift = scale, rotation, shift
        self.rotation_probability, self.flip_probability = rotation_probability, flip_probability
        self.rotation_limit = 2 * rotation if rotation_limit is None else rotation_limit
        self.half_body, self.half_centre = half_body, half_centre
        self._colour = _compose(colour) if colour else None

    def __call__(self, annotation: Annotation, skeleton: Skeleton, generator: np.random.Generator) -> Annotation:
        """Return the annotation with its box scaled and shifted, a rotation, and a flip by chance.

        Draws are made in a fixed order and number, so that one setting never changes another's numbers.
        """
        normal_scale, normal_rotation = generator.standard_normal(2)
        rotate, flip = generator.random(2)
        shift = generator.uniform(-self.shift, self.shift, 2)
        factor = min(max(1 + self.scale * normal_scale, 1 - self.scale), 1 + self.scale)
        angle = min(max(self.rotation * normal_rotation, -self.rotation_limit), self.rotation_limit)
        halve, normal_half = generator.random(), generator.standard_normal()
        # The release compares a normal draw, not a uniform one, with 1/2: the upper half in 69% of the cases.
        upper = bool(normal_half < 0.5)
        half = half_of(annotation, skeleton, upper, self.half_centre) if halve < self.half_body else None
        x, y, width, height = annotation.box if half is None else half
        centre = np.array([x + width / 2, y + height / 2]) + shift * (width, height)
        extent = np.array([width, height]) * factor
        return annotation._replace(
            box=np.concatenate([centre - extent / 2, extent]),
            rotation=float(angle) if rotate < self.rotation_probability else 0.0,
            flip=bool(flip < self.flip_probability),
        )

    def reach(self, annotation: Annotation, skeleton: Skeleton, rule: CropRule) -> Reach:
        """Return the rectangle that any crop of a person may show, whatever is sampled."""
        boxes = [annotation.box]
        if self.half_body > 0:
            halves = (half_of(annotation, skeleton, upper, self.half_centre) for upper in (True, False))
            boxes += [half for half in halves if half is not None]
        rotation = self.rotation_limit if self.rotation_probability > 0 else 0.0
        reaches = [geometry.reach(box, rule, self.scale, self.shift, rotation) for box in boxes]
        return functools.reduce(Reach.join, reaches)

    def recolour(self, crop: Pixels, generator: np.random.Generator) -> Pixels:
        """Return the crop in changed colours.

        albumentations draws from generators of its own, which repeat themselves across workers and epochs unless
        they are seeded for every sample.
        """
        if self._colour is None:
            return crop
        self._colour.set_random_seed(int(generator.integers(2**31)))
        recoloured: Pixels = self._colour(image=crop)["image"]
        return recoloured


LEAST_FOR_HALF, LEAST_IN_HALF = 9, 3
"""Labelled joints that a person must have for half of the body to be shown, and a half to be shown gladly."""

HALF_WIDENING = 1.2
"""Of a half's box before the padding: the release pads it by 1.5 in all, where a whole person has 1.25."""


def half_of(annotation: Annotation, skeleton: Skeleton, upper: bool, centre: HalfCentre = "mean") -> FloatArray | None:
    """Return the box of half a person: the other half where the chosen one has too few joints, None without any.

    HRNet's release: as large as the box of the joints, widened, but about their mean. So a joint far from the others
    may lie outside: a wrist, where the rest is the head's.
    """
    if not skeleton.lower_body:
        raise ValueError(
            f"half_body must be 0 where the skeleton names no lower_body, as {skeleton.name!r}; "
            "name its joints under skeleton.lower_body"
        )
    labelled = annotation.visibility != NOT_LABELLED
    if labelled.sum() < LEAST_FOR_HALF:
        return None
    low = np.isin(skeleton.joints, skeleton.lower_body)
    above, below = labelled & ~low, labelled & low
    first, second = (above, below) if upper else (below, above)
    chosen = annotation.keypoints[first if first.sum() >= LEAST_IN_HALF else second]
    extent = np.ptp(chosen, axis=0)
    if not extent.any():
        return None
    if centre == "mean":
        start = chosen.mean(axis=0) - extent * HALF_WIDENING / 2
    else:
        start = chosen.min(axis=0) - extent * (HALF_WIDENING - 1) / 2
    return np.concatenate([start, extent * HALF_WIDENING])


def _compose(transforms: Sequence[Any]) -> Any:
    # Asks the package index for its newest version on import unless told not to.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations

    return albumentations.Compose(list(transforms))
