"""The plainest training loop, a baseline for `posepyr bench train`.

    posepyr bench train experiment=demo --baseline "python experiments/benchmarks/bare_loop.py experiment=demo"

It takes the configuration's network, its samples in the same order through the same loader, its targets, loss and
optimizer, on as many threads and in the same layout of memory, and so ends with the very same weights where the
learning rate is constant. There is no trainer, no callback and no log. Pose networks only, in 32 bits or in bf16 mixed
precision, neither compiled nor recomputed, and batches that are taken in one pass.
"""

import itertools
import json
import os
import sys
import time
from collections.abc import Iterator

import torch
from torch.optim.lr_scheduler import LambdaLR

from posepyr.configuration.compose import compose
from posepyr.data.module import OrderedData
from posepyr.layers.pooling import redraw_regions
from posepyr.measurement.peak_memory import peak_bytes
from posepyr.measurement.training_speed import SpeedTask
from posepyr.nodes import build
from posepyr.records import PoseBatch
from posepyr.training.build import Config, make_pose
from posepyr.training.learner import Learner
from posepyr.training.run import compute_threads


def batches(data: OrderedData) -> Iterator[PoseBatch]:
    """Yield the batches of training, epoch after epoch."""
    loader = data.train_dataloader()
    for epoch in itertools.count():
        loader.sampler.set_epoch(epoch)
        yield from loader


def measure(training: Learner, data: OrderedData, config: Config, task: SpeedTask) -> dict[str, float]:
    """Train, and return the figures of the steps after the warm-up."""
    torch.set_num_threads(task.threads or config["threads"] or compute_threads(data.workers))
    torch.backends.cudnn.benchmark = config["trainer"]["benchmark"]
    training.to(task.device).train()
    optimizer = build(config["optimizer"])(training.model.parameters())
    share, planned = build(config["scheduler"]), task.warmup + task.steps
    schedule = LambdaLR(optimizer, lambda step: share(step, planned, planned))
    mixed = torch.autocast(task.device, torch.bfloat16, enabled=config["trainer"].get("precision") == "bf16-mixed")
    samples, begun, spent, first = 0, 0.0, 0.0, 0.0
    for number, batch in enumerate(itertools.islice(batches(data), planned), 1):
        moved = PoseBatch(*(values.to(task.device, non_blocking=True) for values in batch))
        redraw_regions(training.model, training.regions)
        with mixed:
            loss = training.losses(moved).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        samples += len(batch.image)
        if number == 1:
            first = time_when_done(task.device, time.time) - task.started
        if number == task.warmup:
            samples, begun, spent = 0, time_when_done(task.device), time.process_time()
    taken, processor = time_when_done(task.device) - begun, time.process_time() - spent
    return {
        "samples_per_second": samples / taken,
        "processor_ms": 1e3 * processor / samples,
        "first_step_seconds": first,
        "peak_bytes": peak_bytes(task.device),
        "threads": torch.get_num_threads(),
        "workers": data.workers,
    }


def time_when_done(device: str, clock=time.perf_counter) -> float:
    """Return the time at which the device has finished its work."""
    if device == "cuda":
        torch.cuda.synchronize()
    return clock()


def main(overrides: list[str]) -> None:
    """Train as overrides say and print the report."""
    config = compose(overrides)
    torch.manual_seed(config["seed"])
    training, data, _ = make_pose(config, fresh=True)
    print(json.dumps(measure(training, data, config, SpeedTask.read(os.environ))))


if __name__ == "__main__":
    main(sys.argv[1:])
