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


WEIGHTS = ("best", "last")
"""First parts of the names of a training's scores: whose they are."""


class Column(NamedTuple):
    """Origin of a score: the weights, a split, and the stage whose heatmaps were scored, empty for the last."""

    weights: str
    """``best`` or ``last``; empty where the name does not say."""
    split: str
    stage: str

    @classmethod
    def of(cls, name: str) -> "Column":
        """Return the column of a score named ``[best/|last/]split/...`` or ``[...]split_stage_number/...``."""
        weights, rest = _weights(name)
        split, _, stage = rest.split("/")[0].partition("_stage_")
        return cls(weights, split, stage)


def _weights(name: str) -> tuple[str, str]:
    """Return the weights that a score's name begins with, if it does, and the rest of the name."""
    first, _, rest = name.partition("/")
    return (first, rest) if first in WEIGHTS else ("", name)


def score_table(scores: Mapping[str, float]) -> str:
    """Return scores named ``split/quantity`` or ``split/quantity/part`` as a table.

    The splits are its columns; where the names of some scores begin with ``best/`` or ``last/``, the weights are told
    for all. Where stages are scored too, each split has a table whose columns are the stages.
    """
    columns = list(dict.fromkeys(map(Column.of, scores)))
    # The test is taken with the best weights where there are some.
    tested = next((weights for weights in WEIGHTS if any(column.weights == weights for column in columns)), "")
    titles = {column: f"{column.weights or tested} {column.split}".strip() for column in columns}
    if not any(column.stage for column in columns):
        return _score_table("score", titles, scores)
    tables = []
    for title in dict.fromkeys(titles.values()):
        own = [column for column in columns if titles[column] == title]
        stages = {column: f"stage {column.stage}" for column in own if column.stage}
        tables.append(_score_table(title, {**stages, own[0]._replace(stage=""): "last"}, scores))
    return "\n".join(tables)


def _score_table(title: str, headings: Mapping[Column, str], scores: Mapping[str, float]) -> str:
    values = {(Column.of(name), _weights(name)[1].partition("/")[2]): value for name, value in scores.items()}
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
