"""Torch's loader as it is used here: what its workers set, how batches are laid out, how long they were waited for."""

import contextlib
import ctypes
import time
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
from torch.utils.data import DataLoader, default_collate

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""The numbers of two of glibc's settings."""


class WatchedLoader(DataLoader[Any]):
    """A loader that knows for how many seconds it has kept others waiting."""

    waited = 0.0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
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
    """Samples with an ``image`` to a batch of them, whose images stay laid out as they were cut: channels last.

    So they are copied in one piece; a network in that layout takes them as they are.
    """
    laid_out = [sample._replace(image=sample.image.permute(1, 2, 0)) for sample in samples]
    batch = default_collate(laid_out)
    return batch._replace(image=batch.image.permute(0, 3, 1, 2))


def prepare_worker(_worker: int = 0) -> None:
    """One thread, since the workers share the cores already; and memory that stays."""
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
