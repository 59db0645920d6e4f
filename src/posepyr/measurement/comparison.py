"""Figures that papers print, beside those that are counted."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from torch import nn

from posepyr.configuration.catalogue import search_folders
from posepyr.configuration.outline import outline
from posepyr.configuration.papers import Counting, PaperRow, papers
from posepyr.measurement.complexity import UNITS, Cost, build_on_meta, count

Node = Mapping[str, Any]
Size = tuple[int, int, int]
Quantity = Literal["parameters", "GFLOPs"]

FEWEST_DECIMALS = 1
"""Zeros at a figure's end are taken for padding behind this decimal: 7.10 stands for 7.1, 53.0 for itself."""


class PublishedFigure(NamedTuple):
    """One published figure of one network at one input."""

    source: str
    system: str
    network: Node
    input: Size
    """Channels, height, width."""
    quantity: Quantity
    published: str
    """As printed; ``>0`` of an order that is only drawn or told."""
    counting: Counting = "HRNet"
    """The paper's meaning of GFLOPs."""
    against: Node | None = None
    """The network that this one is compared with: the figure is then how many percent it has more."""
    share: float = 0.0
    """The tolerance as a share of the published figure, where that is more than one unit of its last digit."""
    reason: str = ""
    """The reason why the figure cannot be met."""
    remark: str = ""

    @property
    def unit(self) -> str:
        """The unit of the figure."""
        if self.against is not None:
            return "% more"
        return "10^6" if self.quantity == "parameters" else UNITS[self.counting]

    @property
    def tolerance(self) -> float:
        """The most that the counted figure may be off; papers truncate as often as they round."""
        if self.published.startswith(">"):
            return 0.0
        decimals = self.published.partition(".")[2]
        kept = max(len(decimals.rstrip("0")), min(len(decimals), FEWEST_DECIMALS))
        return max(10.0**-kept, self.share * float(self.published))


class Outcome(NamedTuple):
    """A published figure and what was counted for it."""

    figure: PublishedFigure
    counted: float | None
    """None where the network cannot be built."""
    error: str = ""

    @property
    def difference(self) -> float | None:
        """Counted less published; None for an order."""
        ordered = self.figure.published.startswith(">")
        return None if self.counted is None or ordered else self.counted - float(self.figure.published)

    @property
    def met(self) -> bool:
        """True where the counted figure lies within the tolerance."""
        if self.counted is None:
            return False
        if self.difference is None:
            return self.counted > float(self.figure.published[1:])
        # The addend: 33.9 + 0.1 is not quite 34 in floating point.
        return abs(self.difference) <= self.figure.tolerance + 1e-9

    @property
    def verdict(self) -> str:
        """``ok``, the reason why the figure cannot be met, or what is wrong with it."""
        if self.error:
            return f"cannot be built: {self.error}"
        if self.met:
            return "ok"
        return f"cannot be met: {self.figure.reason}" if self.figure.reason else "out of tolerance"

    @property
    def passes(self) -> bool:
        """True unless something is wrong: the figure is met, or it says why it cannot be."""
        return self.met or (self.counted is not None and bool(self.figure.reason))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a file."""
        figure = self.figure
        return {
            "source": figure.source, "system": figure.system, "input": list(figure.input), "quantity": figure.quantity,
            "unit": figure.unit, "published": figure.published, "counted": self.counted, "difference": self.difference,
            "tolerance": figure.tolerance, "passes": self.passes, "verdict": self.verdict, "remark": figure.remark,
        }  # fmt: skip


def compare(figures: Iterable[PublishedFigure]) -> list[Outcome]:
    """Count what every figure is of; each network is built once, and run once for each input."""
    counts = _Counts()
    return [_outcome(figure, counts) for figure in figures]


class _Counts:
    """The costs of networks, each counted once."""

    def __init__(self) -> None:
        self._networks: dict[str, nn.Module] = {}
        self._costs: dict[tuple[str, Size], Cost] = {}

    def counted(self, figure: PublishedFigure, network: Node) -> float:
        """Return a figure's quantity of a network; ValueError where it cannot be built."""
        key = json.dumps(network, sort_keys=True)
        if key not in self._networks:
            self._networks[key] = build_on_meta(network)
        if (key, figure.input) not in self._costs:
            self._costs[key, figure.input] = count(self._networks[key], figure.input)
        cost = self._costs[key, figure.input]
        return cost.parameters / 1e6 if figure.quantity == "parameters" else cost.gflops(figure.counting)


def _outcome(figure: PublishedFigure, counts: _Counts) -> Outcome:
    try:
        counted = counts.counted(figure, figure.network)
        if figure.against is not None:
            counted = 100 * (counted / counts.counted(figure, figure.against) - 1)
    except ValueError as error:
        return Outcome(figure, None, str(error))
    return Outcome(figure, counted)


def published_figures() -> list[PublishedFigure]:
    """Return all of them, paper by paper in its own order."""
    return [figure for paper in papers().values() for row in paper.rows for figure in _figures(row)]


def _figures(row: PaperRow) -> Iterator[PublishedFigure]:
    """Yield what a row prints: its parameters, its GFLOPs, both or neither."""
    size = row.size
    if not (size.parameters or size.gflops):
        return
    network: Node
    if size.network is not None and size.input is not None:
        network, shape = size.network, size.input
    else:
        network, shape = outline(search_folders(), row.experiment, row.overrides)
    printed: tuple[tuple[Quantity, str], ...] = (("parameters", size.parameters), ("GFLOPs", size.gflops))
    for quantity, published in printed:
        if published:
            yield PublishedFigure(
                source=f"{row.place.paper} {row.place.short}",
                system=row.what,
                network=network,
                input=shape,
                quantity=quantity,
                published=published,
                counting=size.counting,
                against=_against(row),
                share=size.share if quantity == "GFLOPs" else 0.0,
                reason=size.unmet.get(quantity.lower(), ""),
                remark=size.remark,
            )


def _against(row: PaperRow) -> Node | None:
    """Return the node of the network that a row's is compared with."""
    if isinstance(row.size.against, str):
        return outline(search_folders(), row.experiment, row.size.against.split()).network if row.size.against else None
    return row.size.against
