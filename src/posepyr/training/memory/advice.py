"""A training that ran out of memory: what it tried, and what a step takes under settings that ask for less."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from posepyr.errors import OutOfMemoryError
from posepyr.measurement.timing import Call, Settings
from posepyr.nodes import build
from posepyr.training.memory.device_memory import Room
from posepyr.training.memory.out_of_memory import Shortage
from posepyr.training.memory.recompute import recompute
from posepyr.training.memory.remedies import (
    Remedy,
    at_a_time,
    counted,
    input_size,
    is_half_precision,
    network_key,
    processes,
    remedies,
)
from posepyr.training.memory.trials import Trial, try_apart
from posepyr.training.synthetic import make_work

Config = dict[str, Any]

PATIENCE = 120.0
"""Seconds for all trials together; what is not tried by then is counted."""

LEAST = 5.0
"""Seconds that are too few to begin another trial."""


class Row(NamedTuple):
    """A line of the advice."""

    setting: str
    memory: str
    effect: str


def tell(found: Shortage, config: Config) -> OutOfMemoryError:
    """The error that says what was being tried."""
    total, free, taken = found.room
    has = "" if total is None else f" of {gibibytes(total)}"
    left = "" if free is None else f", {gibibytes(free)} are free now"
    height, width = input_size(config)
    share = processes(config)
    tried = [
        config[network_key(config)]["_target_"].rpartition(".")[2], f"{height} x {width} pixels",
        f"{at_a_time(config)} samples at a time" + (f" in each of {share} processes" if share > 1 else ""),
        f"precision {config['trainer'].get('precision') or '32-true'}", f"recompute={str(config['recompute']).lower()}",
    ]  # fmt: skip
    text = (
        f"out of memory in {found.doing}, on {found.device}{has}; this process had taken {gibibytes(taken)}{left}\n"
        f"  tried: {', '.join(tried)}"
    )
    if found.of_machine:
        text += "\n  the memory is the machine's, not the GPU's: fewer data.workers take less of it"
    return OutOfMemoryError(text, found._asdict())


def advise(error: OutOfMemoryError, config: Config, folder: Path, measure: bool) -> OutOfMemoryError:
    """The same error with what a training step takes, as it was tried and under settings that ask for less.

    With ``measure`` each is tried on the device, which nothing else of this run may be using any more; otherwise the
    memory is counted.
    """
    found = Shortage(**{**error.shortage, "room": Room(*error.shortage["room"])})
    if found.of_machine:
        return error
    rows = _rows(config, found.device, measure)
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [f"    {row.setting:<{widths[0]}}  {row.memory:>{widths[1]}}  {row.effect}".rstrip() for row in rows]
    how = f"measured just now on {found.device}" if measure else "counted: the optimizer's state comes on top"
    saved = (folder / "checkpoints" / "last.ckpt").is_file()
    go_on = f"go on with posepyr train --resume {folder} and" if saved else "start again with"
    text = "\n".join([str(error), f"  a training step takes, {how}", *lines, f"  {go_on} one of these"])
    return OutOfMemoryError(text, error.shortage)


def gibibytes(count: int) -> str:
    """Bytes for reading."""
    return f"{count / 2**30:,.2f} GiB"


def _rows(config: Config, device: str, measure: bool) -> list[Row]:
    measure = measure and device.partition(":")[0] in ("cpu", "cuda")
    if measure:
        print(f"posepyr: out of memory; trying what would help takes up to {PATIENCE:.0f} s", file=sys.stderr)
    end, rows = time.monotonic() + PATIENCE, []
    for remedy in [Remedy("(as it was)", config, ""), *remedies(config)]:
        left = end - time.monotonic()
        trial = _trial(remedy.config, device, left) if measure and left > LEAST else Trial(None)
        rows.append(Row(remedy.setting, _memory(remedy.config, trial, measure), remedy.effect))
        if trial.fits and remedy.config is config:
            rows[0] = rows[0]._replace(effect="fits now: something else had taken memory, or validation took more")
    return rows


def _trial(config: Config, device: str, seconds: float) -> Trial:
    settings = Settings(input_size(config), at_a_time(config), "bf16" if is_half_precision(config) else "32")
    make = partial(training_step, config, settings, device)
    return try_apart(make, device, config["threads"] or torch.get_num_threads(), seconds)


def training_step(config: Config, settings: Settings, device: str) -> Call:
    """A whole step of a training on made-up people: what it takes, a real one takes too."""
    work = make_work(config, settings, device)
    if config["recompute"]:
        recompute(work.model)
    optimizer = build(config["optimizer"])(work.model.parameters())
    # Gradients go from process to process in pieces of memory of their own.
    weights = sum(parameter.numel() for parameter in work.model.parameters())
    buckets = torch.zeros(weights if processes(config) > 1 else 0, device=device)

    def step() -> None:
        work.training.run()
        optimizer.step()
        buckets.zero_()

    return Call(step, work.training.prepare)


def _memory(config: Config, trial: Trial, measured: bool) -> str:
    if trial.fits is not None:
        return gibibytes(trial.peak or 0) if trial.fits else "does not fit"
    if is_half_precision(config):
        return "not counted"
    return gibibytes(counted(config).peak) + (" (counted)" if measured else "")
