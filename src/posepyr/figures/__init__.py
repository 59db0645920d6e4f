"""Procedurally drawn people: data that needs no download. A picture is a function of its numbers alone."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class RandomStream:
    """A sequence of uniform random numbers, used up one by one in a fixed order.

    Each part of a scene has a stream of its own, so that one that needs more of them shifts nobody else's: the same
    picture at another difficulty is the same scene with other strengths.
    """

    def __init__(self, uniforms: Sequence[float]) -> None:
        self.uniform = iter(uniforms).__next__

    def between(self, low: float, high: float) -> float:
        """Return a number from an interval."""
        return low + (high - low) * self.uniform()

    def around(self, centre: float, spread: float) -> float:
        """Return a number of bell-shaped distribution with standard deviation ``spread``, within three of them.

        A sum of three uniform numbers: a normal generator's rejections could turn on a platform's rounding.
        """
        return centre + spread * (2.0 * (self.uniform() + self.uniform() + self.uniform()) - 3.0)

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.uniform() < probability

    def pick(self, options: Sequence[T]) -> T:
        """Return one of several, all equally likely."""
        return options[int(self.uniform() * len(options))]


def random_streams(numbers: tuple[int, ...], streams: int, length: int = 144) -> list[RandomStream]:
    """Return several independent streams that depend on a tuple of numbers and nothing else."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(numbers)))
    return [RandomStream(row) for row in generator.random((streams, length)).tolist()]
