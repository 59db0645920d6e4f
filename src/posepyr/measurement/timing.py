"""How long networks take for a batch, and how much memory: several of them in one run, measured in turn."""

import gc
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from posepyr.layers.pooling import redraw_regions

Precision = Literal["32", "bf16"]


class Settings(NamedTuple):
    """What a network is measured at."""

    input_size: tuple[int, int]
    """``(height, width)``."""
    batch: int
    precision: Precision = "32"
    """``bf16`` is automatic mixed precision, weights in 32 bits, as training does it."""
    compiled: bool = False
    channels_last: bool = True


class Call(NamedTuple):
    """Something to be timed, and what has to be done each time before the clock starts."""

    run: Callable[[], object]
    prepare: Callable[[], object]


class NetworkWork:
    """A network on made-up pictures ``B 3 H W`` in evaluation and in training.

    ``objective`` is the loss of the same pictures. A training step is what training pays for the network: gradients
    dropped, pooling regions redrawn, forward, targets and loss, backward; the optimiser is not in it.
    """

    def __init__(
        self, model: nn.Module, image: Tensor, objective: Callable[[], Tensor], settings: Settings, seed: int = 0
    ) -> None:
        layout = torch.channels_last if settings.channels_last else torch.contiguous_format
        self.model = model.to(device=image.device, memory_format=layout)  # type: ignore[call-overload]
        if settings.compiled:
            self.model.compile()
        self._image, self._objective, self._precision = image, objective, settings.precision
        self._regions = torch.Generator().manual_seed(seed)

    @property
    def evaluation(self) -> Call:
        """The forward pass without gradients."""
        return Call(self._forward, self.model.eval)

    @property
    def training(self) -> Call:
        """Forward and backward pass."""
        return Call(self._step, self.model.train)

    def _forward(self) -> None:
        with torch.no_grad(), self._casting():
            self.model(self._image)

    def _step(self) -> None:
        self.model.zero_grad()
        redraw_regions(self.model, self._regions)
        with self._casting():
            loss = self._objective()
        loss.backward()  # type: ignore[no-untyped-call]

    def _casting(self) -> torch.autocast | nullcontext[None]:
        if self._precision == "bf16":
            return torch.autocast(self._image.device.type, torch.bfloat16)
        return nullcontext()


class Taken(NamedTuple):
    """Seconds that one call took."""

    wall: float
    processor: float
    """Of this process on all of its threads: steadier than ``wall`` where other processes run too."""


Clock = Callable[[Callable[[], object]], Taken]


def cpu_clock(run: Callable[[], object]) -> Taken:
    """Times a call that is over when it returns."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return Taken(time.perf_counter() - wall, time.process_time() - processor)


def cuda_clock(run: Callable[[], object]) -> Taken:
    """Times a call by the GPU's own clock, until the GPU has done all that was asked of it."""
    begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    processor = time.process_time()
    begun.record()
    run()
    ended.record()
    torch.cuda.synchronize()
    return Taken(begun.elapsed_time(ended) / 1e3, time.process_time() - processor)


class Limits(NamedTuple):
    """How often, and how long at most."""

    warmup: int
    """Rounds that are not counted."""
    repeat: int
    seconds: float
    """After which no other round begins, the warm-up counted in; one round there is in any case."""


def in_turn(
    calls: Sequence[Call], clock: Clock, limits: Limits, now: Callable[[], float] = time.monotonic
) -> list[list[Taken]]:
    """What each call took, in rounds in which every call has one turn.

    So whatever else the machine does disturbs all alike, and figures of the same round can be held against each
    other. Nothing is collected as garbage meanwhile.
    """
    end = now() + limits.seconds
    for _ in range(limits.warmup):
        _round(calls, clock)
    rounds: list[list[Taken]] = []
    with _no_garbage_collection():
        while not rounds or (len(rounds) < limits.repeat and now() < end):
            rounds.append(_round(calls, clock))
    return [list(turns) for turns in zip(*rounds, strict=True)]


def _round(calls: Sequence[Call], clock: Clock) -> list[Taken]:
    taken = []
    for call in calls:
        call.prepare()
        taken.append(clock(call.run))
    return taken


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    collects = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class Spread(NamedTuple):
    """The median of repeated measurements and the quartiles around it."""

    median: float
    lower: float
    upper: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of some values, of which there is at least one."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, lower, upper)


def ratio(values: Sequence[float], others: Sequence[float], factor: float = 1.0) -> Spread:
    """``factor`` times how many times as much as ``others`` the values are, each against the other of its round."""
    return spread([factor * value / other for value, other in zip(values, others, strict=True)])


def figures(taken: Sequence[Taken], batch: int, first: Sequence[Taken], first_batch: int) -> dict[str, Any]:
    """A call's figures as plain data, in milliseconds a batch.

    Ratios are of the time a picture takes, to that of the ``first`` network's call in the same round.
    """
    found: dict[str, Any] = {}
    for name in Taken._fields:
        own = [getattr(turn, name) for turn in taken]
        its = [getattr(turn, name) for turn in first]
        found[f"{name}_ms"] = spread([1e3 * seconds for seconds in own])._asdict()
        found[f"{name}_ratio"] = ratio(own, its, first_batch / batch)._asdict()
        found[f"{name}_ms_by_round"] = [1e3 * seconds for seconds in own]
    return {"pictures_per_second": 1e3 * batch / found["wall_ms"]["median"], **found}


@contextmanager
def set_up(device: str, threads: int | None) -> Iterator[None]:
    """So many threads on the CPU meanwhile, and on CUDA the search for fast convolutions that training makes."""
    before = torch.get_num_threads(), torch.backends.cudnn.benchmark
    torch.set_num_threads(threads or before[0])
    torch.backends.cudnn.benchmark = device == "cuda" or before[1]
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.backends.cudnn.benchmark = before[1]


def device_name(device: str) -> str:
    """What the maker calls it, where that can be found."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    with suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()
