import csv
from pathlib import Path

import pytest

from posepyr.training.loggers.csv_log import CSVLog


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_are_there_as_soon_as_they_are_logged(tmp_path: Path) -> None:
    log = CSVLog(tmp_path)
    log.log_metrics({"epoch": 0.0, "loss": 0.5}, 0)
    assert rows(tmp_path) == [{"epoch": "0", "step": "0", "loss": "0.5"}]


def test_a_column_that_comes_late_is_added(tmp_path: Path) -> None:
    log = CSVLog(tmp_path)
    log.log_metrics({"loss": 0.5}, 0)
    log.log_metrics({"score": 0.1}, 1)
    assert [row["loss"] for row in rows(tmp_path)] == ["0.5", ""]
    assert [row["score"] for row in rows(tmp_path)] == ["", "0.1"]


def test_a_resumed_table_goes_on_from_the_checkpoint(tmp_path: Path) -> None:
    log = CSVLog(tmp_path)
    for step in range(6):
        log.log_metrics({"loss": float(step)}, step)
    log.log_metrics({"score": 0.1}, 5)
    again = CSVLog(tmp_path)
    again.resume(step=4)
    again.log_metrics({"loss": 40.0}, 4)
    assert [(row["step"], row["loss"]) for row in rows(tmp_path)] == [
        ("0", "0.0"), ("1", "1.0"), ("2", "2.0"), ("3", "3.0"), ("4", "40.0"),
    ]  # fmt: skip


def test_a_row_that_a_crash_cut_short_is_dropped(tmp_path: Path) -> None:
    log = CSVLog(tmp_path)
    log.log_metrics({"loss": 1.0, "score": 2.0}, 0)
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write(",1,3")
    again = CSVLog(tmp_path)
    again.resume(step=5)
    assert [row["step"] for row in rows(tmp_path)] == ["0"]


def test_rows_wait_until_the_disk_takes_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    resource = pytest.importorskip("resource")
    log = CSVLog(tmp_path)
    log.log_metrics({"a": 1.0}, 0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (tmp_path / "metrics.csv").stat().st_size
    try:
        # Part of a row fits, as on a disk that is nearly full.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 2, limits[1]))
        log.log_metrics({"a": 2.5}, 1)
        log.log_metrics({"a": 3.5}, 2)
        log.log_metrics({"a": 3.5, "new": 1.0}, 2)
        assert (tmp_path / "metrics.csv").read_text() == "epoch,step,a\n,0,1.0\n"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caplog.text.count("cannot be written; its rows are kept in memory until it can") == 1
    log.log_metrics({"b": 4.0}, 3)
    written = rows(tmp_path)
    assert [row["step"] for row in written] == ["0", "1", "2", "2", "3"]
    assert [row["a"] for row in written] == ["1.0", "2.5", "3.5", "3.5", ""]
    assert [row["new"] for row in written] == ["", "", "", "1.0", ""]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]
