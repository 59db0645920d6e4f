"""Speed of drawing, loading and training on this machine, as `make bench` prints it.

Each figure is the median of several rounds in one process, in which all things are timed in turn; ratios are of the
same round.
"""

import time
from collections.abc import Callable

import cv2
import torch

from posepyr.configuration.compose import compose
from posepyr.data.loading.loader import SampleIndex
from posepyr.layers.pooling import redraw_regions
from posepyr.measurement.timing import Budget, Workload, cpu_clock, quartiles, ratio, time_in_turn
from posepyr.tables import align
from posepyr.training.build import make_pose
from posepyr.training.task import PoseTask

PEOPLE = 32
BUDGET = Budget(warmup=1, repeat=7, seconds=600)


def training_step(task: PoseTask, batch: torch.Tensor) -> Callable[[], None]:
    """Return the forward and backward pass of a network on one batch."""

    def step() -> None:
        redraw_regions(task.model, task.regions)
        sum(heatmaps.square().mean() for heatmaps in task(batch)).backward()
        task.zero_grad()

    return step


def main(budget: Budget = BUDGET) -> None:
    """Measure and print."""
    cv2.setNumThreads(0)
    config = compose(["experiment=demo"])
    pyramid, data, _ = make_pose(config, fresh=True)
    plain, _, _ = make_pose(compose(["experiment=demo", "model=hourglass"]), fresh=True)
    crops = data.samples("train", augment=True)
    people = [crops.split[index] for index in range(PEOPLE)]
    batch = torch.stack([crops[SampleIndex(0, index)].image for index in range(config["data"]["batch_size"])])
    workloads = {
        "figure: pose and visibility": lambda: [crops.split[index] for index in range(PEOPLE)],
        "figure: drawing": lambda: [crops.split.view(person) for person in people],
        "sample: all of it, augmented": lambda: [crops[SampleIndex(0, index)] for index in range(PEOPLE)],
        "training step, a person": training_step(pyramid, batch),
        "training step, plain residuals": training_step(plain, batch),
    }
    durations = time_in_turn([Workload(run, time.time) for run in workloads.values()], cpu_clock, budget)
    counts = [PEOPLE, PEOPLE, PEOPLE, len(batch), len(batch)]
    seconds = [[duration.wall / count for duration in of_one] for of_one, count in zip(durations, counts, strict=True)]
    medians = [quartiles(values).median for values in seconds]
    rows = [[name, f"{1e3 * one:.2f}", f"{1 / one:.0f}"] for name, one in zip(workloads, medians, strict=True)]
    print(f"demo size, {torch.get_num_threads()} Torch threads")
    print("\n".join(align([["", "ms", "per second"], *rows])))
    print(f"pyramid over plain residuals, training step: {ratio(seconds[3], seconds[4]).median:.2f}")
    print(f"drawing and cropping on one core over training on all: {ratio(seconds[2], seconds[3]).median:.2f}")


if __name__ == "__main__":
    main()
