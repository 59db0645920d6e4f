"""Two sets of predictions of the same people: how far apart their scores are, and how certain that is."""

from typing import NamedTuple

import numpy as np

from posepyr.data.results.predictions import CocoResults, PredictionFile
from posepyr.data.results.truths import TruthFile
from posepyr.evaluation.scoring import METRICS, ScoreSettings, pair
from posepyr.metrics.functional import joint_kinds
from posepyr.records import FloatArray
from posepyr.skeleton import Skeleton

ROUNDS = 2000
"""Resamplings of the people."""


class Difference(NamedTuple):
    """Two scores and their difference, with the interval that holds it in 95 of 100 resamplings."""

    first: float
    second: float
    difference: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Return True if zero lies outside of the interval."""
        return self.low > 0 or self.high < 0


def compare_files(
    metric: str,
    files: tuple[PredictionFile | CocoResults, PredictionFile | CocoResults],
    known: TruthFile,
    *,
    skeleton: Skeleton,
    settings: ScoreSettings,
) -> tuple[str, dict[str, Difference]]:
    """Return how a score is taken, and the differences of two files of the same people: second less first."""
    scorer = METRICS[metric].build(skeleton, settings)
    first, second = (pair(metric, found, known, skeleton) for found in files)
    ours, theirs = first[0].sample, second[0].sample
    if not np.array_equal(ours, theirs):
        raise ValueError(
            f"{files[1].file} must hold the same people as {files[0].file}, got {len(theirs)} and {len(ours)}, "
            f"{len(np.intersect1d(ours, theirs))} of them in both"
        )
    return scorer.protocol, compare(scorer.hits(*first), scorer.hits(*second), scorer.targets)


def compare(first: FloatArray, second: FloatArray, joints: tuple[str, ...], seed: int = 0) -> dict[str, Difference]:
    """Return differences of mean hits: ``mean`` over joints, and by joint with left and right taken together.

    ``first`` and ``second`` are hits ``N K`` of the same people (1, 0, NaN where a joint does not count). The interval
    is the paired bootstrap's: people are sampled with replacement, each with both of its predictions.
    """
    if first.shape != second.shape:
        raise ValueError(f"both results must be of the same people and joints, got {first.shape} and {second.shape}")
    both = ~(np.isnan(first) | np.isnan(second))
    generator = np.random.default_rng(seed)
    people = len(first)
    # How often each person is sampled in each round: the mean of a resample is then a product of matrices.
    weights = generator.multinomial(people, np.full(people, 1 / people), ROUNDS).astype(np.float64)  # R N
    weights = np.concatenate([np.ones((1, people)), weights])
    with np.errstate(invalid="ignore"):
        counted = weights @ both  # R+1 K
        shares = [weights @ np.where(both, hits, 0.0) / counted for hits in (first, second)]
    groups = {"mean": list(range(len(joints)))} | joint_kinds(joints)
    found = {name: _difference(*(share[:, members] for share in shares)) for name, members in groups.items()}
    return {name: difference for name, difference in found.items() if not np.isnan(difference.difference)}


def _difference(first: FloatArray, second: FloatArray) -> Difference:
    """Compare shares ``R+1 K`` of some joints, whose first row is that of the people as they are."""
    kept = ~np.isnan(first[0])
    if not kept.any():
        return Difference(*[float("nan")] * 5)
    # A resample of few people may hold none with one of these joints: it has no mean.
    usable = ~np.isnan(first[:, kept]).all(axis=1)
    ones, twos = (np.nanmean(share[usable][:, kept], axis=1) for share in (first, second))
    low, high = np.quantile((twos - ones)[1:], [0.025, 0.975])
    return Difference(float(ones[0]), float(twos[0]), float(twos[0] - ones[0]), float(low), float(high))
