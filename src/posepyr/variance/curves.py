"""Variances through the depth of networks, at their first weights and after some steps, compared."""

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.optim import Optimizer

from posepyr.files import whole
from posepyr.layers.pooling import redraw_regions
from posepyr.variance.probe import At, OutputMoments, Place, places, watched

COLUMNS = ("network", "seed", "step", "row", "name", "place", "response_mean", "response_variance", "gradient_mean",
           "gradient_variance")  # fmt: skip

LONGEST = 220
"""Letters that fit side by side above the panels, counted generously: small sections have no names."""

FEWEST_ROWS = 3
"""Rows of a section that gets a name."""

COLOURS = ("#3366aa", "#cc3311", "#228833", "#aa3377", "#ee7733", "#009988", "#bbaa22", "#777777")
"""Distinct for colour-blind readers too."""


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


def draw_variances(curves: Sequence[Curve], path: Path, title: str = "") -> None:
    """Write the figure: a line a network, dashed after steps; a band over the seeds; the depth from left to right."""
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    panels: Sequence[Axes] = figure.subplots(2, 1, sharex=True)
    networks = list(dict.fromkeys(curve.network for curve in curves))
    for curve in curves:
        colour = COLOURS[networks.index(curve.network) % len(COLOURS)]
        _line(panels[0], curve.responses, colour, curve)
        _line(panels[1], curve.gradients, colour, curve)
    for axes, what in zip(panels, ("variance of responses", "variance of gradients"), strict=True):
        _scale(axes)
        axes.set_ylabel(what)
        axes.margins(x=0.01)
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    if len({tuple(curve.names) for curve in curves}) == 1:
        _mark_sections(panels, curves[0].names)
    panels[1].set_xlabel("depth: outputs in the order in which they are made")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    if title:
        panels[0].set_title(title, fontsize=9, color="#444444", pad=18)
    with whole(path) as part:
        figure.savefig(part, dpi=130)


def _line(axes: Axes, bands: Sequence[Any], colour: str, curve: Curve) -> None:
    depth = range(1, len(bands) + 1)
    means, lows, highs = zip(*bands, strict=True)
    dashes, marker = ("--", "") if curve.step else ("-", "o")
    axes.plot(depth, means, dashes, color=colour, linewidth=1.2, marker=marker, markersize=2.2, label=curve.label)
    axes.fill_between(depth, lows, highs, color=colour, alpha=0.18, linewidth=0)


def _scale(axes: Axes) -> None:
    """Set a logarithmic scale, or say why there is nothing to scale."""
    if any(np.isfinite(line.get_ydata()).any() for line in axes.lines):
        axes.set_yscale("log")
    else:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "zero, or too large for a number", transform=axes.transAxes, ha="center")


def _mark_sections(panels: Sequence[Axes], names: Sequence[str]) -> None:
    """Shade every other large section, and write its name above where there is room."""
    large = [section for section in sections(names) if section.stop - section.start >= FEWEST_ROWS]
    shared = _shared_words([section.name.split(".")[:-2] for section in large])
    for number, section in enumerate(large):
        left, right = section.start + 0.5, section.stop + 0.5
        if number % 2:
            for axes in panels:
                axes.axvspan(left, right, color="#f0f0f0", zorder=0)
        name = ".".join(section.name.split(".")[shared:])
        if len(name) <= LONGEST * (right - left) / len(names):
            where = panels[0].get_xaxis_transform()
            panels[0].text((left + right) / 2, 1.01, name, transform=where, ha="center", va="bottom", fontsize=7.5)


def _shared_words(names: Sequence[Sequence[str]]) -> int:
    """Return how many first words all names share."""
    return sum(1 for _ in takewhile(lambda words: len(set(words)) == 1, zip(*names, strict=False)))
