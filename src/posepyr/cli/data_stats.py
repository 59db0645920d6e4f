"""``posepyr data stats``: a data set in figures."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posepyr import errors
from posepyr.cli import data_source

if TYPE_CHECKING:
    from posepyr.cli.data_source import Data

EXAMPLES = """examples:
  posepyr data stats data=coco
  posepyr data stats data=lsp --split test --json lsp.json
"""

HEADINGS = {
    "mean": "mean", "p0": "least", "p5": "5%", "p25": "25%", "p50": "median", "p75": "75%", "p95": "95%",
    "p100": "most",
}  # fmt: skip
"""What a distribution is told by, and what it is called."""


def run(arguments: list[str]) -> int:
    """Counts, prints, and writes the figures where they are asked for."""
    options = _parser().parse_intermixed_args(arguments)
    data = data_source.data_of(data_source.configuration(options))
    found = {name: statistics(data, name) for name in dict.fromkeys(options.split or ["train"])}
    if options.json:
        from posepyr.files import write_text

        write_text(options.json, json.dumps({"overrides": options.overrides, "splits": found}, indent=2) + "\n")
    for name, figures in found.items():
        sys.stdout.write("\n".join([f"data  {data_source.named(options)}: {name}", *text(figures)]) + "\n")
    return errors.COMPLETED


def _parser() -> argparse.ArgumentParser:
    parser = data_source.parser(
        "stats",
        "Count people, joints and pictures, and measure boxes and pictures; of labelled pictures, count the classes.",
        EXAMPLES,
    )
    parser.add_argument("--split", action="append", metavar="NAME", help="may be given several times (train)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    return parser


def statistics(data: "Data", name: str) -> dict[str, Any]:
    """A split in figures, as plain data."""
    from posepyr.cli.progress import tracking
    from posepyr.data.module import ClassificationDataModule
    from posepyr.studies.datasets.statistics import labelled_statistics, pose_statistics

    with tracking() as track:
        if isinstance(data, ClassificationDataModule):
            return labelled_statistics(data.source, name, track)
        return pose_statistics(data.source, data.skeleton, name, track)


def text(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures of a split for reading."""
    rows = [(name, figures[key]) for key, name in _DISTRIBUTIONS.items() if key in figures]
    if "people" in figures:
        yield f"{figures['people']:,} people in {figures['pictures']:,} pictures"
        rows += [(name, figures["boxes"][key]) for key, name in _BOXES.items()]
    else:
        yield f"{figures['pictures']:,} pictures of {len(figures['classes'])} classes"
    sizes = figures["picture_sizes"]
    rows += [(f"picture {side}", sizes[side]) for side in ("width", "height")]
    yield ""
    yield from _table([["", *HEADINGS.values()], *([name, *_numbers(found)] for name, found in rows)])
    commonest = ", ".join(f"{size} ({count:,})" for size, count in sizes["commonest"].items())
    yield f"sizes known of {sizes['known']:,} pictures; the commonest, height x width: {commonest or 'none'}"
    yield ""
    yield from _of_joints(figures) if "joints" in figures else _of_classes(figures["classes"])


_DISTRIBUTIONS = {
    "people_in_a_picture": "people in a picture",
    "labelled_joints_of_a_person": "labelled joints",
    "pictures_in_a_class": "pictures in a class",
}
_BOXES = {"width": "box width", "height": "box height", "width_by_height": "box width / height"}
_UNITS = {
    "pck": "PCK: both joints of its unit are labelled",
    "pckh": "PCKh: the size of the head is known",
    "oks": "OKS: the area is known",
}


def _of_joints(figures: Mapping[str, Any]) -> Iterator[str]:
    states = ("visible", "occluded", "not_labelled")
    rows = [[joint, *(f"{shares[state]:.1%}" for state in states)] for joint, shares in figures["joints"].items()]
    yield from _table([["", *(state.replace("_", " ") for state in states)], *rows])
    yield ""
    yield from _table([[_UNITS[unit], f"{share:.1%}"] for unit, share in figures["units"].items()])


def _of_classes(counts: Mapping[str, int]) -> Iterator[str]:
    """All of a few classes, else the smallest and the largest."""
    ordered = sorted(counts.items(), key=lambda one: one[1])
    shown = ordered if len(ordered) <= 2 * _FEW else [*ordered[:_FEW], ("...", 0), *ordered[-_FEW:]]
    yield from _table([[name, f"{count:,}" if name != "..." else ""] for name, count in shown])


_FEW = 10


def _numbers(found: Mapping[str, float]) -> list[str]:
    """To as many digits as there are in 1,000."""
    return [f"{found[key]:,.{2 if abs(found[key]) < 100 else 0}f}" if found else "" for key in HEADINGS]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
