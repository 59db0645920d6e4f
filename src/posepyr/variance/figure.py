"""Variances through the depth of networks as a figure: responses above, gradients below."""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from posepyr.files import whole
from posepyr.variance.curves import Curve, sections

COLOURS = ("#3366aa", "#cc3311", "#228833", "#aa3377", "#ee7733", "#009988", "#bbaa22", "#777777")
"""Distinct for colour-blind readers too."""

FEWEST_ROWS = 3
"""Rows of a section that gets a name."""

LONGEST = 220
"""Letters that fit side by side above the panels, counted generously: small sections have no names."""


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
