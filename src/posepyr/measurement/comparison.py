"""A figure that a paper prints beside the one that is counted."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from torch import nn

from posepyr.measurement.complexity import UNITS, Cost, Counting, build_on_meta, count

Node = Mapping[str, Any]
Size = tuple[int, int, int]

FEWEST_DECIMALS = 1
"""Zeros at a figure's end are taken for padding behind this decimal: 7.10 stands for 7.1, 53.0 for itself."""


class PublishedFigure(NamedTuple):
    """One published figure of one network at one input."""

    source: str
    system: str
    network: Node
    input: Size
    """Channels, height, width."""
    quantity: Literal["parameters", "GFLOPs"]
    published: str
    """As printed; ``>0`` of an order that is only drawn or told."""
    counting: Counting = "HRNet"
    """What the paper calls GFLOPs."""
    against: Node | None = None
    """The network that this one is compared with: the figure is then how many percent it has more."""
    share: float = 0.0
    """The tolerance as a share of the published figure, where that is more than one unit of its last digit."""
    reason: str = ""
    """Why the figure cannot be met."""
    remark: str = ""

    @property
    def unit(self) -> str:
        """What the figure counts in."""
        if self.against is not None:
            return "% more"
        return "10^6" if self.quantity == "parameters" else UNITS[self.counting]

    @property
    def tolerance(self) -> float:
        """How far the counted figure may be from the published one; papers truncate as often as they round."""
        if self.published.startswith(">"):
            return 0.0
        decimals = self.published.partition(".")[2]
        kept = max(len(decimals.rstrip("0")), min(len(decimals), FEWEST_DECIMALS))
        return max(10.0**-kept, self.share * float(self.published))


class Outcome(NamedTuple):
    """A row and what was counted for it."""

    row: PublishedFigure
    counted: float | None
    """None where the network cannot be built."""
    error: str = ""

    @property
    def difference(self) -> float | None:
        """Counted less published; None for an order."""
        ordered = self.row.published.startswith(">")
        return None if self.counted is None or ordered else self.counted - float(self.row.published)

    @property
    def met(self) -> bool:
        """Whether the counted figure lies within the tolerance."""
        if self.counted is None:
            return False
        if self.difference is None:
            return self.counted > float(self.row.published[1:])
        # The addend: 33.9 + 0.1 is not quite 34 in floating point.
        return abs(self.difference) <= self.row.tolerance + 1e-9

    @property
    def verdict(self) -> str:
        """``ok``, why the row cannot be met, or what is wrong with it."""
        if self.error:
            return f"cannot be built: {self.error}"
        if self.met:
            return "ok"
        return f"cannot be met: {self.row.reason}" if self.row.reason else "out of tolerance"

    @property
    def passes(self) -> bool:
        """Whether nothing is wrong: the row is met, or it says why it cannot be."""
        return self.met or (self.counted is not None and bool(self.row.reason))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a file."""
        row = self.row
        return {
            "source": row.source, "system": row.system, "input": list(row.input), "quantity": row.quantity,
            "unit": row.unit, "published": row.published, "counted": self.counted, "difference": self.difference,
            "tolerance": row.tolerance, "passes": self.passes, "verdict": self.verdict, "remark": row.remark,
        }  # fmt: skip


def compare(figures: Iterable[PublishedFigure]) -> list[Outcome]:
    """Every row counted; each network is built once, and run once for each input."""
    networks: dict[str, nn.Module] = {}
    costs: dict[tuple[str, Size], Cost] = {}

    def cost(network: Node, size: Size) -> Cost:
        key = json.dumps(network, sort_keys=True)
        if key not in networks:
            networks[key] = build_on_meta(network)
        if (key, size) not in costs:
            costs[key, size] = count(networks[key], size)
        return costs[key, size]

    def figure(row: PublishedFigure, network: Node) -> float:
        counted = cost(network, row.input)
        return counted.parameters / 1e6 if row.quantity == "parameters" else counted.gflops(row.counting)

    def outcome(row: PublishedFigure) -> Outcome:
        try:
            counted = figure(row, row.network)
            if row.against is not None:
                counted = 100 * (counted / figure(row, row.against) - 1)
        except ValueError as error:
            return Outcome(row, None, str(error))
        return Outcome(row, counted)

    return [outcome(row) for row in figures]
