"""How fast trainings are: programs that train for some steps at a time take turns, and say what they measured.

A program reads its task from environment variables (:class:`Task`), and its last line on the standard output is a JSON
object with the keys of :class:`Turn`, of which only ``samples_per_second`` must be there.
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

from posepyr.measurement.timing import ratio, spread

PARTS = ("data", "forward", "backward", "optimizer", "logging", "rest")
"""What a step's time is split into: waiting for the loader and the copy to the device; the network, targets and loss;
their gradients; the optimizer, clipping and the schedule; what is logged; and the loop with its other callbacks."""

STEPS, WARMUP, DEVICE, THREADS, STARTED = (
    f"POSEPYR_BENCH_{name}" for name in ("STEPS", "WARMUP", "DEVICE", "THREADS", "STARTED")
)
"""The environment variables that a program finds its task in."""

KILLED = 9
"""The signal that a system short of memory sends."""

TOLD_LINES = 15
"""How much of what a failing program said is passed on."""


class Task(NamedTuple):
    """What a program is to measure in one turn."""

    steps: int
    """Whose time counts."""
    warmup: int
    """Steps before them."""
    device: str
    """``cpu`` or ``cuda``."""
    threads: int | None = None
    """On the CPU; None is the program's own choice."""
    started: float = 0.0
    """When the program was started, in seconds since the epoch."""

    def environment(self) -> dict[str, str]:
        """The task as environment variables. ``python`` is the one that runs this."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        threads = {} if self.threads is None else {name: str(self.threads) for name in (THREADS, "OMP_NUM_THREADS")}
        return {
            "PATH": path, STEPS: str(self.steps), WARMUP: str(self.warmup), DEVICE: self.device,
            STARTED: repr(self.started), **threads,
        }  # fmt: skip

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Task":
        """The task that a program was given; for one that was started by hand, a short one."""
        threads = environment.get(THREADS)
        return cls(
            int(environment.get(STEPS, 20)),
            int(environment.get(WARMUP, 5)),
            environment.get(DEVICE, "cpu"),
            None if threads is None else int(threads),
            float(environment.get(STARTED, time.time())),
        )


class Turn(NamedTuple):
    """What a program measured; None where it does not say."""

    samples_per_second: float
    processor_ms: float | None = None
    """That the training process spent on a sample on all of its threads, its loader's workers not counted."""
    data_wait: float | None = None
    """The share of the time that passed in waiting for the loader."""
    split_ms: dict[str, float] | None = None
    """Milliseconds of a step by part, of other steps than those whose time counts."""
    first_step_seconds: float | None = None
    """From the start of the program to the end of its first step."""
    peak_bytes: int | None = None
    """Of the process at its highest, or on a GPU of what Torch's allocator gave."""
    threads: int | None = None
    workers: int | None = None


def take_turn(command: Sequence[str], task: Task, name: str) -> Turn:
    """Run a program once; ``name`` is what errors call it."""
    environment = os.environ | task._replace(started=time.time()).environment()
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)
    except OSError as error:
        raise ValueError(f"{name} must be a program that can be started, got {command[0]}: {error.strerror}") from error
    if done.returncode:
        raise ValueError(f"{name} must end with exit code 0, but {_ended(done)}")
    return read_turn(done.stdout, name)


def _ended(done: "subprocess.CompletedProcess[str]") -> str:
    if done.returncode < 0:
        number = -done.returncode
        killed = f"it was killed by signal {number}"
        how = f"{killed}: its memory may not have sufficed" if number == KILLED else killed
    else:
        how = f"it ended with {done.returncode}"
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-TOLD_LINES:]
    return "\n".join([f"{how}{'; it said:' if said else ' and said nothing'}", *said])


def read_turn(output: str, name: str) -> Turn:
    """What a program reported in its last line."""
    last = (output.strip().splitlines() or [""])[-1]
    rule = f'{name} must end its output with a line of JSON such as {{"samples_per_second": 12.3}}'
    try:
        said = json.loads(last)
    except ValueError as error:
        raise ValueError(f"{rule}, got {last[:200]!r}") from error
    if not isinstance(said, dict) or not _is_positive(said.get("samples_per_second")):
        raise ValueError(f"{rule}, whose rate must be a positive number, got {last[:200]!r}")
    _check(said, name)
    return Turn(**said)


def _check(said: dict[str, Any], name: str) -> None:
    unknown = sorted(set(said) - set(Turn._fields))
    if unknown:
        raise ValueError(f"{name} must report no other keys than {', '.join(Turn._fields)}, got {', '.join(unknown)}")
    split = said.get("split_ms")
    if split is not None and (not isinstance(split, dict) or set(split) != set(PARTS)):
        raise ValueError(f"{name} must report split_ms of {', '.join(PARTS)}, got {split!r}")
    for key, value in {**said, **(split or {})}.items():
        if value is not None and key != "split_ms" and not (_is_positive(value) or value == 0):
            raise ValueError(f"{name} must report {key} as a number that is not negative, got {value!r}")


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value > 0


def in_rounds(
    programs: Sequence[Callable[[], Turn]],
    repeat: int,
    seconds: float,
    now: Callable[[], float] = time.monotonic,
    begin: Callable[[int], object] = lambda _: None,
) -> list[list[Turn]]:
    """Each program's turns, of as many rounds as begin within ``seconds``; one there is in any case.

    In a round every program is run once, so that whatever else the machine does disturbs all alike. ``begin`` is told
    each round's number.
    """
    end = now() + seconds
    rounds: list[list[Turn]] = []
    while not rounds or (len(rounds) < repeat and now() < end):
        begin(len(rounds))
        rounds.append([program() for program in programs])
    return [list(turns) for turns in zip(*rounds, strict=True)]


def figures(turns: Sequence[Turn], first: Sequence[Turn]) -> dict[str, Any]:
    """A program's figures as plain data; None where it did not say.

    Ratios are of the time that a sample takes, to that of the ``first`` program in the same round; overheads are by
    which share the first takes longer.
    """
    rates, its_rates = ([turn.samples_per_second for turn in those] for those in (turns, first))
    processor = _given(turns, "processor_ms")
    its_processor = _given(first, "processor_ms")
    peaks = _given(turns, "peak_bytes")
    return {
        "samples_per_second": spread(rates)._asdict(),
        "samples_per_second_by_round": rates,
        "wall_ratio": ratio(its_rates, rates)._asdict(),
        "wall_overhead": _overhead(rates, its_rates),
        "processor_ms": _spread(processor),
        "processor_ms_by_round": processor,
        "processor_ratio": ratio(processor, its_processor)._asdict() if processor and its_processor else None,
        "processor_overhead": _overhead(its_processor, processor) if processor and its_processor else None,
        "data_wait": _spread(_given(turns, "data_wait")),
        "split_ms": _split(turns),
        "first_step_seconds": _spread(_given(turns, "first_step_seconds")),
        "peak_bytes": max(peaks) if peaks else None,
        "threads": turns[0].threads,
        "workers": turns[0].workers,
    }


def _given(turns: Sequence[Turn], name: str) -> list[Any] | None:
    values = [getattr(turn, name) for turn in turns]
    return None if None in values else values


def _spread(values: Sequence[float] | None) -> dict[str, float] | None:
    return spread(values)._asdict() if values else None


def _split(turns: Sequence[Turn]) -> dict[str, dict[str, float]] | None:
    splits = _given(turns, "split_ms")
    if splits is None:
        return None
    return {part: spread([split[part] for split in splits])._asdict() for part in PARTS}


def _overhead(more: Sequence[float], less: Sequence[float]) -> dict[str, float]:
    """By which share the one is above the other in the same round."""
    return spread([one / other - 1 for one, other in zip(more, less, strict=True)])._asdict()


class Parts:
    """Seconds by part of a step. What runs inside another part counts only once, as what it is itself."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self.counts = True
        """Whether what is done at present is counted."""
        self._now = now
        self._inside = [0.0]

    def timed(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, whose time is added to a part."""

        @wraps(work)
        def run(*arguments: Any, **named: Any) -> Any:
            if not self.counts:
                return work(*arguments, **named)
            begun = self._now()
            self._inside.append(0.0)
            try:
                return work(*arguments, **named)
            finally:
                taken = self._now() - begun
                self.seconds[part] += taken - self._inside.pop()
                self._inside[-1] += taken

        return run
