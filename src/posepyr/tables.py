"""Tables in plain text: the one printer of rows and columns, and the layout of scores that is printed with it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

PART_ORDER = ("small", "medium", "large")
"""Parts that a table has in this order; other parts stand in the order of the scores."""

COUNT = "_people_not_scored"
"""Suffix of the quantities that are numbers of people, not shares."""


def align(rows: Sequence[Sequence[str]], sides: str = "<>", gap: str = "  ") -> list[str]:
    """Return rows as lines whose columns stand below each other, without spaces at the ends.

    ``sides`` holds ``<`` (left) or ``>`` (right) for each column; its last character serves all further columns:

    >>> align([["", "mean", "most"], ["width", "9.5", "120"]])
    ['       mean  most', 'width   9.5   120']
    """
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = sides + sides[-1] * len(widths)
    return [
        gap.join(f"{cell:{side}{width}}" for cell, side, width in zip(row, padded, widths, strict=False)).rstrip()
        for row in rows
    ]


class Column(NamedTuple):
    """Origin of a score: a split, and the stage whose heatmaps were scored, empty for the last."""

    split: str
    stage: str

    @classmethod
    def of(cls, name: str) -> "Column":
        """Return the column of a score named ``split/...`` or ``split_stage_number/...``."""
        split, _, stage = name.split("/")[0].partition("_stage_")
        return cls(split, stage)


def score_table(scores: Mapping[str, float]) -> str:
    """Return scores named ``split/quantity`` or ``split/quantity/part`` as a table.

    The splits are its columns. Where stages are scored too, each split has a table whose columns are the stages.
    """
    columns = list(dict.fromkeys(map(Column.of, scores)))
    if not any(column.stage for column in columns):
        return _score_table("score", {column: column.split for column in columns}, scores)
    tables = []
    for split in dict.fromkeys(column.split for column in columns):
        stages = {column: f"stage {column.stage}" for column in columns if column.split == split and column.stage}
        tables.append(_score_table(split, {**stages, Column(split, ""): "last"}, scores))
    return "\n".join(tables)


def _score_table(title: str, headings: Mapping[Column, str], scores: Mapping[str, float]) -> str:
    values = {(Column.of(name), name.partition("/")[2]): value for name, value in scores.items()}
    rows = [[title, *headings.values()]]
    for row in _row_names(name for column, name in values if column in headings):
        cells = [_cell(row, values.get((column, row))) for column in headings]
        quantity, _, part = row.partition("/")
        rows.append([f"  {part}" if part else quantity.replace("_by_", " by "), *cells])
    return "\n".join(align(rows)) + "\n"


def _row_names(names: Iterable[str]) -> list[str]:
    """Return the names of a table's rows: each quantity before its parts, even if it has no score of its own."""
    scored = dict.fromkeys(names)
    quantities = dict.fromkeys(name.split("/")[0] for name in scored)

    def key(name: str) -> tuple[str, bool, int]:
        quantity, _, part = name.partition("/")
        return quantity, bool(part), PART_ORDER.index(part) if part in PART_ORDER else 0

    return sorted({**scored, **quantities}, key=key)


def _cell(row: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if row.endswith(COUNT) else f"{value:.3f}"
