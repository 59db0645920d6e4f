"""Speed of trainings that run as programs of their own, in turn, and report what they measured.

A program reads its task from environment variables (:class:`SpeedTask`). Its last line on the standard output is a
JSON object with keys of :class:`TrainingSpeed`, of which only ``samples_per_second`` is required.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

from posepyr.measurement.timing import quartiles, ratio

PARTS = ("data", "forward", "backward", "optimizer", "logging", "rest")
"""Parts of a step: waiting for the loader and the copy to the device; the network, targets and loss; their gradients;
the optimizer, clipping and the schedule; writing logs; and the loop with its other callbacks."""

STEPS, WARMUP, DEVICE, THREADS, STARTED = (
    f"POSEPYR_BENCH_{name}" for name in ("STEPS", "WARMUP", "DEVICE", "THREADS", "STARTED")
)
"""Environment variables that hold a program's task."""

KILLED = 9
"""Signal that a system out of memory sends."""

ERROR_LINES = 15
"""Last lines of a failed program's output that its error quotes."""


class SpeedTask(NamedTuple):
    """Steps that a program is to train and time."""

    steps: int
    """Steps that count."""
    warmup: int
    """Steps before them."""
    device: str
    """``cpu`` or ``cuda``."""
    threads: int | None = None
    """On the CPU; None is the program's own choice."""
    started: float = 0.0
    """Time at which the program was started, in seconds since the epoch."""

    def environment(self) -> dict[str, str]:
        """Return the task as environment variables, and a ``PATH`` on which ``python`` is the running one."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        threads = {} if self.threads is None else {name: str(self.threads) for name in (THREADS, "OMP_NUM_THREADS")}
        return {
            "PATH": path, STEPS: str(self.steps), WARMUP: str(self.warmup), DEVICE: self.device,
            STARTED: repr(self.started), **threads,
        }  # fmt: skip

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "SpeedTask":
        """Return the task in environment variables; a short one for a program that was started by hand."""
        threads = environment.get(THREADS)
        return cls(
            int(environment.get(STEPS, 20)),
            int(environment.get(WARMUP, 5)),
            environment.get(DEVICE, "cpu"),
            None if threads is None else int(threads),
            float(environment.get(STARTED, time.time())),
        )


class TrainingSpeed(NamedTuple):
    """Measurements of one training; None for those that its program does not make."""

    samples_per_second: float
    processor_ms: float | None = None
    """CPU time of a sample on all threads of the training process, without the loader's workers."""
    data_wait: float | None = None
    """Share of the time that passed in waiting for the loader."""
    split_ms: dict[str, float] | None = None
    """Milliseconds of a step by part, measured on further steps."""
    first_step_seconds: float | None = None
    """From the start of the program to the end of its first step."""
    peak_bytes: int | None = None
    """Peak memory of the process, or on a GPU of Torch's allocations."""
    threads: int | None = None
    workers: int | None = None


def run_program(command: Sequence[str], task: SpeedTask, name: str) -> TrainingSpeed:
    """Run a program once and return its measurements; errors call it ``name``."""
    environment = os.environ | task._replace(started=time.time()).environment()
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)
    except OSError as error:
        raise ValueError(f"{name} must be a program that can be started, got {command[0]}: {error.strerror}") from error
    if done.returncode:
        output = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-ERROR_LINES:]
        raise ValueError("\n".join([f"{name} must end with exit code 0, but {_ending(done.returncode)}:", *output]))
    return read_speed(done.stdout, name)


def _ending(code: int) -> str:
    if code >= 0:
        return f"it ended with {code}"
    return f"it was killed by signal {-code}{', perhaps out of memory' if -code == KILLED else ''}"


def read_speed(output: str, name: str) -> TrainingSpeed:
    """Return the measurements in the last line of a program's output."""
    last = (output.strip().splitlines() or [""])[-1]
    rule = f'{name} must end its output with a line of JSON such as {{"samples_per_second": 12.3}}'
    try:
        content = json.loads(last)
    except ValueError as error:
        raise ValueError(f"{rule}, got {last[:200]!r}") from error
    if not isinstance(content, dict) or not content.get("samples_per_second"):
        raise ValueError(f"{rule}, whose rate must be a positive number, got {last[:200]!r}")
    unknown = sorted(set(content) - set(TrainingSpeed._fields))
    if unknown:
        known = ", ".join(TrainingSpeed._fields)
        raise ValueError(f"{name} must report no other keys than {known}, got {', '.join(unknown)}")
    for key, value in content.items():
        if key != "split_ms" and value is not None and not _is_amount(value):
            raise ValueError(f"{name} must report {key} as a number that is not negative, got {value!r}")
    return TrainingSpeed(**content)


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value >= 0


def summarise_speeds(speeds: Sequence[TrainingSpeed], first: Sequence[TrainingSpeed]) -> dict[str, Any]:
    """Return a program's figures over all rounds as plain data; None for those that it does not measure.

    Ratios compare the time that a sample takes with that of the ``first`` program in the same round.
    """
    rates, first_rates = _values(speeds, "samples_per_second"), _values(first, "samples_per_second")
    processor, first_processor = _values(speeds, "processor_ms"), _values(first, "processor_ms")
    splits, peaks = _values(speeds, "split_ms"), _values(speeds, "peak_bytes")
    return {
        "samples_per_second": _quartiles(rates),
        "samples_per_second_by_round": rates,
        "wall_ratio": ratio(first_rates, rates)._asdict(),
        "processor_ms": _quartiles(processor),
        "processor_ms_by_round": processor or None,
        "processor_ratio": ratio(processor, first_processor)._asdict() if processor and first_processor else None,
        "data_wait": _quartiles(_values(speeds, "data_wait")),
        "split_ms": {part: _quartiles([split[part] for split in splits]) for part in PARTS} if splits else None,
        "first_step_seconds": _quartiles(_values(speeds, "first_step_seconds")),
        "peak_bytes": max(peaks, default=None),
        "threads": speeds[0].threads,
        "workers": speeds[0].workers,
    }


def _values(speeds: Sequence[TrainingSpeed], name: str) -> list[Any]:
    """Return one measurement of every round; none at all where a round lacks it."""
    values = [getattr(speed, name) for speed in speeds]
    return [] if None in values else values


def _quartiles(values: Sequence[float]) -> dict[str, float] | None:
    return quartiles(values)._asdict() if values else None


class PartTimes:
    """Seconds of a step by part. Work inside other work counts once, as the part that it is itself."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self.counts = True
        """False while work is done that belongs to no step."""
        self._now = now
        self._inner = [0.0]
        """Seconds of the work inside each piece of work that runs now, the outermost first."""

    def timed(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return the same work, with its time added to a part."""

        @wraps(work)
        def run(*arguments: Any, **named: Any) -> Any:
            if not self.counts:
                return work(*arguments, **named)
            begun = self._now()
            self._inner.append(0.0)
            try:
                return work(*arguments, **named)
            finally:
                passed = self._now() - begun
                self.seconds[part] += passed - self._inner.pop()
                self._inner[-1] += passed

        return run
