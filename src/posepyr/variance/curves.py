"""Variances through the depth of networks, at their first weights and after some steps, compared."""

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from posepyr.files import whole
from posepyr.layers.pooling import redraw_regions
from posepyr.variance.probe import At, OutputMoments, Place, places, watched

COLUMNS = ("network", "seed", "step", "row", "name", "place", "response_mean", "response_variance", "gradient_mean",
           "gradient_variance")  # fmt: skip


class Trainable(NamedTuple):
    """A network at its first weights, with optimizer, loss and batches."""

    model: nn.Module
    optimizer: Optimizer
    loss: Callable[[Any], Tensor]
    """The loss of a batch."""
    batch: Callable[[int], Any]
    """The batch of each step, from 0; its ``image`` is the network's input."""


class Measured(NamedTuple):
    """Variances of one pass of a network's training."""

    network: str
    seed: int
    step: int
    """Optimizer steps before this pass."""
    rows: list[OutputMoments]


def audit(network: str, trained: Trainable, at: At, steps: int, seed: int) -> list[Measured]:
    """Measure variances at the first weights and, unless ``steps`` is 0, again after so many steps of training.

    Both are measured on the first batch and with the same pooling regions, in training mode, so that they differ by
    the weights alone; the steps go on to the following batches.
    """
    first = trained.batch(0)
    where = places(trained.model, [first.image], at)
    measured = [Measured(network, seed, 0, _measure(trained, first, where, seed))]
    regions = torch.Generator().manual_seed(seed)
    for step in range(steps):
        redraw_regions(trained.model, regions)
        _pass(trained, trained.batch(step + 1))
        trained.optimizer.step()
    if steps:
        measured.append(Measured(network, seed, steps, _measure(trained, first, where, seed)))
    return measured


def _measure(trained: Trainable, batch: Any, where: Mapping[str, Place], seed: int) -> list[OutputMoments]:
    redraw_regions(trained.model, torch.Generator().manual_seed(seed))
    with watched(trained.model, where) as profile:
        _pass(trained, batch)
    return profile.rows()


def _pass(trained: Trainable, batch: Any) -> None:
    trained.model.train()
    trained.optimizer.zero_grad()
    trained.loss(batch).backward()  # type: ignore[no-untyped-call]  # not annotated in Torch


class Band(NamedTuple):
    """A variance over the seeds: geometric mean, smallest and largest; NaN where one is not positive."""

    mean: float
    low: float
    high: float


class Curve(NamedTuple):
    """A network's variances by depth."""

    network: str
    step: int
    names: list[str]
    responses: list[Band]
    gradients: list[Band]

    @property
    def label(self) -> str:
        """Return the network's name, with the number of steps if any."""
        return f"{self.network}, {self.step} steps" if self.step else self.network


def curves(measured: Iterable[Measured]) -> list[Curve]:
    """Return a curve for each network and step, over its seeds."""
    together: dict[tuple[str, int], list[list[OutputMoments]]] = {}
    for one in measured:
        together.setdefault((one.network, one.step), []).append(one.rows)
    return [
        Curve(
            network,
            step,
            [row.name for row in runs[0]],
            [band([row.response.variance for row in rows]) for rows in zip(*runs, strict=True)],
            [
                band([row.gradient.variance if row.gradient else 0.0 for row in rows])
                for rows in zip(*runs, strict=True)
            ],
        )
        for (network, step), runs in together.items()
    ]


def band(values: Sequence[float]) -> Band:
    """Return the band of some variances, at least one."""
    if not all(0 < value < math.inf for value in values):
        return Band(math.nan, math.nan, math.nan)
    return Band(math.exp(math.fsum(map(math.log, values)) / len(values)), min(values), max(values))


class Section(NamedTuple):
    """A part of the network's depth: rows from ``start`` to before ``stop``."""

    name: str
    start: int
    stop: int


def sections(names: Sequence[str]) -> list[Section]:
    """Return the rows by part of the network, as ``hourglasses.0``; adjacent parts of one row are joined."""
    runs = [(part, len(list(rows))) for part, rows in groupby(map(_part, names))]
    found: list[Section] = []
    start = 0
    for part, length in runs:
        found.append(Section(part, start, start + length))
        start += length
    return list(_joined(found))


def _part(name: str) -> str:
    """Return a name up to its first number, as of a stack or a stage; its first word where it has none."""
    words = name.partition(" ")[0].split(".")
    number = next((index for index, word in enumerate(words) if word[:1].isdigit()), 0)
    return ".".join(words[: number + 1]).partition("[")[0]


def _joined(found: Iterable[Section]) -> Iterator[Section]:
    for (name, single), group in groupby(found, lambda one: (one.name.split(".")[0], one.stop - one.start == 1)):
        parts = list(group)
        if single and len(parts) > 1:
            yield Section(name, parts[0].start, parts[-1].stop)
        else:
            yield from parts


def write_csv(path: Path, measured: Iterable[Measured]) -> None:
    """Write every row of every pass."""
    with whole(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for network, seed, step, rows in measured:
            for number, (name, place, response, gradient) in enumerate(rows):
                moments = (*response, *(gradient or ("", "")))
                writer.writerow([network, seed, step, number, name, place, *map(_figure, moments)])


def _figure(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
