"""From the folder of a sweep over ``init`` and ``seed`` to results.csv and curves.png beside this file."""

import csv
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml
from matplotlib.figure import Figure

HERE = Path(__file__).parent
COLOURS = {"Xavier": "#3366aa", "MSR": "#cc3311", "MultiBranch": "#228833"}
COLUMNS = ("init", "seed", "epoch", "train/loss", "val/pck", "test/pck")

Row = dict[str, Any]


def rows(job: Path) -> Iterator[Row]:
    """Yield a row for each epoch: the mean of its logged losses, and the score on the validation figures."""
    config = yaml.safe_load((job / "config.yaml").read_text(encoding="utf-8"))
    scores = json.loads((job / "metrics.json").read_text(encoding="utf-8"))
    losses: dict[int, list[float]] = defaultdict(list)
    found: dict[int, float] = {}
    with (job / "metrics.csv").open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            if line["train/loss"]:
                losses[int(line["epoch"])].append(float(line["train/loss"]))
            if line["val/pck"]:
                found[int(line["epoch"])] = float(line["val/pck"])
    for epoch, score in found.items():
        yield {
            "init": config["init"]["_target_"].rpartition(".")[2],
            "seed": config["seed"],
            "epoch": epoch + 1,
            "train/loss": round(fmean(losses[epoch]), 6),
            "val/pck": round(score, 4),
            "test/pck": round(scores["test/pck"], 4) if epoch == max(found) else "",
        }


def draw(table: list[Row]) -> None:
    """Draw the mean over the seeds, and the range from the least to the greatest."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, quantity in zip(figure.subplots(1, 2), ("train/loss", "val/pck"), strict=True):
        for init, colour in COLOURS.items():
            seeds: dict[int, list[float]] = defaultdict(list)
            for row in table:
                if row["init"] == init:
                    seeds[row["epoch"]].append(row[quantity])
            means, lows, highs = ([of(values) for values in seeds.values()] for of in (fmean, min, max))
            axes.plot(list(seeds), means, color=colour, label=init, marker="o", markersize=3)
            axes.fill_between(list(seeds), lows, highs, color=colour, alpha=0.15, linewidth=0)
        axes.set_yscale("log" if quantity == "train/loss" else "linear")
        axes.set_xlabel("epoch")
        axes.set_ylabel(quantity)
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(HERE / "curves.png", dpi=130)


if __name__ == "__main__":
    jobs = [path.parent for path in sorted(Path(sys.argv[1]).glob("*/metrics.json"))]
    table = [row for job in jobs for row in rows(job)]
    with (HERE / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    draw(table)
