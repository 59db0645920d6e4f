"""Advice after running out of memory: where it happened, under which settings, and what a step needs under smaller."""

import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch

from posepyr.configuration.networks import Config, input_size, network_group
from posepyr.errors import OutOfMemoryError
from posepyr.files import format_bytes
from posepyr.measurement.timing import Settings, Workload
from posepyr.nodes import build
from posepyr.training.build import network_work
from posepyr.training.memory.out_of_memory import OutOfMemoryEvent, Trial, is_out_of_memory, locate, try_in_new_process
from posepyr.training.memory.recompute import recompute
from posepyr.training.memory.remedies import (
    Remedy,
    counted_memory,
    device_batch,
    is_half_precision,
    process_count,
    remedies,
)

TRIAL_SECONDS = 120.0
"""For all trials together; what has not been tried by then is counted."""

SHORTEST_TRIAL = 5.0
"""Seconds; with fewer left no trial begins."""


class OutOfMemoryRecorder(pl.Callback):
    """Keeps what a trainer was doing when it ran out of memory: the trainer has forgotten it once the error arrives."""

    def __init__(self) -> None:
        self.event: OutOfMemoryEvent | None = None
        self._activity = "the setup of the training"

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self._activity = f"training step {trainer.global_step + 1}"

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._activity = f"the validation after training step {trainer.global_step}"

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._activity = "the test"

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if is_out_of_memory(exception):
            self.event = locate(exception, self._activity, trainer.strategy.root_device)


class AdviceLine(NamedTuple):
    """A line of the advice."""

    setting: str
    memory: str
    effect: str


def out_of_memory_error(event: OutOfMemoryEvent, config: Config) -> OutOfMemoryError:
    """Build the error that says where memory ran out, and with which settings."""
    total, free, peak = event.memory
    size = "" if total is None else f" of {format_bytes(total)}"
    rest = "" if free is None else f", {format_bytes(free)} are free now"
    height, width = input_size(config)
    processes = process_count(config)
    settings = [
        config[network_group(config)]["_target_"].rpartition(".")[2], f"{height} x {width} pixels",
        f"{device_batch(config)} samples at a time" + (f" in each of {processes} processes" if processes > 1 else ""),
        f"precision {config['trainer'].get('precision') or '32-true'}", f"recompute={str(config['recompute']).lower()}",
    ]  # fmt: skip
    text = (
        f"out of memory in {event.activity}, on {event.device}{size}; this process had taken {format_bytes(peak)}{rest}"
        f"\n  tried: {', '.join(settings)}"
    )
    if event.beside_gpu:
        text += "\n  the memory is the machine's, not the GPU's: lower data.workers"
    return OutOfMemoryError(text, event._asdict())


def with_advice(error: OutOfMemoryError, config: Config, folder: Path, measure: bool) -> OutOfMemoryError:
    """Return the error with the memory that a training step needs as it was, and under settings that need less.

    With ``measure`` each is tried on the device, which no other process of this run may be using any more; otherwise
    the memory is counted.
    """
    event = OutOfMemoryEvent.from_plain(error.event)
    if event.beside_gpu:
        return error
    measure = measure and event.device.partition(":")[0] in ("cpu", "cuda")
    lines = list(_advice_lines(config, event.device, measure))
    widths = [max(len(line[column]) for line in lines) for column in range(2)]
    table = [f"    {line.setting:<{widths[0]}}  {line.memory:>{widths[1]}}  {line.effect}".rstrip() for line in lines]
    how = f"measured just now on {event.device}" if measure else "counted: the optimizer's state comes on top"
    has_checkpoint = (folder / "checkpoints" / "last.ckpt").is_file()
    action = f"go on with posepyr train --resume {folder} and" if has_checkpoint else "start again with"
    text = "\n".join([str(error), f"  a training step takes, {how}", *table, f"  {action} one of these"])
    return OutOfMemoryError(text, error.event)


def _advice_lines(config: Config, device: str, measure: bool) -> Iterator[AdviceLine]:
    if measure:
        print(f"posepyr: out of memory; trying what would help takes up to {TRIAL_SECONDS:.0f} s", file=sys.stderr)
    end = time.monotonic() + TRIAL_SECONDS
    for remedy in [Remedy("(as it was)", config, ""), *remedies(config)]:
        left = end - time.monotonic()
        trial = _try(remedy.config, device, left) if measure and left > SHORTEST_TRIAL else Trial(None)
        effect = remedy.effect
        if trial.fits and remedy.config is config:
            effect = "fits now: something else had taken memory, or validation took more"
        yield AdviceLine(remedy.setting, _memory_in_words(remedy.config, trial, measure), effect)


def _try(config: Config, device: str, seconds: float) -> Trial:
    settings = Settings(input_size(config), device_batch(config), "bf16" if is_half_precision(config) else "32")
    make = partial(training_step, config, settings, device)
    return try_in_new_process(make, device, config["threads"] or torch.get_num_threads(), seconds)


def training_step(config: Config, settings: Settings, device: str) -> Workload:
    """Build a whole training step on synthetic people, which takes the memory that a real one takes."""
    work = network_work(config, settings, device)
    if config["recompute"]:
        recompute(work.model)
    optimizer = build(config["optimizer"])(work.model.parameters())
    # Several processes exchange gradients through buffers as large as the weights.
    weights = sum(parameter.numel() for parameter in work.model.parameters())
    buckets = torch.zeros(weights if process_count(config) > 1 else 0, device=device)

    def step() -> None:
        work.training.run()
        optimizer.step()
        buckets.zero_()

    return Workload(step, work.training.prepare)


def _memory_in_words(config: Config, trial: Trial, measured: bool) -> str:
    if trial.fits is not None:
        return format_bytes(trial.peak or 0) if trial.fits else "does not fit"
    if is_half_precision(config):
        return "not counted"
    return format_bytes(counted_memory(config).peak) + (" (counted)" if measured else "")
