"""The papers' tables, transcribed: every row that is printed is trained, measured, or says why not."""

import re
import shlex

import pytest

from posepyr.cli.main import POSEPYR
from posepyr.configuration.compose import Composer
from posepyr.configuration.papers import PaperRow
from support.recipes import ROWS

PRINTED = {
    ("PyraNet", "table 1"): "44.1 79.6 81.3 82.0 82.4 82.4 85.0 86.1 86.3 88.5 88.5 89.7 90.9 91.8 92.0",
    ("PyraNet", "table 2"): "85.2 86.7 87.1 90.1 90.5 90.7 93.9",
    ("PyraNet", "table 3"): "4.17 3.82 3.67 3.65 3.58 3.39 3.30",
    ("PyraNet", "section 5.1.3"): "87.6 88.0 88.5",
    ("MSSH", "section 5.2.1"): "88.78 89.25",
    ("MSSH", "section 5.2.2"): "89.91 82.95 89.19",
    ("MSSH", "section 5.2.3"): "88.66",
    ("MSSH", "section 5.2.4"): "89.36",
    ("MSSH", "table 1"): "82.0 85.0 86.1 86.3 88.5 90.9 91.2",
    ("MSSH", "table 2 and 3"): "85.2 86.7 90.5 91.4 84.3 85.4 88.3 89.5",
    ("HRNet", "table 1"): "66.9 68.6 69.4 70.4 71.4 72.0 73.4 74.4 75.1 74.3 75.8 76.3",
    ("HRNet", "table 2"): "61.8 65.5 68.7 69.6 63.1 64.9 67.8 68.5 72.1 72.3 72.6 73.0 73.7 74.9 75.5 77.0",
    ("HRNet", "table 3"): "88.5 88.5 89.7 90.9 91.0 91.2 91.2 91.2 91.5 91.8 91.9 92.0 92.1 92.3 91.5 92.3",
    ("HRNet", "table 4"): "88.5 90.9 92.0 92.3 91.5 92.3",
    ("HRNet", "table 5"): "70.3 58.2 59.2 63.2 63.0 59.6 63.7 63.6 70.3 68.8 74.6 74.9 57.8 57.9",
    ("HRNet", "table 6"): "70.8 71.9 73.4",
    ("HRNet", "table 7"): "89.2 89.6 89.8 89.6 90.3 90.0 90.3 90.5 90.1 90.8",
    ("HRNet", "table 8"): "60.6 66.5 76.7 77.3 59.6 63.0 74.6 74.9",
    ("HRNet", "table 9"): "51.8 51.0 57.8 57.9",
    ("PPNet", "table I"): "69.9 70.9 71.5 70.8 72.3 73.2 190 235 205 90 110 95",
    ("PPNet", "table II"): "71.2 71.7 72.7 73.0 74.3 135 135 150 60 75",
    ("PPNet", "table III"): "71.3 73.5 73.4 73.6 73.0 73.9 74.7 100 75 100 130 45 50 65",
    ("PPNet", "table IV"): "74.8 74.7 74.4 75.0 75.5 75.8 37 70 95 32 53 42",
    ("PPNet", "table V"): "64.9 72.1 72.3 72.6 73.9 74.5 74.8 74.9",
    ("PPNet", "table VI"): "88.3 89.2 90.2 89.5 89.7 90.0",
    ("PPNet", "table VII"): "70.9 71.6 72.7 73.6",
    ("PPNet", "table VIII"): "72.3 71.9 71.4",
    ("PPNet", "table IX"): "72.1 73.8 73.8 75.7 70.4 72.2 71.4 73.6",
    ("PPNet", "table X"): "0.073 0.074 0.080 0.102 0.193 0.250 0.297 70.9 69.9 72.7 71.7 75.5 73.0 75.0",
    ("PPNet", "table XI"): "71.8 72.0 72.7 72.6",
}  # fmt: skip
"""By paper and place: the total of each row, and of tables of speed the samples a second or seconds a batch."""


def told(row: PaperRow) -> set[str]:
    """The numbers that a row gives, in the papers' per cent: scores, errors, and what it says in words."""
    scores = {
        f"{value:.{digits}f}"
        for score in row.scores.values()
        for value in (100 * score, 100 - 100 * score)
        for digits in (1, 2)
    }
    return scores | set(re.findall(r"\d+(?:\.\d+)?", row.expected))


@pytest.mark.parametrize("place", PRINTED, ids=" ".join)
def test_every_printed_row_is_there(place: tuple[str, str]) -> None:
    rows = [row for row in ROWS if (row.place.paper, row.place.short) == place]
    known = set[str]().union(*map(told, rows))
    assert [number for number in PRINTED[place].split() if number not in known] == []


def test_the_scales_of_figure_9_are_there() -> None:
    rows = [row for row in ROWS if (row.place.paper, row.place.short) == ("PyraNet", "figure 9 (a-b)")]
    assert [(row.place.row, row.overrides) for row in rows] == [
        (f"S{levels}", () if levels == 4 else (f"model.block.levels={levels}",)) for levels in range(2, 9)
    ]


def test_a_row_is_trained_measured_or_counted_or_says_why_not() -> None:
    for row in ROWS:
        kinds = [row.trains, bool(row.bench), row.counted, bool(row.reason)]
        assert sum(kinds) == 1, row
        assert bool(row.command) != bool(row.reason)
        assert not row.command or shlex.split(row.command)[1] in POSEPYR.commands


@pytest.mark.parametrize("row", [row for row in ROWS if row.bench], ids=lambda row: f"{row.place.short} {row.title}")
def test_what_is_measured_is_what_is_trained(row: PaperRow) -> None:
    program, kind, *words = shlex.split(row.command)[1:]
    assert (program, kind) == ("bench", "model" if row.place.table == "X" else "train")
    overrides = [word for word in words if "=" in word]
    assert overrides == row.choices
    assert any(other.trains and other.choices == overrides and other.place == row.place for other in ROWS)
    assert words[len(overrides) :] == (["--batch", "32"] if kind == "model" else [])
    assert Composer().job(overrides).config["name"].startswith("ppnet_coco")
