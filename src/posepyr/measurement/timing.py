"""Times of networks and of other work: repeated in rounds in which all take turns, then summarised."""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from posepyr.layers.pooling import redraw_regions

Precision = Literal["32", "bf16"]
Result = TypeVar("Result")


class Settings(NamedTuple):
    """Settings that a network is measured at."""

    input_size: tuple[int, int]
    """``(height, width)``."""
    batch: int
    precision: Precision = "32"
    """``bf16`` is automatic mixed precision, with weights in 32 bits, as in training."""
    compiled: bool = False
    channels_last: bool = True


class Workload(NamedTuple):
    """Work to be timed, and the preparation that comes before it each time, outside of the time."""

    run: Callable[[], object]
    prepare: Callable[[], object]


class NetworkWork:
    """A network's passes on a batch of synthetic pictures ``B 3 H W``.

    ``objective`` computes the loss of the same pictures. A training step here is the network's share of a real one:
    gradients dropped, pooling regions redrawn, forward, targets and loss, backward. The optimizer is left out.
    """

    def __init__(
        self, model: nn.Module, image: Tensor, objective: Callable[[], Tensor], settings: Settings, *, seed: int = 0
    ) -> None:
        layout = torch.channels_last if settings.channels_last else torch.contiguous_format
        self.model = model.to(device=image.device, memory_format=layout)  # type: ignore[call-overload]  # stubs lack it
        if settings.compiled:
            self.model.compile()
        self._image, self._objective, self._precision = image, objective, settings.precision
        self._regions = torch.Generator().manual_seed(seed)

    @property
    def evaluation(self) -> Workload:
        """Return the forward pass without gradients."""
        return Workload(self._forward, self.model.eval)

    @property
    def training(self) -> Workload:
        """Return the forward and backward pass."""
        return Workload(self._step, self.model.train)

    def _forward(self) -> None:
        with torch.no_grad(), self._autocast():
            self.model(self._image)

    def _step(self) -> None:
        self.model.zero_grad()
        redraw_regions(self.model, self._regions)
        with self._autocast():
            loss = self._objective()
        loss.backward()  # type: ignore[no-untyped-call]  # Torch's backward is not annotated

    def _autocast(self) -> torch.autocast | nullcontext[None]:
        if self._precision == "bf16":
            return torch.autocast(self._image.device.type, torch.bfloat16)
        return nullcontext()


class Duration(NamedTuple):
    """Seconds that work took."""

    wall: float
    processor: float
    """Of this process on all of its threads: steadier than ``wall`` where other processes run too."""


Clock = Callable[[Callable[[], object]], Duration]


def cpu_clock(run: Callable[[], object]) -> Duration:
    """Time work that is done when its call returns."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return Duration(time.perf_counter() - wall, time.process_time() - processor)


def cuda_clock(run: Callable[[], object]) -> Duration:
    """Time work by the GPU's own clock, until the GPU has finished all of it."""
    begun, ended = (
        torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # Torch's events are not annotated
        for _ in range(2)
    )
    processor = time.process_time()
    begun.record()
    run()
    ended.record()
    torch.cuda.synchronize()
    return Duration(begun.elapsed_time(ended) / 1e3, time.process_time() - processor)


class Budget(NamedTuple):
    """Number of rounds, and the time that they may take."""

    warmup: int
    """Rounds before those that count."""
    repeat: int
    seconds: float
    """No round begins after so long, the warm-up included; but one is always measured."""


def repeat_rounds(
    programs: Sequence[Callable[[], Result]],
    budget: Budget,
    *,
    now: Callable[[], float] = time.monotonic,
    begin: Callable[[int], object] = lambda _: None,
) -> list[list[Result]]:
    """Run all programs once in each round and return each one's results, round by round.

    Other load on the machine so disturbs all of them alike, and results of the same round can be compared.
    ``begin`` is called with the number of each round that counts.
    """
    end = now() + budget.seconds
    for _ in range(budget.warmup):
        for program in programs:
            program()
    rounds: list[list[Result]] = []
    while not rounds or (len(rounds) < budget.repeat and now() < end):
        begin(len(rounds))
        rounds.append([program() for program in programs])
    return [list(results) for results in zip(*rounds, strict=True)]


def time_in_turn(
    workloads: Sequence[Workload], clock: Clock, budget: Budget, now: Callable[[], float] = time.monotonic
) -> list[list[Duration]]:
    """Time workloads in rounds, without garbage collection; return each one's durations, round by round."""

    def timed(workload: Workload) -> Duration:
        workload.prepare()
        return clock(workload.run)

    with _no_garbage_collection():
        return repeat_rounds([partial(timed, workload) for workload in workloads], budget, now=now)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Quartiles(NamedTuple):
    """The median of repeated measurements and the quartiles around it."""

    median: float
    lower: float
    upper: float


def quartiles(values: Sequence[float]) -> Quartiles:
    """Return the quartiles of one value or more."""
    if len(values) == 1:
        return Quartiles(values[0], values[0], values[0])
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Quartiles(median, lower, upper)


def ratio(values: Sequence[float], others: Sequence[float], factor: float = 1.0) -> Quartiles:
    """Return the quartiles of ``factor * value / other``, each value divided by the other one of its round."""
    return quartiles([factor * value / other for value, other in zip(values, others, strict=True)])


def summarise(durations: Sequence[Duration], batch: int, first: Sequence[Duration], first_batch: int) -> dict[str, Any]:
    """Return a workload's figures as plain data, in milliseconds a batch.

    Ratios compare the time a picture takes with that of the ``first`` network in the same round.
    """
    figures: dict[str, Any] = {}
    for clock in Duration._fields:
        seconds = [getattr(duration, clock) for duration in durations]
        first_seconds = [getattr(duration, clock) for duration in first]
        figures[f"{clock}_ms"] = quartiles([1e3 * value for value in seconds])._asdict()
        figures[f"{clock}_ratio"] = ratio(seconds, first_seconds, first_batch / batch)._asdict()
        figures[f"{clock}_ms_by_round"] = [1e3 * value for value in seconds]
    return {"pictures_per_second": 1e3 * batch / figures["wall_ms"]["median"], **figures}


@contextmanager
def torch_settings(device: str, threads: int | None) -> Iterator[None]:
    """Set Torch's threads on the CPU, and on CUDA its search for fast convolutions, until the block ends."""
    before = torch.get_num_threads(), torch.backends.cudnn.benchmark
    torch.set_num_threads(threads or before[0])
    torch.backends.cudnn.benchmark = device == "cuda" or before[1]
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.backends.cudnn.benchmark = before[1]
