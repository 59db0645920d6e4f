"""The log that every run has: one table of all that was measured, one row per step."""

import csv
from argparse import Namespace
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only

from posepyr.files import whole


class CSVLog(Logger):
    """Appends to ``metrics.csv`` as things are measured; a new column rewrites the table whole or not at all.

    A run that goes on after an interruption keeps the rows up to its checkpoint and drops what came after it, since
    those steps are taken again.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        self._folder = Path(folder)
        self._columns = ["epoch", "step"]
        self._path = self._folder / "metrics.csv"

    @property
    def name(self) -> str:
        """The run folder's name."""
        return self._folder.name

    @property
    def version(self) -> str:
        """There is one table a run."""
        return ""

    @property
    def save_dir(self) -> str:
        """Where the table lies."""
        return str(self._folder)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: the run folder holds the configuration."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Add one row."""
        row: dict[str, Any] = {"epoch": "", "step": step} | metrics
        if row["epoch"] != "":
            row["epoch"] = int(row["epoch"])
        new = [name for name in row if name not in self._columns]
        if new or not self._path.exists():
            rows = self._rows()
            self._columns += new
            self._rewrite(rows)
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, self._columns).writerow(row)

    def resume(self, step: int) -> None:
        """Go on with the table of an earlier start of the same run, as it stood after ``step`` steps."""
        if not self._path.exists():
            return
        rows = [row for row in self._rows() if row["step"].isdigit() and int(row["step"]) < step]
        self._columns = list(dict.fromkeys([*self._columns, *(name for row in rows for name in row)]))
        self._rewrite(rows)

    def _rows(self) -> list[dict[str, str]]:
        if not self._path.exists():
            return []
        with self._path.open(newline="") as file:
            # A row cut short by a crash lacks its last columns: DictReader gives None for those.
            return [row for row in csv.DictReader(file) if None not in row.values()]

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        with whole(self._path) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(rows)
