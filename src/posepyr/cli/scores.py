"""Scores as a table: one row a joint, one column a split."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table


def print_scores(scores: Mapping[str, float], console: Console | None = None) -> None:
    """Prints scores named ``split/quantity`` or ``split/quantity/joint``."""
    splits = list(dict.fromkeys(name.split("/")[0] for name in scores))
    rows = list(dict.fromkeys(name.partition("/")[2] for name in scores))
    # The quantity itself comes before its joints, whatever the order of the names.
    rows.sort(key=lambda row: (row.split("/")[0], row.count("/")))
    table = Table("score", *[f"[bold]{split}" for split in splits], header_style="bold")
    for row in rows:
        values = [scores.get(f"{split}/{row}") for split in splits]
        label = row if "/" not in row else f"  {row.partition('/')[2]}"
        style = "bold" if "/" not in row else None
        table.add_row(label, *["" if value is None else f"{value:.3f}" for value in values], style=style)
    (console or Console()).print(table)
