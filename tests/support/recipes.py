"""The papers' trainings: what their rows choose, each once."""

from typing import Any

from posepyr.configuration.papers import PaperRow, papers

ROWS: list[PaperRow] = [row for paper in papers().values() for row in paper.rows]

TRAININGS: dict[str, list[str]] = {
    " ".join([str(row.experiment), *row.overrides]): row.choices for row in ROWS if row.trains
}
"""The overrides of every training that a row stands for, by experiment and overrides in one line."""


def flat(config: Any, path: str = "") -> dict[str, Any]:
    """Every value by its dotted key."""
    if not isinstance(config, dict) or not config:
        return {path: config}
    return {
        key: value
        for name, inner in config.items()
        for key, value in flat(inner, f"{path}.{name}" if path else str(name)).items()
    }
