"""Variances through the depth of networks, at their first weights and after some steps, side by side."""

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
from posepyr.variance.probe import At, Place, Row, places, watched

COLUMNS = ("network", "seed", "step", "row", "name", "place", "response_mean", "response_variance", "gradient_mean",
           "gradient_variance")  # fmt: skip


class Trial(NamedTuple):
    """A network at its first weights, and what it takes to train it."""

    model: nn.Module
    optimizer: Optimizer
    loss: Callable[[Any], Tensor]
    """Of a batch."""
    batch: Callable[[int], Any]
    """The batch of each step, from 0; ``image`` is what the network takes of it."""


class Measured(NamedTuple):
    """What one pass of a network's training gave."""

    network: str
    seed: int
    step: int
    """Steps that its weights have taken before."""
    rows: list[Row]


def audit(network: str, trial: Trial, at: At, steps: int, seed: int) -> list[Measured]:
    """Variances at the first weights and, unless ``steps`` is 0, once more after so many steps of training.

    Both are measured on the first batch and with the same pooling regions, in training mode, so that they differ by
    the weights alone; the steps go on to the following batches.
    """
    first = trial.batch(0)
    where = places(trial.model, [first.image], at)
    measured = [Measured(network, seed, 0, _measure(trial, first, where, seed))]
    regions = torch.Generator().manual_seed(seed)
    for step in range(steps):
        redraw_regions(trial.model, regions)
        _pass(trial, trial.batch(step + 1))
        trial.optimizer.step()
    if steps:
        measured.append(Measured(network, seed, steps, _measure(trial, first, where, seed)))
    return measured


def _measure(trial: Trial, batch: Any, where: Mapping[str, Place], seed: int) -> list[Row]:
    redraw_regions(trial.model, torch.Generator().manual_seed(seed))
    with watched(trial.model, where) as profile:
        _pass(trial, batch)
    return profile.rows()


def _pass(trial: Trial, batch: Any) -> None:
    trial.model.train()
    trial.optimizer.zero_grad()
    trial.loss(batch).backward()  # type: ignore[no-untyped-call]


class Band(NamedTuple):
    """A variance over the seeds: their geometric mean, the smallest and the largest. NaN where one is not positive."""

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
        """The network, and after how many steps if any."""
        return f"{self.network}, {self.step} steps" if self.step else self.network


def curves(measured: Iterable[Measured]) -> list[Curve]:
    """A curve for each network and step, over its seeds."""
    together: dict[tuple[str, int], list[list[Row]]] = {}
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
    """Some variances, of which there is at least one."""
    if not all(0 < value < math.inf for value in values):
        return Band(math.nan, math.nan, math.nan)
    return Band(math.exp(math.fsum(map(math.log, values)) / len(values)), min(values), max(values))


class Section(NamedTuple):
    """A part of the network's depth: rows from ``start`` to before ``stop``."""

    name: str
    start: int
    stop: int


def sections(names: Sequence[str]) -> list[Section]:
    """The rows by the part of the network that they lie in, as ``hourglasses.0``; single rows of one part together."""
    runs = [(part, len(list(rows))) for part, rows in groupby(map(_part, names))]
    found: list[Section] = []
    start = 0
    for part, length in runs:
        found.append(Section(part, start, start + length))
        start += length
    return list(_joined(found))


def _part(name: str) -> str:
    """The name up to its first number, as of a stack or a stage; its first word where it has none."""
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
    """Every row of every pass."""
    with whole(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for network, seed, step, rows in measured:
            for number, (name, place, response, gradient) in enumerate(rows):
                moments = (*response, *(gradient or ("", "")))
                writer.writerow([network, seed, step, number, name, place, *map(_figure, moments)])


def _figure(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
