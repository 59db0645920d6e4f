"""The process of a run: its open files, the warnings of libraries, and its state as it was before."""

import logging
import os
import random
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

OPEN_FILES = 65536
"""Enough for loaders with many workers: every batch on its way from a worker takes several open files."""

UNHELPFUL = (
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",  # between Lightning's code and Torch's
    r".*does not have many workers which may be a bottleneck",  # data.workers says how many
    r"Checkpoint directory .* exists and is not empty",  # as it must when a run goes on
    r"The number of training batches .* is smaller than the logging interval",
    r"It is recommended to use `self.log\(.*sync_dist=True",  # our metrics are summed over processes already
    r"Grad strides do not match bucket view strides",  # of 1x1 filters, whose memory is the same in both layouts
    r"`ModelCheckpoint\(monitor=.*could not find the monitored key",  # before a first validation; after it, an error
    r"You're resuming from a checkpoint that ended before the epoch ended",  # our sampler begins where it ended
)
"""Beginnings of warnings, as regular expressions, about which a user of posepyr can do nothing."""


def allow_open_files() -> int | None:
    """Raise the limit of open files of this process and its workers as far as allowed; return it, None on Windows."""
    if os.name != "posix":
        return None
    import resource  # Windows has none.

    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    if limit != resource.RLIM_INFINITY and limit < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
        return wanted
    return limit


@contextmanager
def quiet() -> Iterator[None]:
    """Hide Lightning's and Torch's unhelpful warnings, and Lightning's information."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in UNHELPFUL:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def unchanged_process_state() -> Iterator[None]:
    """Put back at the end, also after an error, whatever of a process's state is in ``STATE``, and its warnings."""
    with warnings.catch_warnings():
        before = [get() for get, _ in STATE]
        try:
            yield
        finally:
            for value, (_, put_back) in zip(before, STATE, strict=True):
                put_back(value)


def _environment() -> dict[str, str]:
    return dict(os.environ)


def _set_environment(before: dict[str, str]) -> None:
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


def _signal_handlers() -> dict[int, Any]:
    # But SIGCHLD: Torch sets its handler once a process, by which it tells how a loader's worker ended.
    child = getattr(signal, "SIGCHLD", None)
    return {number: signal.getsignal(number) for number in signal.valid_signals() if number != child}


def _set_signal_handlers(before: dict[int, Any]) -> None:
    # Python lets the main thread alone set handlers, so that no other has changed any.
    if threading.current_thread() is not threading.main_thread():
        return
    for number, handler in before.items():
        if signal.getsignal(number) is not handler and handler is not None:
            signal.signal(number, handler)


def _loggers() -> dict[logging.Logger, tuple[int, bool, list[logging.Handler]]]:
    named = [logger for logger in logging.Logger.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    return {logger: (logger.level, logger.disabled, logger.handlers[:]) for logger in [logging.getLogger(), *named]}


def _set_loggers(before: dict[logging.Logger, tuple[int, bool, list[logging.Handler]]]) -> None:
    for logger, (level, disabled, handlers) in before.items():
        logger.setLevel(level)
        logger.disabled = disabled
        logger.handlers[:] = handlers


def _cuda_generators() -> list[torch.Tensor]:
    # To ask for them would start CUDA, which takes a second and a GPU's memory.
    started = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # Torch gives it no types
    return torch.cuda.get_rng_state_all() if started else []


def _set_cuda_generators(before: list[torch.Tensor]) -> None:
    if before:
        torch.cuda.set_rng_state_all(before)


def _algorithms() -> tuple[bool, bool, bool, bool]:
    strict = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    return strict, warn_only, torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic


def _set_algorithms(before: tuple[bool, bool, bool, bool]) -> None:
    strict, warn_only, torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = before
    torch.use_deterministic_algorithms(strict, warn_only=warn_only)


STATE: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (_environment, _set_environment),
    (_signal_handlers, _set_signal_handlers),
    (_loggers, _set_loggers),
    (random.getstate, random.setstate),
    (np.random.get_state, np.random.set_state),
    (torch.get_rng_state, torch.set_rng_state),
    (_cuda_generators, _set_cuda_generators),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (_algorithms, _set_algorithms),
)
"""Readers of each part of the state, and functions that put it back."""
