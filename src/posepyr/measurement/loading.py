"""Speed at which samples of a data set are made: on one core, step by step, and by the loader's workers."""

import copy
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from torch.utils.data import Sampler

from posepyr import geometry
from posepyr.data.classification.labelled import LabelledPictures
from posepyr.data.formats.pictures import read_bytes, stored_size
from posepyr.data.loading.cache import CropCache
from posepyr.data.loading.dataset import Crops, PlacedPerson
from posepyr.data.loading.loader import SampleIndex, join, prepare_worker
from posepyr.data.module import OrderedData
from posepyr.measurement.timing import Budget, Duration, Workload, cpu_clock, ratio, time_in_turn

STEPS = ("read", "decode", "warp", "colour", "rest")
"""Steps of a sample. ``decode`` renders pictures that are drawn, and looks up those in a cache; ``rest`` is
annotations, random numbers, affines, keypoints, tensors and batches."""

BASELINES = ("imread", "imread_and_warp")
"""Plain decoding of the same files by OpenCV, alone and with one affine."""

Samples = Crops | LabelledPictures
Result = TypeVar("Result")
Owner = TypeVar("Owner")


class Stopwatch:
    """Time spent in each step."""

    def __init__(self) -> None:
        self.spent: dict[str, Duration] = {}

    def time(self, step: str, work: Callable[..., Result], *arguments: Any) -> Result:
        """Do a piece of work, and add its time to a step."""
        wall, processor = time.perf_counter(), time.process_time()
        result = work(*arguments)
        before = self.spent.get(step, Duration(0.0, 0.0))
        self.spent[step] = Duration(
            before.wall + time.perf_counter() - wall, before.processor + time.process_time() - processor
        )
        return result

    def attach(self, owner: Owner, steps: Mapping[str, str]) -> Owner:
        """Return a shallow copy of an object whose methods are timed as the steps they map to."""
        twin = copy.copy(owner)
        for method, step in steps.items():
            setattr(twin, method, partial(self.time, step, getattr(owner, method)))
        return twin


def timed(samples: Samples, watch: Stopwatch) -> Samples:
    """Return the same samples with their steps timed."""
    if isinstance(samples, Crops):
        return watch.attach(samples, {"view": "decode", "cut": "warp", "recolour": "colour"})
    split = watch.attach(samples.split, {"picture": "decode"})
    cut = watch.attach(samples.cut, {"random": "warp", "central": "warp"})
    return LabelledPictures(split, cut, samples.augment, samples.seed)


class EndlessOrder(Sampler[SampleIndex]):
    """Every sample once an epoch in random order, epoch after epoch without end."""

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size, self.seed = size, seed

    def __iter__(self) -> Iterator[SampleIndex]:
        generator = np.random.default_rng(self.seed)
        for epoch in itertools.count():
            for person in generator.permutation(self.size).tolist():
                yield SampleIndex(epoch, person)


class Chunk:
    """The samples of one round, which ways of loading take turns with."""

    def __init__(self, samples: Samples, count: int) -> None:
        self.samples, self.count = samples, count
        self.watch = Stopwatch()
        self._timed = timed(samples, self.watch)
        self._order = iter(EndlessOrder(len(samples)))
        self._placed: list[PlacedPerson] = []
        self._draws: list[SampleIndex] = []

    def advance(self) -> None:
        """Go on to the next samples, and load them once so that files and caches are warm for every way."""
        self._draws = list(itertools.islice(self._order, self.count))
        join(_load(self.samples, self._draws))
        if isinstance(self.samples, Crops):
            self._placed = [self.samples.place(draw) for draw in self._draws]

    def load(self) -> None:
        """Make a batch as the loader's workers do."""
        join(_load(self._timed, self._draws))

    def read(self) -> None:
        """Read the bytes of the picture files, and nothing else."""
        for placed in self._placed:
            self.watch.time("read", read_bytes, placed.annotation.image)

    def imread(self) -> None:
        """Decode the whole files by OpenCV, and nothing else."""
        for placed in self._placed:
            cv2.imread(placed.annotation.image)

    def imread_and_warp(self) -> None:
        """Decode the same files, and warp each by one affine: the least that full decoding can take."""
        if isinstance(self.samples, Crops):
            for placed in self._placed:
                pixels: Any = cv2.imread(placed.annotation.image)
                geometry.warp(pixels, placed.matrix, self.samples.rule.input_size)


def _load(samples: Samples, draws: Sequence[SampleIndex]) -> list[Any]:
    return samples.__getitems__(draws) if isinstance(samples, Crops) else [samples[draw] for draw in draws]


class PictureKind(NamedTuple):
    """Properties of a data set's pictures that their speed depends on."""

    drawn: bool
    cached: bool
    on_disk: bool
    """In files, which ``imread`` reads as well."""


def picture_kind(samples: Samples) -> PictureKind | None:
    """Return the kind of a data set's first picture; None for labelled pictures, which do not name their files."""
    if not isinstance(samples, Crops):
        return None
    image = samples.split[0].image
    return PictureKind(stored_size(image) is None, isinstance(samples.split, CropCache), Path(image).is_file())


def measure_one_core(samples: Samples, count: int, budget: Budget) -> dict[str, Any]:
    """Return samples a second on one core and the milliseconds of their steps, as plain data.

    The baselines decode the same files in turn with the loading, ``count`` samples a round.
    """
    kind = picture_kind(samples)
    chunk = Chunk(samples, count)
    workloads = {"load": Workload(chunk.load, chunk.advance)}
    if kind and not kind.drawn and not kind.cached:
        workloads["read"] = Workload(chunk.read, _no_preparation)
    if kind and kind.on_disk:
        workloads |= {name: Workload(getattr(chunk, name), _no_preparation) for name in BASELINES}
    with _worker_settings():
        durations = dict(zip(workloads, time_in_turn(list(workloads.values()), cpu_clock, budget), strict=True))
    loaded = durations.pop("load")
    return {
        "rounds": len(loaded),
        "samples": len(loaded) * count,
        "samples_per_second": _rates(loaded, count),
        "ms_a_sample": _step_times(chunk.watch, loaded, count),
        "baselines": {
            name: {
                "samples_per_second": _rates(durations[name], count),
                "rate_against_it": _rate_ratios(durations[name], loaded),
            }
            for name in BASELINES
            if name in durations
        },
    }


def _no_preparation() -> None:
    pass


def _rates(durations: Sequence[Duration], count: int) -> dict[str, float]:
    return {clock: count * len(durations) / sum(_seconds(durations, clock)) for clock in Duration._fields}


def _rate_ratios(baseline: Sequence[Duration], durations: Sequence[Duration]) -> dict[str, Any]:
    """Return the rate of the durations as a multiple of the baseline's, round by round, by either clock."""
    return {clock: ratio(_seconds(baseline, clock), _seconds(durations, clock))._asdict() for clock in Duration._fields}


def _step_times(watch: Stopwatch, durations: Sequence[Duration], count: int) -> dict[str, dict[str, float]]:
    """Return the milliseconds that a sample spends in each step, by either clock."""
    samples = count * len(durations)
    figures: dict[str, dict[str, float]] = {step: {} for step in STEPS}
    for clock in Duration._fields:
        spent = {step: getattr(duration, clock) for step, duration in watch.spent.items()}
        # Decoding is timed with the reading in it, and reading once more alone.
        spent["decode"] = spent.get("decode", 0.0) - spent.get("read", 0.0)
        spent["rest"] = sum(_seconds(durations, clock)) - sum(spent.values())
        for step in STEPS:
            figures[step][clock] = 1e3 * spent.get(step, 0.0) / samples
    return figures


def _seconds(durations: Sequence[Duration], clock: str) -> list[float]:
    return [getattr(duration, clock) for duration in durations]


@contextmanager
def _worker_settings() -> Iterator[None]:
    """Use one thread, as a loader's worker does, until the block ends."""
    before = cv2.getNumThreads(), torch.get_num_threads()
    prepare_worker()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])


def measure_loader(data: OrderedData, samples: Samples, seconds: float) -> dict[str, Any]:
    """Return the samples a second of a data module's loader once its workers run, as plain data."""
    batches = iter(data.loader(samples, EndlessOrder(len(samples)), data.batch_size))
    for _ in range(2 * max(1, data.workers)):
        next(batches)
    begun, count = time.perf_counter(), 0
    while not count or time.perf_counter() - begun < seconds:
        next(batches)
        count += 1
    rate = count * data.batch_size / (time.perf_counter() - begun)
    return {
        "workers": data.workers,
        "batches": count,
        "samples_per_second": rate,
        "samples_per_second_a_worker": rate / max(1, data.workers),
    }
