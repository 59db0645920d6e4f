"""Scores as tables: one row a joint or another part, one column a split or, where they are scored, a stage."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

SIZES = ("small", "medium", "large")
"""In the order in which a table has them; other parts stand as they come."""

COUNT = "_left_out"
"""How the quantities end that are no shares, but numbers of people."""


class Column(NamedTuple):
    """Where a score was taken: on a split, and on which stage's heatmaps where it is not the last's."""

    split: str
    stage: str

    @classmethod
    def of(cls, name: str) -> "Column":
        """That of a score named ``split/...`` or ``split_stage_number/...``."""
        split, _, stage = name.split("/")[0].partition("_stage_")
        return cls(split, stage)


def print_scores(scores: Mapping[str, float], console: Console | None = None) -> None:
    """Prints scores named ``split/quantity`` or ``split/quantity/part``, with their stages in a table a split."""
    console = console or Console()
    columns = list(dict.fromkeys(map(Column.of, scores)))
    if not any(column.stage for column in columns):
        console.print(_table("score", {column: column.split for column in columns}, scores))
        return
    for split in dict.fromkeys(column.split for column in columns):
        own = {column: f"stage {column.stage}" for column in columns if column.split == split and column.stage}
        console.print(_table(split, {**own, Column(split, ""): "last"}, scores))


def _table(title: str, headings: Mapping[Column, str], scores: Mapping[str, float]) -> Table:
    """The scores of some columns."""
    table = Table(title, header_style="bold")
    for heading in headings.values():
        table.add_column(heading, justify="right")
    values = {(Column.of(name), name.partition("/")[2]): value for name, value in scores.items()}
    for row in _rows(name for column, name in values if column in headings):
        cells = [_text(row, values.get((column, row))) for column in headings]
        quantity, _, part = row.partition("/")
        table.add_row(f"  {part}" if part else quantity.replace("_by_", " by "), *cells, style=None if part else "bold")
    return table


def _rows(names: Iterable[str]) -> list[str]:
    """The rows of a table: quantities, each before its parts, even where it has no score of its own."""
    asked = dict.fromkeys(names)
    quantities = dict.fromkeys(name.split("/")[0] for name in asked)

    def place(name: str) -> tuple[str, bool, int]:
        quantity, _, part = name.partition("/")
        return quantity, bool(part), SIZES.index(part) if part in SIZES else 0

    return sorted({**asked, **quantities}, key=place)


def _text(row: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if row.endswith(COUNT) else f"{value:.3f}"
