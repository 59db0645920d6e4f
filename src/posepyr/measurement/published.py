"""Every size and cost that the papers print of systems that posepyr has: :mod:`posepyr.configuration.papers`."""

from collections.abc import Iterator

from posepyr.configuration.catalogue import search_folders
from posepyr.configuration.outline import outline
from posepyr.configuration.papers import PaperRow, papers
from posepyr.measurement.comparison import Node, PublishedFigure, Quantity


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
