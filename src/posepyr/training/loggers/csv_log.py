"""The log of every run: a table ``metrics.csv`` of all logged quantities, one row per step."""

import csv
import logging
import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only

from posepyr.files import whole

log = logging.getLogger("posepyr")


class CSVLog(Logger):
    """Appends rows to ``metrics.csv``; a new column rewrites the table, whole or not at all.

    A run that goes on after an interruption keeps the rows up to its checkpoint and drops those after it, since these
    steps are taken again. Rows that cannot be written, as when the disk is full, are written with a later one.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        self._folder = Path(folder)
        self._columns = ["epoch", "step"]
        self._path = self._folder / "metrics.csv"
        self._waiting: list[dict[str, Any]] = []

    @property
    def name(self) -> str:
        """Return the run folder's name."""
        return self._folder.name

    @property
    def version(self) -> str:
        """Return an empty version: a run has one table."""
        return ""

    @property
    def save_dir(self) -> str:
        """Return the folder of the table."""
        return str(self._folder)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Ignore the hyperparameters: the run folder holds the configuration."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append one row."""
        row: dict[str, Any] = {"epoch": "", "step": step} | metrics
        if row["epoch"] != "":
            row["epoch"] = int(row["epoch"])
        self._waiting.append(row)
        try:
            self._write()
        except OSError as error:
            if len(self._waiting) == 1:
                log.warning("%s cannot be written; its rows are kept in memory until it can: %s", self._path, error)

    def _write(self) -> None:
        """Write all waiting rows; none of them where one fails."""
        names = dict.fromkeys([*self._columns, *(name for row in self._waiting for name in row)])
        if len(names) > len(self._columns) or not self._path.exists():
            self._rewrite(self._rows(), [*names])
        end = self._path.stat().st_size
        try:
            with self._path.open("a", newline="") as file:
                csv.DictWriter(file, self._columns).writerows(self._waiting)
        except OSError:
            os.truncate(self._path, end)
            raise
        self._waiting = []

    def resume(self, step: int) -> None:
        """Go on with the table of an earlier start of the same run, as it was after ``step`` steps."""
        if not self._path.exists():
            return
        rows = [row for row in self._rows() if row["step"].isdigit() and int(row["step"]) < step]
        self._rewrite(rows, list(dict.fromkeys([*self._columns, *(name for row in rows for name in row)])))

    def _rows(self) -> list[dict[str, str]]:
        if not self._path.exists():
            return []
        with self._path.open(newline="") as file:
            # A row cut short by a crash lacks its last columns: DictReader gives None for those.
            return [row for row in csv.DictReader(file) if None not in row.values()]

    def _rewrite(self, rows: list[dict[str, str]], columns: list[str]) -> None:
        with whole(self._path) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        self._columns = columns
