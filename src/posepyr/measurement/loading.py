"""How fast samples are made of a data set: on one core, step by step, and by the loader's workers."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from torch.utils.data import Sampler

from posepyr import geometry
from posepyr.data.classification.cuts import Cut
from posepyr.data.classification.labelled import LabelledPictures, LabelledSplit
from posepyr.data.formats.pictures import read_bytes, stored_size
from posepyr.data.loading.cache import CropCache
from posepyr.data.loading.dataset import Crops, Placed
from posepyr.data.loading.loader import join, prepare_worker
from posepyr.data.loading.sampler import Draw
from posepyr.data.module import OrderedData
from posepyr.measurement.timing import Call, Limits, Taken, cpu_clock, in_turn, ratio
from posepyr.records import Pixels, View

STEPS = ("read", "decode", "warp", "colour", "rest")
"""What a sample's time is split into. ``decode`` is drawing where pictures are drawn, and looking up where a cache
holds them; ``rest`` is annotations, random numbers, affines, keypoints, tensors and batches."""

Result = TypeVar("Result")


class Stopwatch:
    """Seconds by step."""

    def __init__(self) -> None:
        self.taken: dict[str, Taken] = {}

    def time(self, step: str, work: Callable[..., Result], *arguments: Any) -> Result:
        """Do a step, and add up what it takes."""
        wall, processor = time.perf_counter(), time.process_time()
        result = work(*arguments)
        before = self.taken.get(step, Taken(0.0, 0.0))
        self.taken[step] = Taken(
            before.wall + time.perf_counter() - wall, before.processor + time.process_time() - processor
        )
        return result


class TimedCrops(Crops):
    """Crops, and what their steps take."""

    def __init__(self, crops: Crops, watch: Stopwatch) -> None:
        super().__init__(crops.split, crops.skeleton, crops.rule, crops.augment, crops.seed, crops.decode)
        self.watch = watch

    def view(self, placed: Placed) -> View:
        return self.watch.time("decode", super().view, placed)

    def cut(self, placed: Placed, view: View) -> Pixels:
        return self.watch.time("warp", super().cut, placed, view)

    def recolour(self, placed: Placed, crop: Pixels) -> Pixels:
        return self.watch.time("colour", super().recolour, placed, crop)


class _TimedSplit:
    """Labelled pictures, and what getting them takes."""

    def __init__(self, split: LabelledSplit, watch: Stopwatch) -> None:
        self._split, self._watch = split, watch

    def __len__(self) -> int:
        return len(self._split)

    def picture(self, index: int) -> Pixels:
        return self._watch.time("decode", self._split.picture, index)

    def label(self, index: int) -> int:
        return self._split.label(index)


class _TimedCut:
    """A cut, and what it takes."""

    def __init__(self, cut: Cut, watch: Stopwatch) -> None:
        self.size, self._cut, self._watch = cut.size, cut, watch

    def random(self, picture: Pixels, generator: np.random.Generator) -> Pixels:
        return self._watch.time("warp", self._cut.random, picture, generator)

    def central(self, picture: Pixels) -> Pixels:
        return self._watch.time("warp", self._cut.central, picture)


def timed(samples: Crops | LabelledPictures, watch: Stopwatch) -> Crops | LabelledPictures:
    """The same samples, whose steps a watch times."""
    if isinstance(samples, Crops):
        return TimedCrops(samples, watch)
    split, cut = _TimedSplit(samples.split, watch), _TimedCut(samples.cut, watch)
    return LabelledPictures(split, cut, samples.augment, samples.seed)


class Endless(Sampler[Draw]):
    """Everybody in random order, again and again."""

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size, self.seed = size, seed

    def __iter__(self) -> Iterator[Draw]:
        generator = np.random.default_rng(self.seed)
        for epoch in itertools.count():
            for person in generator.permutation(self.size).tolist():
                yield Draw(epoch, person)


class Chunk:
    """Some draws at a time, for ways of loading them that take turns."""

    def __init__(self, samples: Crops | LabelledPictures, count: int) -> None:
        self.samples, self.count = samples, count
        self.watch = Stopwatch()
        self._timed = timed(samples, self.watch)
        self._order = iter(Endless(len(samples)))
        self._placed: list[Placed] = []
        self._draws: list[Draw] = []

    def next(self) -> None:
        """Go on to other people. They are loaded once beforehand, so that files and caches are warm for all."""
        self._draws = list(itertools.islice(self._order, self.count))
        join(_load(self.samples, self._draws))
        if isinstance(self.samples, Crops):
            self._placed = [self.samples.place(draw) for draw in self._draws]

    def load(self) -> None:
        """All of it: a batch as the loader's workers make them."""
        join(_load(self._timed, self._draws))

    def read(self) -> None:
        """Only the bytes of the picture files."""
        for placed in self._placed:
            self.watch.time("read", read_bytes, placed.annotation.image)

    def imread(self) -> None:
        """OpenCV's decoding of the whole files, and nothing else."""
        for placed in self._placed:
            cv2.imread(placed.annotation.image)

    def imread_and_warp(self) -> None:
        """The same and one affine: what cannot be saved where pictures are decoded as they are."""
        if isinstance(self.samples, Crops):
            for placed in self._placed:
                pixels: Any = cv2.imread(placed.annotation.image)
                geometry.warp(pixels, placed.matrix, self.samples.rule.input_size)


def _load(samples: Crops | LabelledPictures, draws: Sequence[Draw]) -> list[Any]:
    return samples.__getitems__(draws) if isinstance(samples, Crops) else [samples[draw] for draw in draws]


class Picture(NamedTuple):
    """What the pictures of a data set are, as far as it matters for their speed."""

    drawn: bool
    cached: bool
    on_disk: bool
    """Files of their own, which ``imread`` reads as well."""


def picture(samples: Crops | LabelledPictures) -> Picture | None:
    """What a data set's first picture is; None where it does not say."""
    if not isinstance(samples, Crops):
        return None
    image = samples.split[0].image
    return Picture(stored_size(image) is None, isinstance(samples.split, CropCache), Path(image).is_file())


def one_process(samples: Crops | LabelledPictures, count: int, limits: Limits) -> dict[str, Any]:
    """Samples per second on one core and their steps' milliseconds, beside plain decoding of the same files.

    Decoding takes turns with loading, ``count`` people at a time.
    """
    kind = picture(samples)
    chunk = Chunk(samples, count)
    calls = {"load": Call(chunk.load, chunk.next)}
    if kind and not kind.drawn and not kind.cached:
        calls["read"] = Call(chunk.read, _nothing)
    if kind and kind.on_disk:
        calls |= {
            "imread": Call(chunk.imread, _nothing), "imread_and_warp": Call(chunk.imread_and_warp, _nothing)
        }  # fmt: skip
    with _as_a_worker():
        turns = dict(zip(calls, in_turn(list(calls.values()), cpu_clock, limits), strict=True))
    loaded = turns["load"]
    return {
        "rounds": len(loaded),
        "samples": len(loaded) * count,
        "samples_per_second": _rates(loaded, count),
        "ms_a_sample": _steps(chunk.watch, loaded, count),
        "baselines": {
            name: {"samples_per_second": _rates(turns[name], count), "rate_against_it": _ratios(turns[name], loaded)}
            for name in ("imread", "imread_and_warp")
            if name in turns
        },
    }


def _nothing() -> None:
    pass


def _rates(turns: Sequence[Taken], count: int) -> dict[str, float]:
    return {name: count * len(turns) / sum(getattr(turn, name) for turn in turns) for name in Taken._fields}


def _ratios(baseline: Sequence[Taken], turns: Sequence[Taken]) -> dict[str, Any]:
    """The rate of some turns as a multiple of a baseline's, round by round."""
    return {
        name: ratio([getattr(turn, name) for turn in baseline], [getattr(turn, name) for turn in turns])._asdict()
        for name in Taken._fields
    }


def _steps(watch: Stopwatch, turns: Sequence[Taken], count: int) -> dict[str, dict[str, float]]:
    """Milliseconds that a sample spends in each step, by either clock."""
    samples = count * len(turns)
    figures: dict[str, dict[str, float]] = {step: {} for step in STEPS}
    for name in Taken._fields:
        spent = {step: getattr(taken, name) for step, taken in watch.taken.items()}
        # Views are timed as a whole, the reading in them once more by itself.
        spent["decode"] = spent.get("decode", 0.0) - spent.get("read", 0.0)
        spent["rest"] = sum(getattr(turn, name) for turn in turns) - sum(spent.values())
        for step in STEPS:
            figures[step][name] = 1e3 * spent.get(step, 0.0) / samples
    return figures


@contextmanager
def _as_a_worker() -> Iterator[None]:
    before = cv2.getNumThreads(), torch.get_num_threads()
    prepare_worker()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])


def many_workers(data: OrderedData, samples: Crops | LabelledPictures, seconds: float) -> dict[str, Any]:
    """Samples per second that come out of a data module's loader, once its workers have begun."""
    loader = data.loader(samples, Endless(len(samples)), data.batch_size)
    batches = iter(loader)
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
