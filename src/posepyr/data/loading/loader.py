"""The order in which samples are shown, how many at a time, and the loader that shows them."""

import contextlib
import ctypes
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from torch.utils.data import DataLoader, Sampler, default_collate


class SampleIndex(NamedTuple):
    """The index of a sample: a person in an epoch, which travels along so that a worker needs no state of its own."""

    epoch: int
    person: int
    scale: float = 1.0
    """Of the person's box: more shows more of what is around."""


class TrainingOrder(Sampler[SampleIndex]):
    """Whole global batches in an order that changes every epoch; the last, incomplete batch is left out.

    Of each global batch a process gets its contiguous share, so that N processes see together what one would.
    ``start`` is the number of global batches of ``start_epoch`` that an interrupted run has already seen: the length
    stays that of the whole epoch, and the iteration begins there.
    """

    def __init__(self, size: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1) -> None:
        if size < batch_size:
            raise ValueError(
                f"the training split must hold at least one batch of {batch_size} people, got {size}; lower batch_size"
            )
        self.size, self.batch_size, self.seed = size, batch_size, seed
        self.rank, self.world = rank, world
        self.epoch = 0
        self.start_epoch, self.start = 0, 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, as Lightning does before each."""
        self.epoch = epoch

    def resume(self, epoch: int, batches: int) -> None:
        """Begin inside an epoch, after so many batches of it."""
        self.start_epoch, self.start = epoch, batches

    @property
    def batches(self) -> int:
        """Return the number of global batches in an epoch."""
        return self.size // self.batch_size

    def __len__(self) -> int:
        return self.batches * self.batch_size // self.world

    def __iter__(self) -> Iterator[SampleIndex]:
        first = self.start if self.epoch == self.start_epoch else 0
        share = self.batch_size // self.world
        order = self._order()[: self.batches * self.batch_size].reshape(self.batches, self.world, share)
        for index in order[first:, self.rank].ravel():
            yield SampleIndex(self.epoch, int(index))

    def _order(self) -> npt.NDArray[np.int64]:
        generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, self.epoch])))
        return generator.permutation(self.size)


class EvaluationOrder(Sampler[SampleIndex]):
    """Each of ``people`` once, in order, dealt to the processes in turn: no one twice, no one lost.

    With several ``scales`` each person is shown once at each, one after the other.
    """

    def __init__(
        self, people: Sequence[int], *, rank: int = 0, world: int = 1, scales: Sequence[float] = (1.0,)
    ) -> None:
        self._indices, self._scales = people[rank::world], tuple(scales)

    def __len__(self) -> int:
        return len(self._indices) * len(self._scales)

    def __iter__(self) -> Iterator[SampleIndex]:
        return (SampleIndex(0, index, scale) for index in self._indices for scale in self._scales)


class GlobalBatch(NamedTuple):
    """A batch of all processes, each of which takes its share at once or, so that a device can hold it, in passes."""

    size: int
    world: int = 1
    """How many processes share it."""
    device_batch: int | None = None
    """The most samples that a device takes at a time, where they are limited."""

    @property
    def share(self) -> int:
        """Return the number of samples that a process takes."""
        return self.size // self.world

    @property
    def most_at_once(self) -> int:
        """Return the most samples that a process takes at a time: one where there are more processes than samples."""
        share = max(1, self.share)
        return share if self.device_batch is None else min(share, self.device_batch)

    @property
    def passes(self) -> int:
        """Return the number of passes in which a process trains on its share; all of them are of one size."""
        if self.size % self.world:
            raise ValueError(
                f"batch_size is the global batch and must be divisible by the {self.world} processes, got {self.size}"
            )
        if self.share % self.most_at_once:
            raise ValueError(
                f"device_batch must divide a process's share of {self.share} of batch_size={self.size}, "
                f"got {self.device_batch}"
            )
        return self.share // self.most_at_once

    def describe(self) -> str:
        """Return in words how the batch is divided, as ``batch of 16 samples: all at once``."""
        parts = [f"{_samples(self.share)} in each of {self.world} processes"] if self.world > 1 else []
        if self.passes > 1:
            at_once = _samples(self.most_at_once)
            parts.append(f"{at_once} at a time, gradients added up over {self.passes} passes")
        return f"batch of {_samples(self.size)}: {', '.join(parts) or 'all at once'}"


def _samples(count: int) -> str:
    return "1 sample" if count == 1 else f"{count} samples"


def spread(images: npt.NDArray[np.str_], count: int) -> list[int]:
    """Return the numbers of ``count`` people, in pictures spread evenly over the split; everybody if it has no more.

    ``images`` ``N`` are the pictures that a split's people are in. Everybody in a picture is taken, for there are
    scores that miss who is not: so there may be a few people more than ``count``.
    """
    if count >= len(images):
        return list(range(len(images)))
    _, first, picture = np.unique(images, return_index=True, return_inverse=True)
    rank_of_picture = np.argsort(np.argsort(first))[picture]  # N: pictures in the order of their first people
    sizes = np.bincount(rank_of_picture)
    pictures = max(1, count // int(sizes.max()))
    while sizes[chosen := np.arange(pictures) * len(sizes) // pictures].sum() < count:
        pictures += 1
    found: list[int] = np.flatnonzero(np.isin(rank_of_picture, chosen)).tolist()
    return found


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""The numbers of two of glibc's settings."""


class WatchedLoader(DataLoader[Any]):
    """A loader that knows for how many seconds it has kept others waiting."""

    waited = 0.0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # Torch names a class of its own that only iterates
        batches = super().__iter__()
        while True:
            begun = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            finally:
                self.waited += time.perf_counter() - begun
            yield batch


def join(samples: Sequence[Any]) -> Any:
    """Join samples with an ``image`` to a batch, whose images stay laid out as they were cut: channels last.

    So they are copied in one piece; a network in that layout takes them as they are.
    """
    laid_out = [sample._replace(image=sample.image.permute(1, 2, 0)) for sample in samples]
    batch = default_collate(laid_out)
    return batch._replace(image=batch.image.permute(0, 3, 1, 2))


def prepare_worker(_worker: int = 0) -> None:
    """Set one thread, since the workers share the cores already, and keep freed memory."""
    cv2.setNumThreads(0)
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Have the C library keep what is freed, up to 256 MB, for the next picture.

    Otherwise it returns every large picture's memory to the system and has it back cleared, page by page: of 1920 x
    1080 pixels, decoding takes two thirds longer for it. Only glibc knows this setting, and only there is it needed.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, 32 * 2**20)
        library.mallopt(_TRIM_THRESHOLD, 256 * 2**20)
