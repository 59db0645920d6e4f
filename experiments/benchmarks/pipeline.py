"""How fast drawing, loading and training are on this machine: what `make bench` prints.

Each figure is the median of several repetitions on one process; ratios are of two things timed in turn.
"""

import statistics
import time
from collections.abc import Callable

import cv2
import torch
from rich.console import Console
from rich.table import Table

from posepyr.configuration.compose import Composer
from posepyr.data.loading.loader import Draw
from posepyr.layers.pooling import redraw_regions
from posepyr.training.build import make_pose
from posepyr.training.task import PoseTask

REPETITIONS = 7


def milliseconds(work: Callable[[], object]) -> float:
    """Median time of one call, after one that is not counted."""
    work()
    taken = []
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1e3


def training_step(task: PoseTask, batch: torch.Tensor) -> Callable[[], None]:
    """Forward and backward of the demo's network on one batch."""

    def step() -> None:
        redraw_regions(task.model, task.regions)
        sum(heatmaps.square().mean() for heatmaps in task(batch)).backward()
        task.zero_grad()

    return step


def main() -> None:
    """Measure and print."""
    cv2.setNumThreads(0)
    config = Composer().job(["experiment=demo"]).config
    task, data, _ = make_pose(config, fresh=True)
    crops = data.samples("train", augment=True)
    count = 32
    annotation = milliseconds(lambda: [crops.split[index] for index in range(count)]) / count
    people = [crops.split[index] for index in range(count)]
    drawing = milliseconds(lambda: [crops.split.view(person) for person in people]) / count
    sample = milliseconds(lambda: [crops[Draw(0, index)] for index in range(count)]) / count
    batch = torch.stack([crops[Draw(0, index)].image for index in range(config["data"]["batch_size"])])
    baseline, _, _ = make_pose(Composer().job(["experiment=demo", "model=hourglass"]).config, fresh=True)
    pyramid, plain = training_step(task, batch), training_step(baseline, batch)
    steps = [(milliseconds(pyramid), milliseconds(plain)) for _ in range(3)]
    step = statistics.median(first for first, _ in steps)
    ratio = statistics.median(first / second for first, second in steps)

    table = Table("what", "ms", "per second", title=f"demo size, {torch.get_num_threads()} Torch threads")
    for name, taken in (("figure: pose and visibility", annotation), ("figure: drawing", drawing)):
        table.add_row(name, f"{taken:.2f}", f"{1e3 / taken:.0f}")
    table.add_row("sample: all of it, augmented", f"{sample:.2f}", f"{1e3 / sample:.0f}")
    table.add_row("training step, a person", f"{step / len(batch):.2f}", f"{1e3 * len(batch) / step:.0f}")
    Console().print(table)
    Console().print(f"pyramid over plain residuals, training step: {ratio:.2f}")
    Console().print(f"drawing and cropping on one core over training on all: {sample / (step / len(batch)):.2f}")


if __name__ == "__main__":
    main()
