"""Two sets of predictions for the same people: how far apart they are, and how sure that is."""

from typing import NamedTuple

import numpy as np

from posepyr.metrics.functional import joint_kinds
from posepyr.records import FloatArray

ROUNDS = 2000
"""Resamplings of the people."""


class Difference(NamedTuple):
    """Second less first, with the interval that holds it in 95 of 100 resamplings."""

    first: float
    second: float
    difference: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def compare(first: FloatArray, second: FloatArray, joints: tuple[str, ...], seed: int = 0) -> dict[str, Difference]:
    """Differences of mean hits: ``mean`` over joints, and by joint with left and right taken together.

    ``first`` and ``second`` are hits ``N K`` of the same people (1, 0, NaN where not asked for). The interval is the
    paired bootstrap's: people are drawn anew, each with both of its predictions.
    """
    if first.shape != second.shape:
        raise ValueError(f"both results must be of the same people and joints, got {first.shape} and {second.shape}")
    both = ~(np.isnan(first) | np.isnan(second))
    generator = np.random.default_rng(seed)
    people = len(first)
    # How often each person is drawn in each round: the mean of a resample is then a product of matrices.
    weights = generator.multinomial(people, np.full(people, 1 / people), ROUNDS).astype(np.float64)  # R N
    weights = np.concatenate([np.ones((1, people)), weights])
    with np.errstate(invalid="ignore"):
        counted = weights @ both  # R+1 K
        shares = [weights @ np.where(both, hits, 0.0) / counted for hits in (first, second)]
    groups = {"mean": list(range(len(joints)))} | joint_kinds(joints)
    found = {name: _difference(*(share[:, members] for share in shares)) for name, members in groups.items()}
    return {name: difference for name, difference in found.items() if not np.isnan(difference.difference)}


def _difference(first: FloatArray, second: FloatArray) -> Difference:
    """Of shares ``R+1 K`` of some joints, the first row being that of the people as they are."""
    kept = ~np.isnan(first[0])
    if not kept.any():
        return Difference(*[float("nan")] * 5)
    # Of few people a resampling may draw nobody whose joints these are: it has no mean.
    drawn = ~np.isnan(first[:, kept]).all(axis=1)
    ones, twos = (np.nanmean(share[drawn][:, kept], axis=1) for share in (first, second))
    low, high = np.quantile((twos - ones)[1:], [0.025, 0.975])
    return Difference(float(ones[0]), float(twos[0]), float(twos[0] - ones[0]), float(low), float(high))
