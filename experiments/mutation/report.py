"""Write the tables of a mutation run: mutants by file and by kind, and every survivor with its reason."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

EQUIVALENT = HERE / "equivalent.csv"
"""Mutants that change nothing, by name, with a reason each; written by hand."""

COUNTS = ("mutants", "killed", "equivalent", "survived", "killed of those that change something")


def read_reasons() -> dict[str, str]:
    """Return the reasons of equivalent mutants by their names."""
    with EQUIVALENT.open(encoding="utf-8", newline="") as stream:
        return {row["name"]: row["reason"] for row in csv.DictReader(stream)}


def write_report(rows: list[dict[str, Any]]) -> None:
    """Write ``results.csv`` and ``survivors.csv`` beside this file."""
    reasons = read_reasons()
    groups = {"structural": [], "ordinary": []} | {name: [] for name in sorted({row["file"] for row in rows})}
    groups |= {name: [] for name in sorted({row["kind"] for row in rows})}
    for row in rows:
        for name in ("structural" if row["structural"] else "ordinary", row["file"], row["kind"]):
            groups[name].append(row)
    table = [{"of": name, **_counted(group, reasons)} for name, group in [("all", rows), *groups.items()]]
    _write(HERE / "results.csv", ["of", *COUNTS], table)
    alive = sorted((row for row in rows if row["outcome"] != "killed"), key=lambda row: (row["file"], row["line"]))
    listed = [{**row, "reason": reasons.get(row["name"], "")} for row in map(_short, alive)]
    _write(HERE / "survivors.csv", ["name", "file", "line", "scope", "kind", "before", "after", "reason"], listed)


def _counted(rows: list[dict[str, Any]], reasons: dict[str, str]) -> dict[str, Any]:
    killed = sum(row["outcome"] == "killed" for row in rows)
    equivalent = sum(row["outcome"] != "killed" and row["name"] in reasons for row in rows)
    share = f"{100 * killed / max(len(rows) - equivalent, 1):.1f} %"
    return dict(zip(COUNTS, (len(rows), killed, equivalent, len(rows) - killed - equivalent, share), strict=True))


def _short(row: dict[str, Any]) -> dict[str, Any]:
    texts = {side: " ".join(row[side].split()) for side in ("before", "after")}
    return {key: row[key] for key in ("name", "file", "line", "scope", "kind")} | texts


def _write(path: Path, columns: list[str], rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
